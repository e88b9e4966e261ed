/** Problem details (RFC 9457): how every HTTP end of Sigil says no. */
import { DeniedError, type ErrorCode, PaymentError, type SigilError } from "../errors.ts";

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
  if (error instanceof PaymentError) return { ...problem, spent: error.spent };
  if (!(error instanceof DeniedError)) return problem;
  const [first] = error.refusals;
  return { ...problem, condition: first?.condition, node: first?.node, refusals: error.refusals };
}

export function problemResponse(problem: Problem, headers: Headers = new Headers()): Response {
  headers.set("content-type", "application/problem+json");
  headers.set("cache-control", "no-store");
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}
