/**
 * The feed over HTTP: a page at once, a page once there is something new, or a page every second.
 * spec/7-revocation-feed.md §2.
 */
import { AdapterError } from "../errors.ts";
import { utf8 } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import type { DirectiveLog } from "../ports/directives.ts";
import { NDJSON, readFeedQuery } from "../wire/feed.ts";
import { Refused } from "../wire/problem.ts";
import { type FeedSigner, signPage } from "./page.ts";
import { Published } from "./published.ts";

export interface RevocationFeedOptions {
  readonly key: FeedSigner;
  /** The location of the authority whose nodes are revoked. */
  readonly location: string;
  readonly clock?: Clock;
  /** How many requests may wait at once. A further request is answered at once. @default 1000 */
  readonly maxWaiting?: number;
}

const OPTIONS = {
  key: true,
  location: true,
  clock: true,
  maxWaiting: true,
} satisfies Keys<RevocationFeedOptions>;

const MAX_WAIT_SECONDS = 25;

/**
 * Publishes the revocations of a log to anybody, because node ids are not secret. A Web-standard
 * handler for `GET` of {@link REVOCATIONS_PATH}.
 *
 * @example
 * const feed = revocationFeed(store, { key: await ReceiptSigner.fromSeed(seed), location:
 * "https://treasury.example" }); await serve(feed, { port: 8410 }); // l8nt/node
 */
export function revocationFeed(
  store: DirectiveLog,
  options: RevocationFeedOptions,
): (request: Request) => Promise<Response> {
  checkKeys(options, OPTIONS, "revocationFeed");
  const { key, location, clock = systemClock, maxWaiting = 1000 } = options;
  const published = new Published(store, clock);
  let waiting = 0;
  let last = { after: -1, seq: -1, at: -1, text: "" };

  /** Requests that wait at the end of the feed share one page a second, which is signed once. */
  function pageAfter(after: number): { readonly seq: number; readonly text: string } {
    const { seq, entries } = published.after(after);
    const at = Math.floor(clock());
    if (last.after !== after || last.seq !== seq || last.at !== at)
      last = { after, seq, at, text: signPage({ location, after, seq, at, entries }, key) };
    return last;
  }

  async function poll(after: number, seconds: number, signal: AbortSignal): Promise<Response> {
    if (waiting < maxWaiting) {
      waiting++;
      try {
        await published.wait(after, seconds, signal);
      } finally {
        waiting--;
      }
      // A page vouches for the second in which it is signed, so the log is read in that second.
      await published.read();
    }
    return answer(pageAfter(after).text, "application/json");
  }

  function stream(after: number, signal: AbortSignal): Response {
    if (waiting >= maxWaiting) return answer(`${pageAfter(after).text}\n`, NDJSON);
    waiting++;
    const gone = new AbortController();
    const leave = () => {
      if (gone.signal.aborted) return;
      gone.abort();
      signal.removeEventListener("abort", leave);
      waiting--;
    };
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    let position = after;
    let wait = 0;
    // Pulled, so that at most one page is kept for a client that does not read.
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            await published.wait(position, wait, gone.signal);
            if (gone.signal.aborted) return controller.close();
            await published.read();
            const { seq, text } = pageAfter(position);
            position = seq;
            // A page counts from the second in which it is signed, so it is signed at its start.
            wait = 1 - (clock() % 1);
            controller.enqueue(utf8(`${text}\n`));
          } catch (error) {
            leave();
            throw error;
          }
        },
        cancel: leave,
      },
      { highWaterMark: 0 },
    );
    return answer(body, NDJSON);
  }

  return async (request) => {
    try {
      const { after, wait } = readFeedQuery(new URL(request.url));
      const seconds = Math.min(wait, MAX_WAIT_SECONDS);
      await published.read();
      return request.headers.get("accept")?.includes(NDJSON)
        ? stream(after, request.signal)
        : await poll(after, seconds, request.signal);
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      return new Refused(error).response;
    }
  };
}

const answer = (body: string | ReadableStream, type: string): Response =>
  new Response(body, { headers: { "content-type": type, "cache-control": "no-store" } });
