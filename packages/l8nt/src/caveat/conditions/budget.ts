/** `budget_<unit>` and its windows: the most that may be spent. spec/2-caveats.md §5. */
import { formatAmount, UNITS, type Unit } from "../../amount.ts";
import { type Condition, type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { field, writeAmounts } from "../field.ts";
import { typedAmounts } from "../flag.ts";
import { readInteger } from "../integer.ts";
import { DAY, HOUR, MONTH, type Window, windowWords } from "../window.ts";

const SPANS = [
  { key: "budget" },
  { key: "budgetPerHour", window: HOUR },
  { key: "budgetPerDay", window: DAY },
  { key: "budgetPerMonth", window: MONTH },
] as const;

interface Span {
  readonly key: (typeof SPANS)[number]["key"];
  readonly window?: Window;
}

function budget(unit: Unit, { key, window }: Span): Condition<bigint> {
  const name = `budget_${unit}${window?.suffix ?? ""}`;
  return condition<bigint>({
    name,
    judgedBy: "both",
    handOver: "dropped",
    unit,
    bound: "spend",
    fields: [
      field(key, (amounts, terms) => {
        const max = writeAmounts(amounts, unit, terms);
        return max === undefined ? [] : [caveatOf({ name }, max)];
      }),
    ],
    code: "ERR_BUDGET",
    parse: readInteger,
    limit: (max) =>
      window === undefined
        ? { kind: "spend", unit, max }
        : { kind: "spend", unit, max, windowSeconds: window.seconds },
    covers: (outer, inner) => inner <= outer,
  });
}

export const budgets: readonly Condition<bigint>[] = UNITS.flatMap((unit) =>
  SPANS.map((span) => budget(unit, span)),
);

/** The name of a unit's budget over the whole life, for a refusal that lacks one. */
export const budgetOf = (unit: Unit): string => budget(unit, SPANS[0]).name;

export const budgetTexts: ConditionTexts<bigint> = {
  spec: { value: "integer", denies: "the spends would pass it" },
  words: (value, _now, { unit, limit }) => [
    `${formatAmount({ unit: unit!, value })} ${windowWords(limit!(value as never).windowSeconds)}`,
  ],
  fields: {
    budget: {
      example: '"500 sat"',
      flag: {
        name: "budget",
        value: '"500 sat"',
        help: "in all, routing fees included",
        repeatable: true,
        read: typedAmounts,
      },
    },
    budgetPerHour: {
      example: '"50 sat"',
      flag: {
        name: "budget-per-hour",
        value: '"50 sat"',
        help: "within any hour",
        repeatable: true,
        read: typedAmounts,
      },
    },
    budgetPerDay: {
      example: '"100 sat"',
      flag: {
        name: "budget-per-day",
        value: '"100 sat"',
        help: "within any day",
        repeatable: true,
        read: typedAmounts,
      },
    },
    budgetPerMonth: {
      example: '"900 sat"',
      flag: {
        name: "budget-per-month",
        value: '"900 sat"',
        help: "within any thirty days",
        repeatable: true,
        read: typedAmounts,
      },
    },
  },
};
