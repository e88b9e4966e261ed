/**
 * The counters of the memory store. Those of ended limits are found a few with each event, so that
 * memory stays bounded and no request pays for a search through all of them.
 */
import { FORGET_SECONDS, PassedTime } from "../internal/passed-time.ts";
import type { Counter, StoredCounter } from "../ledger/index.ts";
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

  /**
   * With each event, where no journal is folded: looks for what can be deleted, a few counters at a
   * time.
   */
  sweep(at: number): void {
    const by = this.#passed.at(at) - FORGET_SECONDS;
    for (const [id, { committed, reserved, endsAt }] of this.#nextRows(this.#toLookAt + 1))
      if (reserved === 0n && (committed === 0n || endsAt <= by))
        this.remove([id], committed > 0n ? endsAt : 0);
    this.#toLookAt = 0;
  }

  /** As `FoldState.ended`: some of them. */
  ended(by: number, most: number): readonly StoredCounter[] {
    const found: StoredCounter[] = [];
    for (const [id, { reserved }] of this.#nextRows(most))
      if (reserved === 0n && (this.#folded.get(id)?.endsAt ?? by + 1) <= by)
        found.push(this.stored(id)!);
    return found;
  }

  /** Goes on where the last call ended. */
  *#nextRows(most: number): Generator<[string, Row]> {
    for (let left = Math.min(most, this.#rows.size); left > 0; left--) {
      let next = this.#search.next();
      if (next.done) {
        this.#search = this.#rows.entries();
        next = this.#search.next();
      }
      if (next.done) return;
      yield next.value;
    }
  }

  stored(id: string): StoredCounter | undefined {
    const row = this.#rows.get(id);
    if (row === undefined) return undefined;
    const { committed, reserved } = row;
    const { committed: folded = 0n, endsAt } = this.#folded.get(id) ?? {};
    return { id, committed, reserved, folded, endsAt };
  }

  fold(counter: FoldedCounter): void {
    this.#folded.set(counter.id, counter);
  }

  remove(ids: readonly string[], until: number): void {
    for (const id of ids) {
      this.#rows.delete(id);
      this.#folded.delete(id);
    }
    this.#forgottenUntil = Math.max(this.#forgottenUntil, until);
  }

  page(after: string, limit: number): readonly CounterRow[] {
    return paged(this.#rows.keys(), after, limit).map((id) => {
      const { committed, reserved } = this.#rows.get(id)!;
      return { id, committed, reserved };
    });
  }

  foldedPage(after: string, limit: number): readonly FoldedCounter[] {
    const folded = [...this.#folded.values()].filter(({ committed }) => committed > 0n);
    return paged(
      folded.map(({ id }) => id),
      after,
      limit,
    ).map((id) => this.#folded.get(id)!);
  }
}

const paged = (ids: Iterable<string>, after: string, limit: number): readonly string[] =>
  [...ids]
    .filter((id) => id > after)
    .sort((a, b) => (a < b ? -1 : 1))
    .slice(0, limit);
