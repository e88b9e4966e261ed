/** `max_price_<unit>`: the most that one purchase or request may cost. */
import { type AmountText, amountMsat, formatAmount, type Unit } from "../../amount.ts";
import { type Condition, caveatOf, condition } from "../condition.ts";
import { field, textFlag } from "../field.ts";
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
        flag: textFlag("max-price", '"10 sat"', "for one request"),
        write: (text: AmountText, { what }) => [caveatOf({ name }, amountMsat(text, what))],
      }),
    ],
    spec: { value: "integer", denies: "the price is known and greater", code: "ERR_PRICE" },
    parse: readInteger,
    prohibits: (max, { priceMsat }) =>
      priceMsat === undefined || priceMsat <= max
        ? undefined
        : {
            code: "ERR_PRICE",
            have: `at most ${formatAmount({ unit, value: max })} at once`,
            need: formatAmount({ unit, value: priceMsat }),
          },
    covers: (outer, inner) => inner <= outer,
    words: (value) => [`at most ${formatAmount({ unit, value })} at once`],
  });
}

export const maxPrices: readonly Condition<bigint>[] = [maxPrice("msat")];
