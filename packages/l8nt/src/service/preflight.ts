/**
 * Preflights of CORS (Fetch §4.9): a browser asks whether a page of another origin may send a
 * request. spec/3-challenge.md §5.
 */
import { Answered } from "./answered.ts";
import type { RequestFacts } from "./decision.ts";

/**
 * Whether a request is a preflight. It is not passed on to the handler, which could take it for a
 * request and serve it unpaid.
 */
export function isPreflight(facts: RequestFacts): boolean {
  if (facts.method !== "OPTIONS") return false;
  const fields = facts.headers();
  return fields.has("origin") && fields.has("access-control-request-method");
}

/**
 * The answer to a preflight that no CORS middleware has answered before: it allows nothing by
 * itself, and keeps the fields that were set before.
 */
export const preflightAnswer = (): Answered =>
  new Answered({
    status: 204,
    headers: [["vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"]],
    body: new Uint8Array(),
  });
