/** Tells how an exchange ended that gave no answer. spec/4-purchase.md §4.5. */

/**
 * `given up`: this side ended it, by an abort or a time-out of its own. `unreadable`: an answer
 * began, or may have begun, that this side cannot read. `hung up`: the connection was closed, or
 * there never was one; the other side did it, or something in between.
 */
export type Ending = "given up" | "unreadable" | "hung up";

/** Codes of Node and undici for an abort or a time-out on this side. */
const GIVEN_UP: ReadonlySet<unknown> = new Set([
  "ABORT_ERR",
  "UND_ERR_ABORTED",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_DESTROYED",
  "UND_ERR_CLOSED",
]);
const GIVEN_UP_NAMES: ReadonlySet<unknown> = new Set(["AbortError", "TimeoutError"]);

/**
 * Codes of Node, undici, Bun and both SDKs of MCP for a connection that was closed, or that could
 * not be made. A server of MCP may give them itself, and so may not say that this side gave up.
 */
const HUNG_UP: ReadonlySet<unknown> = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ERR_SSL_UNEXPECTED_EOF_WHILE_READING",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "ConnectionClosed",
  "ConnectionRefused",
  -32_000,
  "CONNECTION_CLOSED",
  -32_001,
  "REQUEST_TIMEOUT",
]);
const MAX_CAUSES = 8;

/** @param error what `fetch` threw */
export function endingOf(error: unknown): Ending {
  let at = error;
  for (let depth = 0; depth < MAX_CAUSES; depth++) {
    const { name, code, cause } = Object(at) as { name?: unknown; code?: unknown; cause?: unknown };
    if (GIVEN_UP_NAMES.has(name) || GIVEN_UP.has(code)) return "given up";
    if (HUNG_UP.has(code)) return "hung up";
    // A browser tells nothing but that there is no answer.
    if (depth === 0 && code === undefined && cause === undefined) return "hung up";
    if (cause === undefined) break;
    at = cause;
  }
  return "unreadable";
}

/** An answer that a `fetch` of our own cannot pass on. */
export class UnreadableAnswer extends Error {
  override readonly name = "UnreadableAnswer";
  readonly code = "ERR_UNREADABLE_ANSWER";
}
