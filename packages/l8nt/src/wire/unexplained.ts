/**
 * A payment that the books cannot explain, as the owner reads it and as a directive keeps it.
 * spec/4-purchase.md §8.
 */
import type { UnexplainedPayment } from "../ports/owner.ts";
import { amount } from "./amount.ts";
import { codecOf, hash, object, oneOf, optional, readLeniently, seconds, text } from "./codec.ts";

export const unexplained = codecOf<UnexplainedPayment>()(
  object({
    paymentHash: hash,
    why: oneOf("missing", "more", "failed", "late", "unreadable"),
    row: optional(text),
    amount,
    fee: amount,
    unbooked: amount,
    at: seconds,
    foundAt: seconds,
    wallet: optional(text),
  }),
);

export const writeUnexplained = (payment: UnexplainedPayment): string =>
  JSON.stringify(unexplained.write(payment));

/** @throws AdapterError `ERR_REQUEST` for a text that `writeUnexplained` did not write */
export const readUnexplained = (json: string): UnexplainedPayment =>
  readLeniently(unexplained, JSON.parse(json), "payment");
