/** One request on behalf of another party: bounded in time and size, never redirected. */
import { AdapterError } from "../errors.ts";
import { endedHere } from "./ended-here.ts";
import { requestFields } from "./hop.ts";
import { limited, type StreamLimits } from "./limited-stream.ts";

export interface OutboundRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
}

export interface OutboundLimits {
  /** Until the response has begun. */
  readonly headSeconds: number;
  readonly body: StreamLimits;
}

/** Errors of requests that this side ended, or could not read the answer of. */
const ended = new WeakSet<object>();

/**
 * Whether this side gave the request up: the other one may have received it, and answered. False if
 * the other side closed the connection, or never had one.
 */
export const wasGivenUp = (error: unknown): boolean =>
  typeof error === "object" && error !== null && ended.has(error);

/**
 * Sends the fields that may be passed on, and `authorization` if there is one. A redirect is
 * returned and not followed: it may lead to another origin. [case 76]
 *
 * @throws AdapterError `ERR_SERVICE_UNREACHABLE`
 */
export async function send(
  fetcher: typeof fetch,
  { method, url, headers, body, signal }: OutboundRequest,
  authorization: string | undefined,
  limits: OutboundLimits,
): Promise<Response> {
  const fields = new Headers(requestFields(headers));
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
    // A guarded fetch refuses with an error that says why.
    if (cause instanceof AdapterError) {
      ended.add(cause);
      throw cause;
    }
    const isLate = ending.signal.aborted && signal?.aborted !== true;
    const why = isLate ? ` within ${limits.headSeconds} s` : "";
    const error = new AdapterError(
      "ERR_SERVICE_UNREACHABLE",
      `${url.origin} did not answer${why}.`,
      { cause },
    );
    if (ending.signal.aborted || endedHere(cause)) ended.add(error);
    throw error;
  } finally {
    clearTimeout(late);
  }
  // No `Response` can be made with such a status, so it could not be passed on.
  if (response.status < 200 || response.status > 599) {
    await response.body?.cancel();
    throw new AdapterError(
      "ERR_SERVICE_UNREACHABLE",
      `${url.origin} answered with a status that HTTP does not have.`,
    );
  }
  if (response.body === null) return response;
  const { status, statusText } = response;
  const bounded = new Response(limited(response.body, limits.body, abort), {
    status,
    statusText,
    headers: response.headers,
  });
  // A challenge is judged by the URL that it came from.
  Object.defineProperty(bounded, "url", { value: response.url });
  return bounded;
}
