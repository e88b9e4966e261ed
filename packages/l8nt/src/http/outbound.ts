/** One request on behalf of another party: bounded in time and size, never redirected. */
import { AdapterError } from "../errors.ts";
import { type Ending, endingOf } from "./ending.ts";
import { copyLines } from "./field-lines.ts";
import { requestFields } from "./hop.ts";
import { limited, type StreamLimits } from "./limited-stream.ts";
import { NotPublic } from "./public-address.ts";
import { isOfRepeated } from "./repeated.ts";

export interface OutboundRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
  /**
   * Called as the request begins, with what ends it. What it returns is called once nothing of the
   * request is under way any more: its answer was read to its end, or its connection is closed.
   */
  readonly begun?: (abort: () => void) => () => void;
}

export interface OutboundLimits {
  /** Until the response has begun. */
  readonly headSeconds: number;
  readonly body: StreamLimits;
}

/** How the requests of these errors ended. */
const endings = new WeakMap<object, Ending>();

/** How a request ended, by the error of `send`. */
export const howEnded = (error: object): Ending => endings.get(error) ?? "given up";

const repeated = new WeakSet<Response>();

/** Whether the request was sent twice, and the other side may have served the first one. */
export const wasRepeated = (response: Response): boolean => repeated.has(response);

/**
 * Sends the fields that may be passed on, and those of `presented`. A redirect is returned and not
 * followed: it may lead to another origin. [case 76]
 *
 * @throws AdapterError `ERR_SERVICE_UNREACHABLE`
 */
export async function send(
  fetcher: typeof fetch,
  { method, url, headers, body, signal, begun }: OutboundRequest,
  presented: Readonly<Record<string, string>>,
  limits: OutboundLimits,
): Promise<Response> {
  const fields = new Headers(requestFields(headers));
  for (const [name, value] of Object.entries(presented)) fields.set(name, value);
  const ending = new AbortController();
  const abort = () => ending.abort();
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    abort();
  }, limits.headSeconds * 1000);
  const over = begun?.(abort) ?? (() => {});
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
    over();
    // A guarded fetch refuses with an error that says why.
    if (cause instanceof AdapterError) {
      if (cause instanceof NotPublic) endings.set(cause, "hung up");
      throw cause;
    }
    const why = isLate ? ` within ${limits.headSeconds} s` : "";
    const error = new AdapterError(
      "ERR_SERVICE_UNREACHABLE",
      `${url.origin} did not answer${why}.`,
      { cause },
    );
    endings.set(error, ending.signal.aborted ? "given up" : endingOf(cause));
    abort();
    throw error;
  } finally {
    clearTimeout(late);
  }
  // No `Response` can be made with such a status, so it could not be passed on.
  if (response.status < 200 || response.status > 599) {
    abort();
    over();
    const error = new AdapterError(
      "ERR_SERVICE_UNREACHABLE",
      `${url.origin} answered with a status that HTTP does not have.`,
    );
    endings.set(error, "unreadable");
    throw error;
  }
  if (isOfRepeated(response)) repeated.add(response);
  if (response.body === null) {
    // A `fetch` of the caller's may still read what belongs to no answer.
    abort();
    over();
    return response;
  }
  const { status, statusText } = response;
  const bounded = new Response(
    limited(response.body, limits.body, abort, { signal: ending.signal, over }),
    {
      status,
      statusText,
      headers: response.headers,
    },
  );
  if (isOfRepeated(response)) repeated.add(bounded);
  copyLines(response, bounded);
  // A challenge is judged by the URL that it came from.
  Object.defineProperty(bounded, "url", { value: response.url });
  return bounded;
}
