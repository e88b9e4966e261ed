/**
 * HTTP to a wallet's backend: how far each request got, and, where there is no answer, why, in
 * words for its owner.
 */

import { msatInRange } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { nodeFetch } from "../http/node-fetch.ts";

export interface Backend {
  /** What it is called in messages. */
  readonly name: string;
  /** The URL that paths are added to. */
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: typeof fetch;
  /**
   * Why it refused, and what to do, in its own terms; undefined where it gave no reason that is
   * known.
   */
  readonly explain?: (status: number, body: unknown) => string | undefined;
}

export interface Call {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly json?: object;
  readonly form?: Readonly<Record<string, string>>;
  /** How long the backend may take; the connection gets a little more. */
  readonly seconds?: number;
  /**
   * Where it answers with one JSON text a line: reads on until this is true of one, which is the
   * answer.
   */
  readonly until?: (line: unknown) => boolean;
  /** Where it may answer in words: what is no JSON is the answer as it stands, a text. */
  readonly words?: true;
}

/**
 * An answer, or how far the request got without one. `sent: false` is proof that no byte of it
 * left.
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

const GRACE_MS = 5_000;
const DEFAULT_SECONDS = 10;
const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/**
 * The global `fetch`, or one that trusts `cert` (PEM) alone. @throws AdapterError `ERR_WALLET` for
 * what is no certificate
 */
export function fetchTrusting(cert: string | undefined, name: string): typeof fetch {
  if (cert === undefined) return (input, init) => fetch(input, init);
  if (!/^-----BEGIN CERTIFICATE-----\s/.test(cert))
    throw new AdapterError(
      "ERR_WALLET",
      `What the URL of ${name} names as cert= is no certificate in PEM form (-----BEGIN CERTIFICATE-----).`,
    );
  return nodeFetch({ ca: cert });
}

/** Never throws. Redirects are not followed. */
export async function exchange(backend: Backend, call: Call): Promise<Exchange> {
  const { name, base, headers, fetch: send } = backend;
  const { method, path, json, form, seconds = DEFAULT_SECONDS, until, words } = call;
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
      signal: AbortSignal.timeout(Math.min(seconds * 1000 + GRACE_MS, MAX_TIMER_MS)),
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
    // The parser's own error quotes what it read, which may be what was sent.
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
 * The answer to what moves nothing. @throws AdapterError `ERR_WALLET` where there is none, or a
 * refusal
 */
export async function ask(backend: Backend, call: Call): Promise<Record<string, unknown>> {
  return (await askTheTime(backend, call)).body;
}

/** The same, and the backend's own clock (Unix seconds), where it says what time it is. */
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
 * Whether a request that can move nothing gets past the check of the credential: the answers (HTTP)
 * that say so, and those that deny it.
 *
 * @throws AdapterError `ERR_WALLET` for any other answer, and for none
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

/** Keeps why: whoever asks may want to know whether time will mend it. */
export const noAnswer = ({ reason, cause }: Extract<Exchange, { got: "nothing" }>) =>
  new AdapterError("ERR_WALLET", `The wallet cannot be used: ${reason}.`, { cause });

/** One sentence about an answer that is a refusal. */
export function refusal({ name, explain }: Backend, status: number, body: unknown): string {
  return `The wallet cannot be used: ${explain?.(status, body) ?? `${name} refused (HTTP ${status})`}.`;
}

/**
 * Its members, none where it is no object: what lacks a member that is needed says so by itself.
 */
export const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** An integer that a backend wrote as a number or as text; undefined for anything else. */
export function wholeNumber(value: unknown): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?[0-9]{1,19}$/.test(value) ? BigInt(value) : undefined;
}

/** The same for an amount in msat: none is below zero, or above all that there is. */
export const wholeMsat = (value: unknown): bigint | undefined => msatInRange(wholeNumber(value));

/** Hex in lower case, from a backend's text; undefined for what is no preimage. */
export const preimageOf = (value: unknown): string | undefined =>
  typeof value === "string" && /^[0-9a-f]{64}$/i.test(value) ? value.toLowerCase() : undefined;

async function lastJson(
  response: Response,
  until: Call["until"],
  parse: (text: string) => unknown,
): Promise<unknown> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
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
    text += value;
    size += value.length;
    if (size > MAX_ANSWER_BYTES) throw new RangeError("an answer without an end");
    // A line is looked for where one may end: else whoever never ends one has all of it read again
    // for every piece.
    if (until === undefined || !value.includes("\n")) continue;
    const lines = text.split("\n");
    text = lines.pop()!;
    if (lines.some(take)) {
      await reader!.cancel().catch(() => {});
      return last;
    }
  }
  take(text);
  return last;
}

// What Node, Bun and Deno call a connection that was never made, and why. A reset or a time-out may
// come after the request left.
const NO_CONNECTION: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    "cannot be reached: nothing listens there; it is not running, or this is not its port",
  ConnectionRefused:
    "cannot be reached: nothing listens there; it is not running, or this is not its port",
  ENOTFOUND: "cannot be reached: its host's name leads nowhere",
  EAI_AGAIN: "cannot be reached: its host's name cannot be looked up now",
  EHOSTUNREACH: "cannot be reached: no way leads to its host",
  ENETUNREACH: "cannot be reached: no way leads to its host",
  UND_ERR_CONNECT_TIMEOUT: "cannot be reached: its host does not answer",
  CERT_HAS_EXPIRED:
    "shows a TLS certificate that has expired: renew it there, and give the new one in the URL as cert=",
  CERT_NOT_YET_VALID: "shows a TLS certificate that is not valid yet: look at this machine's clock",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "shows a self-signed TLS certificate that is not the one in cert=: add cert=/path/to/its/certificate to the URL",
  SELF_SIGNED_CERT_IN_CHAIN:
    "shows a TLS certificate of an authority that is not trusted: add cert=/path/to/that/authority's/certificate to the URL",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "shows a TLS certificate that is not trusted: add cert=/path/to/its/certificate to the URL",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "shows a TLS certificate that is not trusted: add cert=/path/to/its/certificate to the URL",
  CERT_SIGNATURE_FAILURE: "shows another TLS certificate than the one in cert=",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "shows a TLS certificate for other host names: name the host as the certificate does",
};

/**
 * What is no TLS may also come in the middle of a connection, from somebody on the way, once the
 * request has left.
 */
const NO_TLS = "does not speak TLS there: this is not its port, or the URL should say http";

function isNoTls(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++)
    if ((at as { code?: unknown }).code === "ERR_SSL_WRONG_VERSION_NUMBER") return true;
  return false;
}

/** Why no connection was made; undefined where one was, so that bytes may have left. */
function noConnection(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const { code, syscall } = at as { code?: unknown; syscall?: unknown };
    const known = Object.hasOwn(NO_CONNECTION, String(code))
      ? NO_CONNECTION[String(code)]
      : undefined;
    // A way may also be lost under a connection that stands, and a request that is on it.
    if (known !== undefined && (syscall === "connect" || !String(code).endsWith("UNREACH")))
      return known;
    if (/\(Connect\).*connection refused/i.test(at.message)) return NO_CONNECTION.ECONNREFUSED;
  }
  return undefined;
}
