/** Problem details (RFC 9457): how every HTTP end of Sigil says no. */
import { DeniedError, type ErrorCode, type SigilError, type Spent, TokenError } from "../errors.ts";

/** Stable members beside RFC 9457's own; never a credential. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly [member: string]: unknown;
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Credential refused",
  402: "Payment required",
  403: "Out of scope",
  404: "Not found",
  413: "Too large",
  429: "Too many requests",
  502: "Service unreachable",
  503: "Unavailable",
};

export function problemOf(status: number, error: SigilError, detail = error.message): Problem {
  const problem: Problem = {
    type: `urn:sigil:${error.code}`,
    title: TITLES[status] ?? "Error",
    status,
    detail,
    code: error.code,
  };
  const { spent } = error as { spent?: Spent };
  const whole = spent === undefined ? problem : { ...problem, spent };
  if (!(error instanceof DeniedError)) return whole;
  const [first] = error.refusals;
  return { ...whole, condition: first?.condition, node: first?.node, refusals: error.refusals };
}

/**
 * What a bearer of a bad credential may know. A forger learns the class only: not which check he
 * failed. [case 98]
 */
const CLASSES = new Set([
  "ERR_TOKEN_MALFORMED",
  "ERR_TOKEN_TOO_LARGE",
  "ERR_TOKEN_MISSING",
  "ERR_TOKEN_THIRD_PARTY",
]);

/**
 * 401 with the scheme (RFC 9110 §15.5.2), and nothing to pay. @param enforced the conditions that
 * are judged here
 */
export function unauthorizedResponse(error: SigilError, enforced: readonly string[]): Response {
  const shown =
    error instanceof TokenError && !CLASSES.has(error.code)
      ? new TokenError(
          "ERR_TOKEN_FORGED",
          "The credential is not genuine here: forged, altered, unpaid, or minted elsewhere.",
        )
      : error;
  const headers = new Headers({
    "www-authenticate": `L402 version="0", caveats="${enforced.join(" ")}"`,
  });
  return problemResponse(problemOf(401, shown), headers);
}

export function problemResponse(problem: Problem, headers: Headers = new Headers()): Response {
  headers.set("content-type", "application/problem+json");
  // It may be over in a moment, and nothing but waiting helps.
  if (problem.code === "ERR_REVOCATION_UNKNOWN") headers.set("retry-after", "1");
  headers.set("cache-control", "no-store");
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}
