/** Recomputes every total from the journal, and compares it with the store. spec/5-ledger.md §6. */
import type { Amount } from "../amount.ts";
import type { Journal, JournalEntry } from "../ports/journal.ts";
import type { Reservation } from "../ports/ledger.ts";
import { type Counter, type Counters, type ReservationRow, reserve, resolve } from "./count.ts";

export interface LedgerFault {
  readonly what: string;
  /** The counter or the reservation. */
  readonly id: string;
}

export interface LedgerAudit {
  readonly entries: number;
  readonly counters: number;
  /** Reservations that are not resolved. */
  readonly open: number;
  /** Empty if the books are right. */
  readonly faults: readonly LedgerFault[];
}

const PAGE = 1000;

/**
 * Audits a store that nothing writes to. Finds totals that differ, limits that were passed, and
 * ends without a beginning.
 */
export async function auditLedger(store: Journal): Promise<LedgerAudit> {
  const books = new Books();
  let entries = 0;
  for (let after = 0; ; ) {
    const page = await store.journal(after, PAGE);
    for (const entry of page) books.replay(entry);
    entries += page.length;
    if (page.length < PAGE) break;
    after = page.at(-1)!.seq;
  }
  let counters = 0;
  for (let after = ""; ; ) {
    const page = await store.counters(after, PAGE);
    for (const { id, committed, reserved } of page) books.compare(id, committed, reserved);
    counters += page.length;
    if (page.length < PAGE) break;
    after = page.at(-1)!.id;
  }
  return { entries, counters, ...books.close() };
}

class Books {
  readonly #counters = new Map<string, Counter>();
  readonly #open = new Map<string, ReservationRow>();
  readonly #seen = new Set<string>();
  readonly #faults: LedgerFault[] = [];
  readonly #state: Counters = {
    counter: (id) => this.#counters.get(id),
    reservation: (id) => this.#open.get(id),
  };
  #lastSeq = 0;

  replay({ seq, at, event }: JournalEntry): void {
    if (seq <= this.#lastSeq) this.#fault("the journal is out of order", String(seq));
    this.#lastSeq = seq;
    if (event.type === "reserve") this.#reserve(event.reservation);
    else if (event.type === "commit") this.#resolve(event.id, event.amount, at);
    else if (event.type === "release") this.#resolve(event.id, undefined, at);
  }

  #reserve(reservation: Reservation): void {
    const { id } = reservation;
    const { counters, reservation: row, answer } = reserve(this.#state, reservation);
    if (this.#open.has(id)) this.#fault("it was reserved twice", id);
    else if (!answer.reserved)
      this.#fault("it was reserved although a limit had too little left", id);
    else {
      this.#keep(counters);
      this.#open.set(id, row!);
    }
  }

  #resolve(id: string, spent: Amount | undefined, at: number): void {
    if (!this.#open.has(id)) {
      this.#fault("it was resolved twice, or was never reserved", id);
      return;
    }
    this.#keep(resolve(this.#state, id, spent, at).counters);
    this.#open.delete(id);
  }

  compare(id: string, committed: bigint, reserved: bigint): void {
    this.#seen.add(id);
    const mine = this.#counters.get(id);
    if ((mine?.committed ?? 0n) !== committed || (mine?.reserved ?? 0n) !== reserved)
      this.#fault(
        `it stands at ${committed} and ${reserved} in flight, and the journal comes to ${mine?.committed ?? 0n} and ${mine?.reserved ?? 0n}`,
        id,
      );
  }

  close(): { readonly open: number; readonly faults: readonly LedgerFault[] } {
    for (const [id, { committed, reserved }] of this.#counters)
      if (!this.#seen.has(id) && (committed > 0n || reserved > 0n))
        this.#fault("it is in the journal, and the store has lost it", id);
    return { open: this.#open.size, faults: this.#faults };
  }

  #keep(counters: ReadonlyMap<string, Counter>): void {
    for (const [id, counter] of counters) this.#counters.set(id, counter);
  }

  #fault(what: string, id: string): void {
    this.#faults.push({ what, id });
  }
}
