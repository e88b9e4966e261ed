/** Recomputes every total from the journal, and compares it with the store. spec/5-ledger.md §6. */
import type { Amount } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { shake256 } from "../internal/noble-shake.ts";
import { nextTurn } from "../internal/timers.ts";
import type { Checkpoint, CheckpointSeal, FoldedCounter } from "../ports/folding.ts";
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
import { CounterSum } from "./counter-sum.ts";
import { demandSigned } from "./fold.ts";

export interface LedgerFault {
  readonly what: string;
  /** The counter, the reservation, the number of the entry, or `checkpoint`. */
  readonly id: string;
}

export interface LedgerAudit {
  readonly entries: number;
  readonly counters: number;
  /** Reservations that are not resolved. */
  readonly open: number;
  /** What was folded of the journal: its entries are gone, and their sums are as it was signed. */
  readonly checkpoint: Checkpoint;
  /** Empty if the books are right. */
  readonly faults: readonly LedgerFault[];
}

/** Entries or counters between two turns of the event loop: a few milliseconds. */
const PAGE = 500;

/**
 * Audits a store that nothing writes to. Finds totals that differ, limits that were passed, ends
 * without a beginning, and folded counters and entries that the checkpoint does not tell of. Other
 * work goes on meanwhile. [case 118]
 *
 * @param verifier judges the signature of the checkpoint: `checkpointVerifier` of `l8nt/receipts`
 * makes one. Without it, the signature is not verified
 */
export async function auditLedger(
  store: Journal,
  verifier?: Pick<CheckpointSeal, "demand">,
): Promise<LedgerAudit> {
  let books = await replayed(store, new Set());
  // What was reserved is forgotten with its end, unless it was spent after its release.
  if (books.late.size > 0) books = await replayed(store, books.late);
  if (verifier !== undefined) books.judge(verifier);
  let counters = 0;
  for await (const page of pages((after) => store.counters(after, PAGE))) {
    for (const { id, committed, reserved } of page) books.compare(id, committed, reserved);
    counters += page.length;
  }
  return { counters, ...(await books.close()) };
}

/** By id, until a page is not full; with a turn of the event loop between two pages. */
async function* pages<Row extends { readonly id: string }>(
  read: (after: string) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  for (let after = ""; ; ) {
    const page = await read(after);
    yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.id;
    await nextTurn();
  }
}

async function replayed(store: Journal, late: ReadonlySet<string>): Promise<Books> {
  const books = new Books(await store.checkpoint(), late);
  for await (const page of pages((after) => store.foldedCounters(after, PAGE)))
    for (const counter of page) books.begin(counter);
  for (let after = 0; ; ) {
    const page = await store.journal(after, PAGE);
    for (const entry of page) books.replay(entry);
    if (page.length < PAGE) return books;
    after = page.at(-1)!.seq;
    await nextTurn();
  }
}

/** In place of an id, in a fault of it. */
const CHECKPOINT = "checkpoint";

class Books {
  readonly #checkpoint: Checkpoint;
  readonly #counters = new Map<string, Counter>();
  /** Counters that may be gone, because their limit has ended. */
  readonly #mayBeGone = new Set<string>();
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
  readonly #sum = new CounterSum(undefined, shake256);
  #entries = 0;
  #lastSeq = 0;

  /** @param late what is expected to be committed after its release */
  constructor(checkpoint: Checkpoint, late: ReadonlySet<string>) {
    this.#checkpoint = checkpoint;
    this.#known = late;
  }

  /** Takes what the folded entries committed to a counter. */
  begin(counter: FoldedCounter): void {
    const { id, committed } = counter;
    this.#sum.add(counter);
    this.#counters.set(id, { committed, reserved: 0n, slots: [] });
  }

  judge(verifier: Pick<CheckpointSeal, "demand">): void {
    try {
      demandSigned(this.#checkpoint, verifier);
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      this.#fault(error.message, CHECKPOINT);
    }
  }

  replay({ seq, at, event }: JournalEntry): void {
    if (seq <= this.#lastSeq) this.#fault("the journal is out of order", String(seq));
    const { through } = this.#checkpoint;
    const expected = Math.max(this.#lastSeq, through) + 1;
    if (seq > expected) this.#fault(`entries from ${expected} on are missing before it`, `${seq}`);
    this.#lastSeq = seq;
    this.#entries++;
    if (event.type === "reserve") this.#reserve(this.#asThen(seq, event.reservation));
    else if (event.type === "commit") this.#resolve(event.id, event.amount, at);
    else if (event.type === "release") this.#resolve(event.id, undefined, at);
  }

  /** Commits that were made after a folded entry are in the sums, so its limits say nothing. */
  #asThen(seq: number, reservation: Reservation): Reservation {
    for (const { id, expiresAt } of reservation.counted)
      if (expiresAt !== undefined && expiresAt <= this.#checkpoint.forgottenUntil)
        this.#mayBeGone.add(id);
    if (seq > this.#checkpoint.through) return reservation;
    return { ...reservation, counted: reservation.counted.map(({ max: _, ...rest }) => rest) };
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
    const mine = this.#counters.get(id) ?? { committed: 0n, reserved: 0n };
    // A payment that turns out late makes a counter anew that was gone.
    const isPart = committed < mine.committed && this.#mayBeGone.has(id);
    if ((mine.committed !== committed && !isPart) || mine.reserved !== reserved)
      this.#fault(
        `it stands at ${committed} and ${reserved} in flight, and the journal comes to ${mine.committed} and ${mine.reserved}`,
        id,
      );
  }

  async close(): Promise<Pick<LedgerAudit, "entries" | "open" | "checkpoint" | "faults">> {
    if (this.#sum.hash !== this.#checkpoint.counters)
      this.#fault(
        "the folded parts of the counters are not those that it was made with",
        CHECKPOINT,
      );
    let looked = 0;
    for (const [id, { committed, reserved }] of this.#counters) {
      if (++looked % (10 * PAGE) === 0) await nextTurn();
      const isLost = !this.#seen.has(id) && (committed > 0n || reserved > 0n);
      if (isLost && !(reserved === 0n && this.#mayBeGone.has(id)))
        this.#fault("it is in the journal, and the store has lost it", id);
    }
    return {
      entries: this.#entries,
      open: this.#open.size,
      checkpoint: this.#checkpoint,
      faults: this.#faults,
    };
  }

  #keep(counters: ReadonlyMap<string, Counter>): void {
    for (const [id, counter] of counters) this.#counters.set(id, counter);
  }

  #fault(what: string, id: string): void {
    this.#faults.push({ what, id });
  }
}
