/**
 * Requests that a treasury makes for an agent: to the very origin named, with no credential that is
 * not meant for it.
 */
import { AdapterError, ChallengeError } from "../errors.ts";
import { later } from "../internal/timers.ts";
import { limited, type StreamLimits } from "./limited-stream.ts";

export interface OutboundRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
}

/**
 * Fields of one hop, of another party's identity, of ours, or that make another request of this
 * one. [cases 38, 93, 94]
 */
const WITHHELD = new RegExp(
  `^(?:${[
    "(?:grpc-metadata-)?(?:authorization|macaroon)|proxy-.*|cookie2?|host|origin|referer|expect|content-length|accept-encoding",
    "connection|keep-alive|te|trailer|transfer-encoding|upgrade",
    "forwarded|x-forwarded-.*|x-real-ip|via|(?:x-|true-)(?:cluster-)?client-ip|cf-connecting-.*|(?:x-)?sigil-.*",
    "x-http-method.*|x-method-override|x-original-.*|x-rewrite-.*",
  ].join("|")})$`,
  "i",
);
const WITHHELD_FROM_RESPONSE =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|set-cookie2?|content-encoding|content-length|sigil-.*)$/i;

export function forwardableHeaders(
  headers: readonly (readonly [string, string])[],
): [string, string][] {
  // What `Connection` names is of one hop too (RFC 9110 §7.6.1).
  const ofThisHop = headers
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  return headers
    .filter(([name]) => !WITHHELD.test(name) && !ofThisHop.includes(name.toLowerCase()))
    .map(([name, value]) => [name, value]);
}

export interface OutboundLimits {
  /** Until a service has begun to answer. */
  readonly headSeconds: number;
  readonly body: StreamLimits;
}

/**
 * Never follows a redirect: it might lead to another origin. [case 76] @throws AdapterError
 * `ERR_SERVICE_UNREACHABLE`
 */
export async function send(
  fetcher: typeof fetch,
  { method, url, headers, body, signal }: OutboundRequest,
  authorization: string | undefined,
  limits: OutboundLimits,
): Promise<Response> {
  const fields = new Headers(forwardableHeaders(headers));
  if (authorization !== undefined) fields.set("authorization", authorization);
  const ending = new AbortController();
  const abort = () => ending.abort();
  const late = setTimeout(abort, limits.headSeconds * 1000);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  let response: Response;
  try {
    response = await fetcher(url, {
      method,
      headers: fields,
      redirect: "manual",
      signal: ending.signal,
      ...(body !== undefined && { body }),
    });
  } catch (cause) {
    // A fetch that refuses by itself says why.
    if (cause instanceof AdapterError) throw cause;
    throw new AdapterError("ERR_SERVICE_UNREACHABLE", `${url.origin} did not answer.`, { cause });
  } finally {
    clearTimeout(late);
  }
  // No `Response` can be made of it, so it could not be passed on.
  if (response.status < 200 || response.status > 599) {
    await response.body?.cancel();
    throw new AdapterError(
      "ERR_SERVICE_UNREACHABLE",
      `${url.origin} answered with a status that HTTP has not.`,
    );
  }
  if (response.body === null) return response;
  const { status, statusText } = response;
  const passed = new Response(limited(response.body, limits.body, abort), {
    status,
    statusText,
    headers: response.headers,
  });
  // What a challenge is judged by: where it came from.
  Object.defineProperty(passed, "url", { value: response.url });
  return passed;
}

/**
 * A challenge is believed from the very origin that was asked, whatever fetch followed it
 * elsewhere. @throws ChallengeError `ERR_CHALLENGE_ORIGIN`
 */
export function checkOrigin({ url }: Response, asked: URL): void {
  if (url !== "" && new URL(url).origin !== asked.origin)
    throw new ChallengeError(
      "ERR_CHALLENGE_ORIGIN",
      `${asked.origin} was asked, and the challenge came from another origin. Nothing was paid.`,
    );
}

const DISCARD_MS = 1000;
const DISCARD_BYTES = 65_536;

/**
 * Reads what is not wanted to its end where that is near, so that its connection serves again.
 * Nobody waits for it. [case 79]
 */
export function discard({ body }: Response): void {
  if (body === null) return;
  const reader = body.getReader();
  const cut = () => void reader.cancel().catch(() => {});
  const late = later(DISCARD_MS, cut);
  const drain = async () => {
    let left = DISCARD_BYTES;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      left -= part.value.length;
      if (left < 0) cut();
    }
  };
  void drain()
    .catch(() => {})
    .finally(() => clearTimeout(late));
}

/** A response as it is passed on to the agent: no cookies, no fields of the other hop. */
export function relayed(response: Response): Response {
  const headers = new Headers(
    [...response.headers].filter(([name]) => !WITHHELD_FROM_RESPONSE.test(name)),
  );
  return new Response(response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}
