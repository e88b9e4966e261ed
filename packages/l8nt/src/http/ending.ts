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

/** Codes of a connection that was never made: to the server, or through a proxy. */
const UNSENT: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_PROXY_TUNNEL",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERR_TLS_HANDSHAKE_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REVOKED",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
/** Calls of the system that fail before anything is sent. */
const CONNECTING: ReadonlySet<unknown> = new Set(["connect", "getaddrinfo"]);
/** What Node says of a handshake that broke off, and undici of a proxy that refuses: by no code. */
const UNSENT_WORDS = /before secure TLS connection was established|when HTTP Tunneling/;

/** Whether a `fetch` failed before it sent anything of the request to the server. */
export function wasNotSent(error: unknown): boolean {
  return causesOf(error).some(
    ({ code, syscall, message }) =>
      UNSENT.has(code) || CONNECTING.has(syscall) || UNSENT_WORDS.test(String(message)),
  );
}

interface Cause {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

/** An error and what caused it; the global `fetch` says nothing itself. */
function causesOf(error: unknown): readonly Cause[] {
  const causes: Cause[] = [Object(error) as Cause];
  for (let at = causes[0]!; at.cause !== undefined && causes.length < MAX_CAUSES; ) {
    at = Object(at.cause) as Cause;
    causes.push(at);
  }
  return causes;
}

/** @param error what `fetch` threw */
export function endingOf(error: unknown): Ending {
  if (wasNotSent(error)) return "hung up";
  for (const [depth, { name, code, cause }] of causesOf(error).entries()) {
    if (GIVEN_UP_NAMES.has(name) || GIVEN_UP.has(code)) return "given up";
    if (HUNG_UP.has(code)) return "hung up";
    // A browser tells nothing but that there is no answer.
    if (depth === 0 && code === undefined && cause === undefined) return "hung up";
  }
  return "unreadable";
}

/** An answer that a `fetch` of our own cannot pass on. */
export class UnreadableAnswer extends Error {
  override readonly name = "UnreadableAnswer";
  readonly code = "ERR_UNREADABLE_ANSWER";
}
