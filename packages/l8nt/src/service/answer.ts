/** Which refusals a payment helps with. spec/3-challenge.md §5. */
import type { BudgetCode, DenialCode, DeniedError, TokenCode, TokenError } from "../errors.ts";

/** What a credential of a new sale is not, or has enough of, whichever node said no. */
const USED_UP: ReadonlySet<DenialCode | BudgetCode> = new Set<DenialCode | BudgetCode>([
  "ERR_EXPIRED",
  "ERR_REVOKED",
  "ERR_BUDGET",
  "ERR_USES",
]);

/**
 * What the caveats of a sale say otherwise: those of the root node. The caveats of an agent bind
 * the agent, whatever is paid.
 */
const ELSEWHERE: ReadonlySet<DenialCode | BudgetCode> = new Set<DenialCode | BudgetCode>([
  "ERR_ENDPOINT",
  "ERR_SERVICE",
  "ERR_CAPABILITY",
  "ERR_MODEL",
  "ERR_NOT_YET_VALID",
]);

/**
 * Whether only a new credential would help with every refusal of `error`, and is to be had here.
 * Where nothing is sold, another credential for the same may be had elsewhere.
 */
export const isPayable = (error: DeniedError, isSold: boolean): boolean =>
  error.refusals.every(
    ({ code, node }) =>
      USED_UP.has(code) ||
      (node?.agent === undefined && (code === "ERR_PRICE" || (isSold && ELSEWHERE.has(code)))),
  );

/**
 * Credentials that read well and prove nothing here. One of a retired secret cannot be told from a
 * forged one, and its holder has to be able to buy another. What cannot be read is the fault of its
 * sender, who would make it again.
 */
const UNPROVEN: ReadonlySet<TokenCode> = new Set<TokenCode>([
  "ERR_TOKEN_FORGED",
  "ERR_TOKEN_PREIMAGE",
  "ERR_TOKEN_ROOT",
  "ERR_TOKEN_ISSUER",
  "ERR_TOKEN_KEY",
]);

/** Whether a request with this credential is sold to as one without any. */
export const isUnproven = (error: TokenError): boolean => UNPROVEN.has(error.code);
