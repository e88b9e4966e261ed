/** The one error that reading an invoice throws. */
import { ChallengeError } from "../errors.ts";

/**
 * `what` names the rule, never the invoice: a description may hold anything, and the text is as
 * long as its author likes.
 */
export function malformed(what: string): ChallengeError {
  return new ChallengeError(
    "ERR_INVOICE_MALFORMED",
    `Malformed invoice: ${what}. Nothing was paid.`,
  );
}
