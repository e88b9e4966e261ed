/** `budget_<unit>` and its windows: the most that may be spent. spec/2-caveats.md §5. */
import { formatAmount, UNITS, type Unit } from "../../amount.ts";
import { type Condition, caveatOf, condition } from "../condition.ts";
import { amountFlag, field, writeAmounts } from "../field.ts";
import { readInteger } from "../integer.ts";
import { DAY, HOUR, MONTH, type Window } from "../window.ts";

const SPANS = [
  { key: "budget", flag: "budget", help: "in all, routing fees included", example: '"500 sat"' },
  {
    key: "budgetPerHour",
    flag: "budget-per-hour",
    help: "within any hour",
    window: HOUR,
    example: '"50 sat"',
  },
  {
    key: "budgetPerDay",
    flag: "budget-per-day",
    help: "within any day",
    window: DAY,
    example: '"100 sat"',
  },
  {
    key: "budgetPerMonth",
    flag: "budget-per-month",
    help: "within any thirty days",
    window: MONTH,
    example: '"900 sat"',
  },
] as const;

interface Span {
  readonly key: (typeof SPANS)[number]["key"];
  readonly flag: string;
  readonly help: string;
  readonly example: string;
  readonly window?: Window;
}

function budget(unit: Unit, { key, flag, help, window, example }: Span): Condition<bigint> {
  const name = `budget_${unit}${window?.suffix ?? ""}`;
  return condition<bigint>({
    name,
    judgedBy: "both",
    handOver: "dropped",
    unit,
    bound: "spend",
    fields: [
      field(key, {
        example,
        flag: amountFlag(flag, example, help),
        write(amounts, terms) {
          const max = writeAmounts(amounts, unit, terms);
          return max === undefined ? [] : [caveatOf({ name }, max)];
        },
      }),
    ],
    spec: { value: "integer", denies: "the spends would pass it", code: "ERR_BUDGET" },
    parse: readInteger,
    limit: (max) =>
      window === undefined
        ? { kind: "spend", unit, max }
        : { kind: "spend", unit, max, windowSeconds: window.seconds },
    covers: (outer, inner) => inner <= outer,
    words: (value) => [`${formatAmount({ unit, value })} ${window?.words ?? "in all"}`],
  });
}

export const budgets: readonly Condition<bigint>[] = UNITS.flatMap((unit) =>
  SPANS.map((span) => budget(unit, span)),
);

/** The name of a unit's budget over the whole life, for a refusal that lacks one. */
export const budgetOf = (unit: Unit): string => budget(unit, SPANS[0]).name;
