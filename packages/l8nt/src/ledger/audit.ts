/** Recomputes every total from the journal, and compares it with the store. spec/5-ledger.md §6. */
import type { Amount } from "../amount.ts";
import type { Journal, JournalEntry } from "../ports/journal.ts";
import type { Reservation } from "../ports/ledger.ts";
import {
  type Counter,
  type Counters,
  type ReservationRow,
  reserve,
  resolve,
  spend,
} from "./count.ts";

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
  let books = await replayed(store, new Set());
  // What was reserved is forgotten with its end, unless it was spent after its release.
  if (books.late.size > 0) books = await replayed(store, books.late);
  let counters = 0;
  for (let after = ""; ; ) {
    const page = await store.counters(after, PAGE);
    for (const { id, committed, reserved } of page) books.compare(id, committed, reserved);
    counters += page.length;
    if (page.length < PAGE) break;
    after = page.at(-1)!.id;
  }
  return { counters, ...books.close() };
}

async function replayed(store: Journal, late: ReadonlySet<string>): Promise<Books> {
  const books = new Books(late);
  for (let after = 0; ; ) {
    const page = await store.journal(after, PAGE);
    for (const entry of page) books.replay(entry);
    if (page.length < PAGE) return books;
    after = page.at(-1)!.seq;
  }
}

class Books {
  readonly #counters = new Map<string, Counter>();
  readonly #open = new Map<string, ReservationRow>();
  readonly #released = new Map<string, ReservationRow>();
  readonly #seen = new Set<string>();
  readonly #faults: LedgerFault[] = [];
  readonly #state: Counters = {
    counter: (id) => this.#counters.get(id),
    reservation: (id) => this.#open.get(id) ?? this.#released.get(id),
  };
  readonly #known: ReadonlySet<string>;
  /** Reservations that were committed after they had ended. */
  readonly late = new Set<string>();
  #entries = 0;
  #lastSeq = 0;

  /** @param late what is expected to be committed after its release */
  constructor(late: ReadonlySet<string>) {
    this.#known = late;
  }

  replay({ seq, at, event }: JournalEntry): void {
    if (seq <= this.#lastSeq) this.#fault("the journal is out of order", String(seq));
    this.#lastSeq = seq;
    this.#entries++;
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
    const isOpen = this.#open.has(id);
    if (!isOpen && spent !== undefined) this.late.add(id);
    if (!isOpen && (spent === undefined || !this.#released.has(id))) {
      this.#fault("it was resolved twice, or was never reserved", id);
      return;
    }
    const { counters, reservation } =
      spent === undefined ? resolve(this.#state, id, spent, at) : spend(this.#state, id, spent, at);
    this.#keep(counters);
    this.#open.delete(id);
    if (spent === undefined && this.#known.has(id)) this.#released.set(id, reservation!);
    else this.#released.delete(id);
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

  close(): Pick<LedgerAudit, "entries" | "open" | "faults"> {
    for (const [id, { committed, reserved }] of this.#counters)
      if (!this.#seen.has(id) && (committed > 0n || reserved > 0n))
        this.#fault("it is in the journal, and the store has lost it", id);
    return { entries: this.#entries, open: this.#open.size, faults: this.#faults };
  }

  #keep(counters: ReadonlyMap<string, Counter>): void {
    for (const [id, counter] of counters) this.#counters.set(id, counter);
  }

  #fault(what: string, id: string): void {
    this.#faults.push({ what, id });
  }
}
