/**
 * The counters of the memory store. Those of ended limits are found a few with each event, so that
 * memory stays bounded and no request pays for a search through all of them.
 */
import { FORGET_SECONDS, PassedTime } from "../internal/passed-time.ts";
import type { Counter } from "../ledger/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { FoldedCounter } from "../ports/folding.ts";
import type { CounterRow } from "../ports/journal.ts";
import type { Counted } from "../ports/limit.ts";

/** How many are looked at for each new one, so that a search overtakes what is added. */
const LOOKED_AT = 2;

interface Row extends Counter {
  readonly endsAt: number;
}

export class MemoryCounters {
  readonly #rows = new Map<string, Row>();
  /** Of counters that exist. */
  readonly #folded = new Map<string, FoldedCounter>();
  #search = this.#rows.entries();
  #toLookAt = 0;
  #forgottenUntil = 0;

  readonly #passed: PassedTime;

  /** @param elapsed as `PassedTime` takes it */
  constructor(elapsed?: Clock) {
    this.#passed = new PassedTime(elapsed);
  }

  get forgottenUntil(): number {
    return this.#forgottenUntil;
  }

  get(id: string): Counter | undefined {
    return this.#rows.get(id);
  }

  set({ id, kind, expiresAt = Number.POSITIVE_INFINITY }: Counted, counter: Counter): void {
    // A counter with nothing in flight needs no row: there are as many ids as origins.
    if (kind.startsWith("in-flight") && counter.reserved === 0n) this.#rows.delete(id);
    else {
      if (!this.#rows.has(id)) this.#toLookAt += LOOKED_AT;
      this.#rows.set(id, { ...counter, endsAt: expiresAt });
    }
  }

  /** With each event: looks for what can be deleted, a few counters at a time. */
  sweep(at: number): void {
    this.forget(this.#passed.at(at) - FORGET_SECONDS, this.#toLookAt + 1);
    this.#toLookAt = 0;
  }

  /** Deletes counters at which nothing stands, and those whose limit ended by then. */
  forget(by: number, most: number): void {
    for (let left = Math.min(most, this.#rows.size + 1); left > 0; left--) {
      const { value, done } = this.#search.next();
      if (done) {
        this.#search = this.#rows.entries();
        continue;
      }
      const [id, { committed, reserved, endsAt }] = value;
      if (reserved > 0n || (committed > 0n && endsAt > by)) continue;
      this.#rows.delete(id);
      this.#folded.delete(id);
      if (committed > 0n) this.#forgottenUntil = Math.max(this.#forgottenUntil, endsAt);
    }
  }

  fold({ id, committed, endsAt }: FoldedCounter): void {
    if (!this.#rows.has(id)) return;
    const { committed: before = 0n } = this.#folded.get(id) ?? {};
    if (before + committed > 0n)
      this.#folded.set(id, { id, committed: before + committed, endsAt });
  }

  page(after: string, limit: number): readonly CounterRow[] {
    return paged(this.#rows.keys(), after, limit).map((id) => {
      const { committed, reserved } = this.#rows.get(id)!;
      return { id, committed, reserved };
    });
  }

  foldedPage(after: string, limit: number): readonly FoldedCounter[] {
    return paged(this.#folded.keys(), after, limit).map((id) => this.#folded.get(id)!);
  }
}

const paged = (ids: Iterable<string>, after: string, limit: number): readonly string[] =>
  [...ids]
    .filter((id) => id > after)
    .sort((a, b) => (a < b ? -1 : 1))
    .slice(0, limit);
