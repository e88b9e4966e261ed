/** The revocations of a log in memory, to be published, and the requests that wait for the next. */
import { later } from "../internal/timers.ts";
import type { Clock } from "../ports/clock.ts";
import type { DirectiveLog } from "../ports/directives.ts";
import { type FeedEntry, MAX_ENTRIES } from "../wire/feed.ts";
import { MAX_SKEW_SECONDS } from "./page.ts";
import { watch } from "./watch.ts";

/**
 * Ids on one page, of 35 bytes each: with the rest of a thousand entries, less than 262,144 bytes.
 */
const MAX_IDS = 4000;

export interface Piece {
  readonly seq: number;
  readonly entries: readonly FeedEntry[];
}

export class Published {
  readonly #store: DirectiveLog;
  readonly #clock: Clock;
  /** In order of their numbers. */
  #entries: FeedEntry[] = [];
  #seq = 0;
  #reading: Promise<void> | undefined;
  readonly #waiting = new Set<() => void>();
  #unwatch: (() => void) | undefined;

  constructor(store: DirectiveLog, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Reads what is new. Calls at the same time share one read. @throws AdapterError `ERR_STORE` */
  read(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const before = this.#entries.length;
    for (const { seq, kind, nodeId, endsAt, above } of await this.#store.directives(this.#seq)) {
      if (kind === "revoke")
        // Rounded up: a revocation that is left out too early would let its node in again.
        this.#entries.push({
          seq,
          node: nodeId,
          ...(endsAt !== undefined && { endsAt: Math.ceil(endsAt) }),
          ...(above !== undefined && { above }),
        });
      this.#seq = Math.max(this.#seq, seq);
    }
    if (this.#entries.length === before) return;
    // A follower whose clock is behind this one still needs the entries that ended just now.
    const ended = this.#clock() - MAX_SKEW_SECONDS;
    const ends = new Map<string, number>();
    for (const { node, endsAt = Number.POSITIVE_INFINITY } of this.#entries)
      ends.set(node, Math.max(endsAt, ends.get(node) ?? endsAt));
    this.#entries = this.#entries.filter(({ endsAt = Number.POSITIVE_INFINITY, above = [] }) => {
      // A revoked node above it, that is published for as long, says all that this entry says.
      const isFolded = above.some((id) => (ends.get(id) ?? Number.NEGATIVE_INFINITY) >= endsAt);
      return endsAt >= ended && !isFolded;
    });
    for (const wake of [...this.#waiting]) wake();
  }

  /** The entries after number `after`: as many as a page has room for. */
  after(after: number): Piece {
    const entries: FeedEntry[] = [];
    let ids = 0;
    for (let at = this.#indexAfter(after); at < this.#entries.length; at++) {
      const entry = this.#entries[at]!;
      ids += 1 + (entry.above?.length ?? 0);
      if (entries.length === MAX_ENTRIES || ids > MAX_IDS)
        return { seq: entries.at(-1)!.seq, entries };
      entries.push(entry);
    }
    return { seq: this.#seq, entries };
  }

  #indexAfter(seq: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.seq > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * Resolves at the next revocation, after `seconds`, or once `signal` aborts. Resolves at once if
   * there is an entry after number `after` already.
   */
  async wait(after: number, seconds: number, signal: AbortSignal): Promise<void> {
    if (seconds === 0 || signal.aborted || this.#indexAfter(after) < this.#entries.length) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        if (this.#waiting.size === 0) {
          this.#unwatch?.();
          this.#unwatch = undefined;
        }
        resolve();
      };
      const timer = later(seconds * 1000, wake);
      signal.addEventListener("abort", wake);
      this.#waiting.add(wake);
      this.#unwatch ??= watch(this.#store, () => void this.read().catch(() => {}));
    });
  }
}
