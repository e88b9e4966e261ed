/**
 * The error for what was paid for and not answered, the same from a client and from a treasury.
 * spec/4-purchase.md §2, §4.5.
 */
import { PaymentError, type Spent } from "../errors.ts";

/**
 * @param spent what this very request has spent
 * @param what the end of a sentence that begins with the service
 */
export const noAnswer = (
  spent: Spent,
  cause: unknown,
  what: "does not answer" | "broke off its answer" = "does not answer",
): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    spent,
    `The service was paid, by this order or an earlier one, and ${what}. What was paid for is kept: send the request again, and it is used before anything is paid. If the service counts the lost answer, a new order is paid for again.`,
    { cause },
  );
