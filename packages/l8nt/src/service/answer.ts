/** The refusals of a service, exactly as spec/3-challenge.md §5 has them. */
import {
  AdapterError,
  type BudgetCode,
  type DenialCode,
  type DeniedError,
  type SigilError,
  type TokenError,
} from "../errors.ts";
import { Challenge } from "../l402/index.ts";
import { problemOf, problemResponse, unauthorizedResponse } from "../wire/problem.ts";
import type { Refused } from "./decision.ts";

/** Genuine, and a fresh payment would help. Every other denial is 403: paying would not help. */
const PAYABLE = new Set<DenialCode | BudgetCode>([
  "ERR_EXPIRED",
  "ERR_REVOKED",
  "ERR_BUDGET",
  "ERR_USES",
]);

export const isPayable = (error: DeniedError): boolean =>
  error.refusals.every(
    ({ code, node }) =>
      // The price that a sale was capped at stands at the root; an agent's own cap binds him
      // whatever is paid.
      PAYABLE.has(code) || (code === "ERR_PRICE" && node?.agent === undefined),
  );

export function refuse(
  status: number,
  error: SigilError,
  headers?: Headers,
  detail?: string,
): Refused {
  return {
    granted: false,
    code: error.code,
    response: problemResponse(problemOf(status, error, detail), headers),
  };
}

/**
 * 402 with the challenge as two field lines, `LSAT` first: the reference clients match by regular
 * expression.
 */
export function paymentRequired(error: SigilError, challenge: Challenge): Refused {
  const headers = new Headers();
  for (const line of Challenge.format(challenge)) headers.append("www-authenticate", line);
  return refuse(402, error, headers);
}

/**
 * 401 with the scheme, and nothing to pay: a bad credential costs the node no invoice. What is
 * malformed or forged is told its class only. [cases 90, 98]
 */
export const unauthorized = (error: SigilError, enforced: readonly string[]): Refused => ({
  granted: false,
  code: error.code,
  response: unauthorizedResponse(error, enforced),
});

/**
 * Two credentials are a request that cannot be read; everything else about a credential is its own
 * fault.
 */
export const refuseToken = (error: TokenError, enforced: readonly string[]): Refused =>
  error.code === "ERR_TOKEN_AMBIGUOUS" ? refuse(400, error) : unauthorized(error, enforced);

/**
 * Nothing is granted and nothing sold for as long as nobody can tell what was revoked; that may be
 * over soon.
 */
export const isSilence = (error: DeniedError): boolean => error.code === "ERR_REVOCATION_UNKNOWN";

export function tooManyRequests(seconds: number): Refused {
  const error = new AdapterError(
    "ERR_RATE_LIMITED",
    "Too many challenges were asked for and not paid. Pay one that you have, or wait.",
  );
  return refuse(429, error, new Headers({ "retry-after": String(seconds) }));
}
