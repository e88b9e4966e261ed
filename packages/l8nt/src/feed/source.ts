/** Sources of revocations: a log in a shared store, or a feed over HTTP. */

import type { RevokedPlace } from "../credential/index.ts";
import { AdapterError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import { concat, utf8Text } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { later, type Timer } from "../internal/timers.ts";
import type { Clock } from "../ports/clock.ts";
import type { DirectiveLog, StandingDirective } from "../ports/directives.ts";
import { ReceiptKey } from "../receipt/key.ts";
import { type FeedEntry, type FeedPage, feedUrl, NDJSON } from "../wire/feed.ts";
import { MAX_PAGE_BYTES, MAX_SKEW_SECONDS, notAPage, readPage } from "./page.ts";
import { pause } from "./pause.ts";
import { POLL_MS, watch } from "./watch.ts";

/** Everything that was revoked after number `after`, up to number `seq`. */
export interface Reading {
  readonly after: number;
  readonly seq: number;
  readonly entries: readonly (Pick<FeedEntry, "node" | "endsAt"> & RevokedPlace)[];
  /** Freezes, thaws and top-ups, in order. A published feed has none. */
  readonly freezes?: readonly StandingDirective[];
  /**
   * Unix seconds at which the reading was complete: by the follower's clock for a log, by the
   * publisher's for a page. Undefined if it says nothing about the present.
   */
  readonly aliveAt: number | undefined;
}

export interface Following {
  readonly location: string;
  readonly clock: Clock;
  /** The number up to which everything was applied: the next reading begins after it. */
  readonly seq: () => number;
  readonly maxSilenceSeconds: number;
  readonly signal: AbortSignal;
}

/** Yields readings until `signal` aborts. A source that throws is called again later. */
export type RevocationSource = (following: Following) => AsyncIterable<Reading>;

/** Reads a log that this process can reach: at once, and whenever there may be something new. */
export const storeSource = (log: DirectiveLog): RevocationSource =>
  async function* readDirectives({ clock, seq, maxSilenceSeconds, signal }) {
    let isNew = true;
    let wake = () => {};
    const unwatch = watch(log, () => {
      isNew = true;
      wake();
    });
    const end = () => {
      unwatch();
      wake();
    };
    signal.addEventListener("abort", end);
    try {
      while (!signal.aborted) {
        if (!isNew)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        if (signal.aborted) return;
        isNew = false;
        // Before the read: a directive that is written during it may be missing from it.
        const aliveAt = clock();
        const after = seq();
        // A read that is never answered must not end the following: the next one may be.
        const directives = await within(
          Math.min(maxSilenceSeconds, MAX_READ_SECONDS),
          log.directives(after),
          signal,
        );
        if (directives === undefined) {
          if (signal.aborted) return;
          throw new AdapterError("ERR_STORE", "The log of revocations did not answer in time.");
        }
        yield {
          after,
          seq: Math.max(after, ...directives.map(({ seq: number }) => number)),
          entries: directives
            .filter(({ kind }) => kind === "revoke")
            .map(({ nodeId, endsAt, above, by }) => ({
              node: nodeId,
              ...(endsAt !== undefined && { endsAt }),
              ...(above !== undefined && { above }),
              ...(by !== undefined && { by }),
            })),
          freezes: directives.filter(({ kind }) => kind !== "revoke"),
          aliveAt,
        };
      }
    } finally {
      signal.removeEventListener("abort", end);
      unwatch();
    }
  };

const MAX_READ_SECONDS = 60;

/** The result of `work`; undefined if it takes longer than `seconds`, or `signal` aborts. */
async function within<Value>(
  seconds: number,
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value | undefined> {
  const over = new AbortController();
  const late = pause(seconds * 1000, AbortSignal.any([signal, over.signal]));
  try {
    return await Promise.race([work, late.then(() => undefined)]);
  } finally {
    over.abort();
  }
}

export interface FeedSourceOptions {
  readonly url: string;
  /** The public key that the feed is signed with, 64 hex. */
  readonly publicKey: string;
  /**
   * `"poll"` sends a request for each page, which works through every proxy; `"stream"` keeps one
   * answer open.
   *
   * @default "poll"
   */
  readonly by?: "poll" | "stream";
  readonly fetch?: typeof fetch;
}

const OPTIONS = {
  url: true,
  publicKey: true,
  by: true,
  fetch: true,
} satisfies Keys<FeedSourceOptions>;

/**
 * Follows a feed over HTTP. A party in between cannot add an entry, and a page that it holds back
 * counts as silence. spec/7-revocation-feed.md §3.
 *
 * @throws TypeError for a `url` or a `publicKey` that cannot be read
 */
export function feedSource(options: FeedSourceOptions): RevocationSource {
  checkKeys(options, OPTIONS, "feedSource");
  const { url, publicKey, by = "poll" } = options;
  if (!(URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)))
    throw new TypeError("a feed's url must be an http or https URL");
  if (!/^[0-9a-fA-F]{64}$/.test(publicKey))
    throw new TypeError("a feed's publicKey must be 64 hex digits: an Ed25519 public key");
  const fetcher = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  // Kept over connections: an old page must not pass for a new one because it comes first on the
  // next connection.
  let lastAt = Number.NEGATIVE_INFINITY;
  return async function* readFeed(following) {
    const key = await ReceiptKey.of(publicKey);
    // Several requests within maxSilence, so that one lost answer is not an outage, even if the
    // clocks are a few seconds apart.
    const waitSeconds = Math.min(25, Math.floor(following.maxSilenceSeconds / 5));
    const judge = (text: string | undefined): Reading => {
      if (text === undefined) throw notAPage("it is not UTF-8");
      const page = readPage(text, key);
      const reading = readingOf(page, following, lastAt);
      lastAt = Math.max(lastAt, page.at);
      return reading;
    };
    const ask = async (wait: number, accept: string, patience: Patience) => {
      const asked = feedUrl(url, { after: following.seq(), ...(wait > 0 && { wait }) });
      patience.begin();
      const response = await fetcher(asked, {
        headers: { accept },
        redirect: "error",
        signal: patience.signal,
      });
      if (response.status === 200) return response;
      await response.body?.cancel();
      throw notAPage(`status ${response.status}`);
    };
    // The first request does not wait, because every credential is denied until its answer.
    for (let isFirst = true; !following.signal.aborted; isFirst = false) {
      const wait = isFirst ? 0 : waitSeconds;
      const patience = new Patience(following.signal, waitSeconds + ANSWER_SECONDS);
      try {
        if (by === "stream") {
          const response = await ask(0, NDJSON, patience);
          for await (const line of linesOf(response)) {
            patience.begin();
            yield judge(line);
          }
          await pause(POLL_MS, following.signal);
        } else {
          const sentAt = following.clock();
          const response = await ask(wait, "application/json", patience);
          const reading = judge(utf8Text(await readBody(response, MAX_PAGE_BYTES)));
          patience.end();
          yield reading;
          // A publisher that answers at once is asked as often as a log is read.
          const isAtOnce = wait === 0 || following.clock() - sentAt < wait / 2;
          if (!isFirst && isAtOnce && reading.entries.length === 0)
            await pause(POLL_MS, following.signal);
        }
      } finally {
        patience.end();
      }
    }
  };
}

/** How long an answer may take beyond the time that it was asked to wait. */
const ANSWER_SECONDS = 3;

function readingOf(page: FeedPage, { location, clock, seq }: Following, lastAt: number): Reading {
  const after = seq();
  if (page.location !== location) throw notAPage("it is the feed of another authority");
  if (page.after !== after)
    throw notAPage(`it begins after ${page.after}, and ${after} was expected`);
  if (page.seq < after) throw notAPage(`it ends at ${page.seq}, and ${after} was known already`);
  let last = after;
  for (const entry of page.entries) {
    if (entry.seq <= last || entry.seq > page.seq) throw notAPage("its entries are not in order");
    last = entry.seq;
  }
  const now = clock();
  if (Math.abs(now - page.at) > MAX_SKEW_SECONDS)
    throw notAPage(
      `it was signed more than ${MAX_SKEW_SECONDS} seconds away from this clock's time`,
    );
  // A page that was seen before says nothing about the present, and a page that comes late only
  // about the time at which it was signed.
  return {
    after,
    seq: page.seq,
    entries: page.entries,
    aliveAt: page.at > lastAt ? page.at : undefined,
  };
}

/** Ends a request that is not answered in time. */
class Patience {
  readonly #abort = new AbortController();
  readonly #seconds: number;
  readonly #outer: AbortSignal;
  readonly #stop = () => this.#abort.abort();
  #timer: Timer | undefined;

  constructor(outer: AbortSignal, seconds: number) {
    this.#outer = outer;
    this.#seconds = seconds;
    outer.addEventListener("abort", this.#stop);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = later(this.#seconds * 1000, this.#stop);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#stop);
    this.#abort.abort();
  }
}

const LF = 10;

async function* linesOf(response: Response): AsyncGenerator<string | undefined, void> {
  const reader = response.body?.getReader();
  let rest: Uint8Array = new Uint8Array();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || value === undefined) return;
    rest = concat(rest, value);
    for (let end = rest.indexOf(LF); end !== -1; end = rest.indexOf(LF)) {
      yield utf8Text(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    if (rest.length > MAX_PAGE_BYTES) throw notAPage("a page of it is too long");
  }
}
