/** Amounts in JSON. A number would round, and `bigint` has no JSON of its own: values are text. */
import { type Amount, UNITS, type Unit } from "../amount.ts";
import { type Codec, codecOf, mapped, object, oneOf, pattern } from "./codec.ts";

/** What an amount is counted in. */
export const unit: Codec<Unit> = oneOf(...UNITS);

/** A decimal string of 20 digits at most. What was recorded as given back may be below zero. */
export const decimal: Codec<bigint> = mapped(
  pattern(/^-?[0-9]{1,20}$/, "be a whole number as a decimal string"),
  "be a whole number as a decimal string",
  (digits) => BigInt(digits),
  (value) => value.toString(),
);

/** `{"unit":"msat","value":"10000"}` */
export const amount = codecOf<Amount>()(object({ unit, value: decimal }));
