/** The journal of the memory store. */
import { type Carried, EMPTY_CHECKPOINT, endedBy, fold } from "../ledger/index.ts";
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
  #checkpoint = EMPTY_CHECKPOINT;

  constructor(counters: MemoryCounters) {
    this.#counters = counters;
  }

  /** Except `forgottenUntil`, which the counters know. */
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

  fold(folding: Folding): boolean {
    const before = this.#checkpoint;
    const slice = this.#entries.slice(0, folding.limit);
    const find = (id: string) => this.#carried.get(id);
    const done = fold(before, slice, find, folding);
    const folded = done.checkpoint.entries - before.entries;
    for (const entry of this.#entries.splice(0, folded)) this.#kept.set(entry.seq, entry);
    for (const seq of done.removed) this.#kept.delete(seq);
    for (const id of done.dropped) this.#carried.delete(id);
    for (const [id, carried] of done.carried) this.#carried.set(id, carried);
    for (const counter of done.counters.values()) this.#counters.fold(counter);
    this.#checkpoint = done.checkpoint;
    this.#counters.forget(endedBy(folding), folding.limit);
    return folded >= folding.limit;
  }
}
