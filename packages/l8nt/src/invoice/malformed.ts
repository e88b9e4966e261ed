/** The only error that reading an invoice throws. */
import { ChallengeError } from "../errors.ts";

/**
 * `what` names the broken rule and never quotes the invoice, which may have any length and any
 * description.
 */
export function malformed(what: string): ChallengeError {
  return new ChallengeError(
    "ERR_INVOICE_MALFORMED",
    `Malformed invoice: ${what}. Nothing was paid.`,
  );
}
