/** `max_price_<unit>`: the most that one purchase or request may cost. */
import { formatAmount, UNITS, type Unit, unitName } from "../../amount.ts";
import { type Condition, type ConditionTexts, caveatOf, condition } from "../condition.ts";
import {
  apply,
  type Check,
  check,
  fact,
  integer,
  not,
  query,
  setOf,
  text,
  variable,
} from "../datalog.ts";
import { field, writeAmounts } from "../field.ts";
import { typedAmounts } from "../flag.ts";
import { readInteger } from "../integer.ts";

export const maxPriceOf = (unit: Unit): string => `max_price_${unit}`;

function maxPrice(unit: Unit): Condition<bigint> {
  const name = maxPriceOf(unit);
  return condition<bigint>({
    name,
    judgedBy: "both",
    handOver: "dropped",
    unit,
    fields: [
      field("maxPrice", (amounts, terms) => {
        const max = writeAmounts(amounts, unit, terms);
        return max === undefined ? [] : [caveatOf({ name }, max)];
      }),
    ],
    code: "ERR_PRICE",
    parse: readInteger,
    prohibits: (max, { price }) =>
      price === undefined || price.unit !== unit || price.value <= max
        ? undefined
        : {
            have: `at most ${formatAmount({ unit, value: max })} at once`,
            need: formatAmount(price),
          },
    covers: (outer, inner) => inner <= outer,
  });
}

export const maxPrices: readonly Condition<bigint>[] = UNITS.map(maxPrice);

/** A verifier that knows no price says `price("none", 0)`. */
export const maxPriceCheck = (max: bigint, { unit }: { readonly unit?: Unit }): Check =>
  check(
    query(
      [fact("price", variable("u"), variable("p"))],
      ...not(apply(setOf([unit!]), "contains", variable("u"))),
    ),
    query([fact("price", text(unit!), variable("p"))], ...apply(variable("p"), "<=", integer(max))),
  );

export const maxPriceTexts: ConditionTexts<bigint> = {
  spec: {
    value: "integer",
    denies: "the price is known, in this unit, and greater",
  },
  words: (value, _now, { unit }) => [
    value === 0n
      ? `nothing in ${unitName(unit!)}`
      : `at most ${formatAmount({ unit: unit!, value })} at once`,
  ],
  fields: {
    maxPrice: {
      example: '"10 sat"',
      flag: {
        name: "max-price",
        value: '"10 sat"',
        help: "for one request",
        repeatable: true,
        read: typedAmounts,
      },
    },
  },
};
