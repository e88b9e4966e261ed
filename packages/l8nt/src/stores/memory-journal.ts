/** The journal of the memory store. */

import { hexText } from "../internal/bytes.ts";
import { nonceBytes } from "../internal/crypto.ts";
import { type Carried, CounterSum, emptyCheckpoint, endedBy, fold } from "../ledger/index.ts";
import type { Checkpoint, Folding } from "../ports/folding.ts";
import type { JournalEntry, JournalEvent } from "../ports/journal.ts";
import type { MemoryCounters } from "./memory-counters.ts";

export class MemoryJournal {
  readonly #counters: MemoryCounters;
  /** Entries that were folded and stay, by number. */
  readonly #kept = new Map<number, JournalEntry>();
  readonly #carried = new Map<string, Carried>();
  #entries: JournalEntry[] = [];
  #last = 0;
  #checkpoint = emptyCheckpoint(hexText(nonceBytes(16)));
  #sum = new CounterSum().bytes;

  constructor(counters: MemoryCounters) {
    this.#counters = counters;
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  write(at: number, event: JournalEvent): void {
    this.#entries.push({ seq: ++this.#last, at, event });
  }

  entries(after: number, limit: number): readonly JournalEntry[] {
    const { through } = this.#checkpoint;
    const from = Math.max(after, through) - through;
    const later = this.#entries.slice(from, from + limit);
    if (after >= through) return later;
    const kept = [...this.#kept.values()].filter(({ seq }) => seq > after);
    return [...kept.sort((a, b) => a.seq - b.seq), ...later].slice(0, limit);
  }

  /** @throws AdapterError `ERR_STORE`, `ERR_CHECKPOINT` */
  fold(folding: Folding): boolean {
    const before = this.#checkpoint;
    const { limit } = folding;
    const done = fold(
      {
        ...{ checkpoint: before, sum: this.#sum, entries: this.#entries.slice(0, limit) },
        carried: (id) => this.#carried.get(id),
        counter: (id) => this.#counters.stored(id),
        ended: this.#counters.ended(endedBy(folding), limit),
      },
      folding,
    );
    if (done === undefined) return false;
    const folded = this.#entries.splice(0, done.checkpoint.entries - before.entries);
    for (const entry of folded) this.#kept.set(entry.seq, entry);
    for (const seq of done.removed) this.#kept.delete(seq);
    for (const id of done.dropped) this.#carried.delete(id);
    for (const [id, carried] of done.carried) this.#carried.set(id, carried);
    for (const counter of done.counters) this.#counters.fold(counter);
    this.#checkpoint = done.checkpoint;
    this.#sum = done.sum;
    this.#counters.remove(done.forgotten, done.checkpoint.forgottenUntil);
    return done.isFull;
  }
}
