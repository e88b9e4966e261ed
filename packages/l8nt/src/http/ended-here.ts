/** Tells which side ended an exchange that failed. spec/4-purchase.md §2. */

/** Codes of Node and undici for an abort or a time-out on this side. */
const CODES: ReadonlySet<unknown> = new Set([
  "ABORT_ERR",
  "UND_ERR_ABORTED",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_DESTROYED",
  "UND_ERR_CLOSED",
]);
const NAMES: ReadonlySet<unknown> = new Set(["AbortError", "TimeoutError"]);
const MAX_CAUSES = 8;

/**
 * Whether this side ended the exchange, by an abort or a time-out of its own: the other side may
 * have served the request. False if the other side refused it or hung up.
 */
export function endedHere(error: unknown): boolean {
  let at = error;
  for (let depth = 0; depth < MAX_CAUSES; depth++) {
    const { name, code, cause } = Object(at) as { name?: unknown; code?: unknown; cause?: unknown };
    if (NAMES.has(name) || CODES.has(code)) return true;
    if (cause === undefined) return false;
    at = cause;
  }
  return false;
}
