/**
 * HTTP requests to a wallet's backend: how far each request got and, without an answer, why, in
 * words for the owner.
 */

import { msatInRange } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { nodeFetch } from "../http/node-fetch.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type Clock, type Sleep, systemSleep } from "../ports/clock.ts";
import type { WalletOptions } from "../ports/wallet.ts";

export interface Timing {
  /** Seconds, for spans of time: only goes forward. */
  readonly clock: Clock;
  readonly sleep: Sleep;
}

export const WALLET_KEYS = { clock: true, sleep: true } satisfies Keys<WalletOptions>;

/** The system's time may be set back; a span that is measured with this one cannot shrink. */
const monotonic: Clock = () => performance.now() / 1000;

/** @throws TypeError for an unknown option */
export function timingOf(options: WalletOptions, what: string): Timing {
  checkKeys(options, WALLET_KEYS, what);
  const { clock = monotonic, sleep = systemSleep } = options;
  return { clock, sleep };
}

export interface Backend {
  /** The backend's name in messages. */
  readonly name: string;
  /** The URL that paths are added to. */
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof fetch;
  readonly timing: Timing;
  /**
   * Explains a refusal in words for the owner, and says what to do; undefined for an answer without
   * a known reason.
   */
  readonly explain?: (status: number, body: unknown) => string | undefined;
}

export interface Call {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly json?: object;
  readonly form?: Readonly<Record<string, string>>;
  /** How long the backend may take; the connection gets 5 seconds more. @default 10 */
  readonly seconds?: number;
  /**
   * For an answer of one JSON text per line: reads until this returns true for a line, which
   * becomes the answer.
   */
  readonly until?: (line: unknown) => boolean;
  /** For an answer that may be plain text: a body that is not JSON becomes a string. */
  readonly words?: true;
}

/**
 * An answer, or how far the request got without one. `sent: false` proves that no byte of the
 * request left.
 */
export type Exchange =
  | {
      readonly got: "answer";
      readonly status: number;
      readonly body: unknown;
      readonly clock?: number;
    }
  | {
      readonly got: "nothing";
      readonly sent: boolean;
      readonly reason: string;
      readonly cause?: unknown;
    };

const GRACE_SECONDS = 5;
const DEFAULT_SECONDS = 10;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/**
 * Returns the global `fetch`, or one that trusts only `cert` (PEM).
 *
 * @throws AdapterError `ERR_WALLET` if `cert` is not a certificate
 */
export function fetchTrusting(cert: string | undefined, name: string): typeof fetch {
  if (cert === undefined) return (input, init) => fetch(input, init);
  if (!/^-----BEGIN CERTIFICATE-----\s/.test(cert))
    throw new AdapterError(
      "ERR_WALLET",
      `cert= in the URL of ${name} is not a certificate in PEM form (-----BEGIN CERTIFICATE-----).`,
    );
  return nodeFetch({ ca: cert });
}

/** Sends a request. Never throws, and never follows a redirect. */
export async function exchange(backend: Backend, call: Call): Promise<Exchange> {
  const { seconds = DEFAULT_SECONDS } = call;
  const [ended, late] = [new AbortController(), new AbortController()];
  const deadline = backend.timing.sleep(seconds + GRACE_SECONDS, ended.signal);
  void deadline.then(() => {
    if (!ended.signal.aborted) late.abort(new DOMException("no answer", "TimeoutError"));
  });
  try {
    return await exchangeUntil(late.signal, backend, call);
  } finally {
    // Without a reason, it would make an error with a stack for each exchange.
    ended.abort("ended");
  }
}

async function exchangeUntil(signal: AbortSignal, backend: Backend, call: Call): Promise<Exchange> {
  const { name, base, headers, fetch: send } = backend;
  const { method, path, json, form, until, words } = call;
  const nothing = (sent: boolean, why: string, cause?: unknown): Exchange => ({
    got: "nothing",
    sent,
    reason: `${name} ${why}`,
    cause,
  });
  let response: Response;
  try {
    response = await send(base + path, {
      method,
      headers: { accept: "application/json", ...headers, ...(json !== undefined && JSON_TYPE) },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...(form !== undefined && { body: new URLSearchParams(form) }),
      redirect: "manual",
      signal,
    });
  } catch (cause) {
    const why = noConnection(cause);
    if (why !== undefined) return nothing(false, why, cause);
    return nothing(true, isNoTls(cause) ? NO_TLS : "did not answer", cause);
  }
  try {
    const body = await lastJson(response, until, words ? jsonOrText : JSON.parse);
    const date = Date.parse(response.headers.get("date") ?? "");
    const clock = Number.isNaN(date) ? {} : { clock: date / 1000 };
    return { got: "answer", status: response.status, body, ...clock };
  } catch (cause) {
    // The parser's error quotes the answer, which may repeat what was sent.
    const kept = cause instanceof SyntaxError ? undefined : cause;
    return nothing(true, `gave an answer that cannot be read (HTTP ${response.status})`, kept);
  }
}

const JSON_TYPE = { "content-type": "application/json" };

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Returns the answer to a request that moves no money.
 *
 * @throws AdapterError `ERR_WALLET` for a refusal, or without an answer
 */
export async function ask(backend: Backend, call: Call): Promise<Record<string, unknown>> {
  return (await askTheTime(backend, call)).body;
}

/** As `ask`, with the backend's clock (Unix seconds) if the answer states it. */
export async function askTheTime(
  backend: Backend,
  call: Call,
): Promise<{ readonly body: Record<string, unknown>; readonly clock?: number }> {
  const answer = await exchange(backend, call);
  if (answer.got === "nothing") throw noAnswer(answer);
  const { status, body, clock } = answer;
  if (status < 200 || status > 299)
    throw new AdapterError("ERR_WALLET", refusal(backend, status, body));
  return { body: recordOf(body), ...(clock !== undefined && { clock }) };
}

/**
 * Whether the backend's check of the credential lets a request through that can move no money.
 * `yes` and `no` are the HTTP statuses that say so.
 *
 * @throws AdapterError `ERR_WALLET` for any other status, or without an answer
 */
export async function mayDo(
  backend: Backend,
  trial: Call,
  { yes, no }: { readonly yes: readonly number[]; readonly no: readonly number[] },
): Promise<boolean> {
  const answer = await exchange(backend, trial);
  if (answer.got === "nothing") throw noAnswer(answer);
  if (yes.includes(answer.status)) return true;
  if (no.includes(answer.status)) return false;
  throw new AdapterError("ERR_WALLET", refusal(backend, answer.status, answer.body));
}

/** Keeps the cause, which tells the caller whether a later attempt may succeed. */
export const noAnswer = ({ reason, cause }: Extract<Exchange, { got: "nothing" }>) =>
  new AdapterError("ERR_WALLET", `The wallet cannot be used: ${reason}.`, { cause });

/** Describes a refusal in one sentence. */
export function refusal({ name, explain }: Backend, status: number, body: unknown): string {
  return `The wallet cannot be used: ${explain?.(status, body) ?? `${name} refused (HTTP ${status})`}.`;
}

/** The members of an object; none for any other value. */
export const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** Reads an integer that a backend wrote as a number or as text; undefined for anything else. */
export function wholeNumber(value: unknown): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?[0-9]{1,19}$/.test(value) ? BigInt(value) : undefined;
}

/** As `wholeNumber`, for an amount from 0 to 21 million bitcoin in msat. */
export const wholeMsat = (value: unknown): bigint | undefined => msatInRange(wholeNumber(value));

/** Reads a preimage as lower-case hex; undefined for anything else. */
export const preimageOf = (value: unknown): string | undefined =>
  typeof value === "string" && /^[0-9a-f]{64}$/i.test(value) ? value.toLowerCase() : undefined;

async function lastJson(
  response: Response,
  until: Call["until"],
  parse: (text: string) => unknown,
): Promise<unknown> {
  const reader = response.body?.getReader();
  // A `TextDecoderStream` takes longer than the rest of the exchange.
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  let last: unknown;
  const take = (line: string): boolean => {
    if (line.trim() === "") return false;
    last = parse(line);
    return until?.(last) ?? false;
  };
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) break;
    text += decoder.decode(value, { stream: true });
    size += value.length;
    if (size > MAX_ANSWER_BYTES) throw new RangeError("an answer without an end");
    // Only a chunk with a line feed can end a line. Splitting at every chunk would take quadratic
    // time for a line that never ends.
    if (until === undefined || !value.includes(LINE_FEED)) continue;
    const lines = text.split("\n");
    text = lines.pop()!;
    if (lines.some(take)) {
      await reader!.cancel().catch(() => {});
      return last;
    }
  }
  take(text + decoder.decode());
  return last;
}

const LINE_FEED = 10;

// The codes of Node, Bun and Deno for a connection that was never made. A reset or a time-out is
// not among them, because it may come after the request left.
const NO_CONNECTION: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    "cannot be reached: nothing listens there; it is not running, or the port is another one",
  ConnectionRefused:
    "cannot be reached: nothing listens there; it is not running, or the port is another one",
  ENOTFOUND: "cannot be reached: the name of its host has no address",
  EAI_AGAIN: "cannot be reached: the name of its host cannot be looked up now",
  EHOSTUNREACH: "cannot be reached: there is no route to its host",
  ENETUNREACH: "cannot be reached: there is no route to its host",
  UND_ERR_CONNECT_TIMEOUT: "cannot be reached: its host does not answer",
  CERT_HAS_EXPIRED:
    "shows a TLS certificate that has expired: renew it there, and give the new one in the URL as cert=",
  CERT_NOT_YET_VALID: "shows a TLS certificate that is not valid yet: check this machine's clock",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "shows a self-signed TLS certificate that is not the one in cert=: add cert=/path/to/its/certificate to the URL",
  SELF_SIGNED_CERT_IN_CHAIN:
    "shows a TLS certificate of an authority that is not trusted: add cert=/path/to/that/authority's/certificate to the URL",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "shows a TLS certificate that is not trusted: add cert=/path/to/its/certificate to the URL",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "shows a TLS certificate that is not trusted: add cert=/path/to/its/certificate to the URL",
  CERT_SIGNATURE_FAILURE: "shows a TLS certificate that is not the one in cert=",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "shows a TLS certificate for other host names: use a host name of the certificate in the URL",
};

/**
 * Not proof that nothing was sent: a party in between can send bytes that are not TLS in the middle
 * of a connection, after the request left.
 */
const NO_TLS = "does not speak TLS there: use another port, or http in the URL";

function isNoTls(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++)
    if ((at as { code?: unknown }).code === "ERR_SSL_WRONG_VERSION_NUMBER") return true;
  return false;
}

/** Why no connection was made; undefined if one was made, so that bytes may have left. */
function noConnection(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code, syscall } = at as { code?: unknown; syscall?: unknown };
    const known = Object.hasOwn(NO_CONNECTION, String(code))
      ? NO_CONNECTION[String(code)]
      : undefined;
    // Outside of `connect`, this code means that an established connection lost its route.
    if (known !== undefined && (syscall === "connect" || !String(code).endsWith("UNREACH")))
      return known;
    if (/\(Connect\).*connection refused/i.test(at.message)) return NO_CONNECTION.ECONNREFUSED;
  }
  return undefined;
}
