/** Fetches the page of an issuer, and says what is wrong with it. spec/9-public-key.md §6. */
import { AdapterError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import { utf8Text } from "../internal/bytes.ts";
import type { Sleep } from "../ports/clock.ts";
import {
  type IssuerKey,
  KEYS_PATH,
  MAX_AGE,
  MAX_PAGE_BYTES,
  pageError,
  readKeyPage,
} from "./key-page.ts";

export const FETCH_SECONDS = 10;
/** How long a page is kept that does not say it. */
const DEFAULT_AGE = 300;
const MIN_AGE = 60;

export interface FetchedPage {
  readonly keys: ReadonlyMap<number, IssuerKey>;
  readonly freshSeconds: number;
}

/**
 * Follows no redirect, and reads no more and no longer than a page may take.
 *
 * @throws AdapterError `ERR_KEYS_…`: a code for each thing that can be wrong
 */
export async function fetchPage(
  issuer: string,
  fetcher: typeof fetch,
  sleep: Sleep,
): Promise<FetchedPage> {
  const done = new AbortController();
  const deadline = new AbortController();
  const { signal } = deadline;
  // A fetch that does not look at its signal is not waited for either.
  const late = new Promise<never>((_, fail) => {
    signal.addEventListener("abort", () => fail(signal.reason), { once: true });
  });
  void sleep(FETCH_SECONDS, done.signal).then(() => {
    if (done.signal.aborted) return;
    deadline.abort(pageError("SLOW", issuer, `took more than ${FETCH_SECONDS} seconds`));
  });
  try {
    return await Promise.race([late, pageOf(issuer, fetcher, signal)]);
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof AdapterError && cause.code.startsWith("ERR_KEYS_")) throw cause;
    throw pageError("UNREACHABLE", issuer, `cannot be had (${reasonOf(cause)})`, cause);
  } finally {
    done.abort();
  }
}

async function pageOf(
  issuer: string,
  fetcher: typeof fetch,
  signal: AbortSignal,
): Promise<FetchedPage> {
  const response = await fetcher(issuer + KEYS_PATH, {
    headers: { accept: "application/json" },
    redirect: "manual",
    signal,
  });
  const wrong = wrongHead(issuer, response);
  if (wrong !== undefined) {
    await response.body?.cancel();
    throw wrong;
  }
  const text = utf8Text(await bytesOf(issuer, response, signal));
  if (text === undefined) throw pageError("MALFORMED", issuer, "is not UTF-8");
  return { keys: readKeyPage(issuer, text), freshSeconds: freshnessOf(response.headers) };
}

function wrongHead(issuer: string, { status, type }: Response): AdapterError | undefined {
  // A page of a browser sees no more of a redirect.
  if (type === "opaqueredirect" || (status >= 300 && status < 400 && status !== 304))
    return pageError("REDIRECT", issuer, "is a redirect, and none is followed");
  return status === 200 ? undefined : pageError("STATUS", issuer, `was answered with ${status}`);
}

async function bytesOf(
  issuer: string,
  response: Response,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    return await readBody(response, MAX_PAGE_BYTES, { arrived: () => signal.throwIfAborted() });
  } catch (cause) {
    if (!(cause instanceof AdapterError && cause.code === "ERR_TOO_LARGE")) throw cause;
    throw pageError("TOO_LARGE", issuer, `has more than ${MAX_PAGE_BYTES} bytes`);
  }
}

/** What a `fetch` says of a failure: a code, where there is one. */
function reasonOf(error: unknown): string {
  const { code, message, cause } = Object(error) as { [name: string]: unknown };
  if (typeof code === "string") return code;
  return cause === undefined ? String(message) : reasonOf(cause);
}

/** Seconds for which a page is fresh. A cache on the way may have kept it for a while already. */
function freshnessOf(headers: Headers): number {
  const control = headers.get("cache-control") ?? "";
  if (/(?:^|[\s,])no-(?:store|cache)(?:[\s,]|$)/i.test(control)) return MIN_AGE;
  const [, said] = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(control) ?? [];
  const [, age = 0] = /^\s*(\d{1,9})\s*(?:,|$)/.exec(headers.get("age") ?? "") ?? [];
  const left = (said === undefined ? DEFAULT_AGE : Number(said)) - Number(age);
  return Math.min(MAX_AGE, Math.max(MIN_AGE, left));
}
