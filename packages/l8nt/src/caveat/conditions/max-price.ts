/** `max_price_<unit>`: the most that one purchase or request may cost. */
import { formatAmount, UNITS, type Unit } from "../../amount.ts";
import { type Condition, caveatOf, condition } from "../condition.ts";
import { amountFlag, field, writeAmounts } from "../field.ts";
import { readInteger } from "../integer.ts";

function maxPrice(unit: Unit): Condition<bigint> {
  const name = `max_price_${unit}`;
  return condition<bigint>({
    name,
    judgedBy: "both",
    handOver: "dropped",
    unit,
    fields: [
      field("maxPrice", {
        example: '"10 sat"',
        flag: amountFlag("max-price", '"10 sat"', "for one request"),
        write(amounts, terms) {
          const max = writeAmounts(amounts, unit, terms);
          return max === undefined ? [] : [caveatOf({ name }, max)];
        },
      }),
    ],
    spec: {
      value: "integer",
      denies: "the price is known, in this unit, and greater",
      code: "ERR_PRICE",
    },
    parse: readInteger,
    prohibits: (max, { price }) =>
      price === undefined || price.unit !== unit || price.value <= max
        ? undefined
        : {
            code: "ERR_PRICE",
            have: `at most ${formatAmount({ unit, value: max })} at once`,
            need: formatAmount(price),
          },
    covers: (outer, inner) => inner <= outer,
    words: (value) => [`at most ${formatAmount({ unit, value })} at once`],
  });
}

export const maxPrices: readonly Condition<bigint>[] = UNITS.map(maxPrice);
