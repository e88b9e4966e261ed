/**
 * Folding as a pure function: the oldest entries of the journal go in; what they come to, and which
 * rows are needed no more, comes out. spec/5-ledger.md §6.
 */
import { type Amount, UNITS, type Unit } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { hexBytes, hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { FORGET_SECONDS } from "../internal/passed-time.ts";
import type { Shake } from "../internal/shake.ts";
import { MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type {
  Checkpoint,
  CheckpointSeal,
  FoldedCounter,
  Folding,
  UnsignedCheckpoint,
} from "../ports/folding.ts";
import type { CounterRow, JournalEntry } from "../ports/journal.ts";
import type { Reservation, Resolution } from "../ports/ledger.ts";
import { isClaim } from "./claim.ts";
import { addedBy } from "./count.ts";
import { CounterSum } from "./counter-sum.ts";
import { entryText } from "./entry-text.ts";

/** A reservation whose beginning was folded, and whose end was not. */
export interface Carried {
  readonly reservation: Reservation;
  /** The number of its entry, which stays in the journal. */
  readonly entry: number;
  /** Of its release, which stays too: a payment that failed may have been made after all. */
  readonly released?: number;
}

/** A counter that exists, as a step of folding finds it. */
export interface StoredCounter extends CounterRow {
  /** What folded entries committed. */
  readonly folded: bigint;
  /** Of its limit, in Unix seconds; undefined before anything of it was folded. */
  readonly endsAt: number | undefined;
}

/** The books as a step of folding reads them. */
export interface FoldState {
  readonly checkpoint: Checkpoint;
  /** Of the folded counters. */
  readonly sum: Uint8Array;
  /** SHAKE256. @default the runtime's */
  readonly shake?: Shake;
  /** The entries after `checkpoint.through`, in order; as many as the step takes at most. */
  readonly entries: readonly JournalEntry[];
  /** What earlier steps carried. */
  carried(id: string): Carried | undefined;
  counter(id: string): StoredCounter | undefined;
  /**
   * Counters of which something was folded, whose limit ended by `endedBy`, and at which nothing is
   * reserved; as many as the step takes at most.
   */
  readonly ended: readonly StoredCounter[];
}

/** What a step of folding changes. */
export interface Fold {
  /** Whether there was as much to do as the step may take. */
  readonly isFull: boolean;
  readonly checkpoint: Checkpoint;
  readonly sum: Uint8Array;
  /** Numbers of entries that go. */
  readonly removed: readonly number[];
  /** By id: what is carried from now on. */
  readonly carried: ReadonlyMap<string, Carried>;
  /** Ids that are carried no more. */
  readonly dropped: readonly string[];
  /** Reservations whose answer may be forgotten. */
  readonly ended: readonly Carried[];
  /** The folded part of counters, as it is from now on. */
  readonly counters: readonly FoldedCounter[];
  /** Counters that are removed. */
  readonly forgotten: readonly string[];
}

const NO_COUNTERS = new CounterSum().hash;

/** The checkpoint of books that were never folded. */
export const emptyCheckpoint = (books: string): Checkpoint => ({
  ...{ books, seq: 0, previous: "00".repeat(32) },
  ...{ through: 0, at: 0, entries: 0, digest: "00".repeat(32), spent: [], uses: 0n },
  ...{ forgottenUntil: 0, counters: NO_COUNTERS },
});

/** Counters of limits that ended by then, in Unix seconds, are forgotten. */
export const endedBy = ({ at }: Pick<Folding, "at">): number => at - FORGET_SECONDS;

/**
 * One step; undefined if it changes nothing.
 *
 * @throws AdapterError `ERR_CHECKPOINT` if what was folded before is not as it was signed;
 * `ERR_STORE` if the journal has a gap, or ends a reservation that was never begun: what is wrong
 * must not be summed up
 */
export function fold(state: FoldState, folding: Folding): Fold | undefined {
  const { checkpoint, entries } = state;
  demandWhole(state, folding.seal);
  const work = new Work(state, endedBy(folding));
  for (const entry of entries) {
    if (!isOld(entry, folding)) break;
    work.add(entry);
  }
  const { next, ...done } = work.done();
  const isSigned = checkpoint.seq === 0 || folding.seal.isOwn(checkpoint);
  const isSame = next.through === checkpoint.through && done.forgotten.length === 0;
  if (isSame && isSigned) return undefined;
  return {
    ...done,
    isFull: isFull(next.entries - checkpoint.entries, done.forgotten.length, folding),
    checkpoint: folding.seal.follow(checkpoint, next),
  };
}

const isFull = (entries: number, forgotten: number, { limit }: Folding): boolean =>
  limit > 0 && (entries >= limit || forgotten >= limit);

/**
 * That the books go on from what was signed.
 *
 * @throws AdapterError `ERR_CHECKPOINT`
 */
export function demandSigned(checkpoint: Checkpoint, seal: Pick<CheckpointSeal, "demand">): void {
  const { seq, books } = checkpoint;
  if (seq > 0) seal.demand(checkpoint);
  else if (stringOf(checkpoint) !== stringOf(emptyCheckpoint(books)))
    throw altered("it is not signed, and says that something was summed up");
}

const stringOf = (checkpoint: Checkpoint): string =>
  JSON.stringify(Object.entries({ ...checkpoint, uses: `${checkpoint.uses}` }).sort());

function demandWhole({ checkpoint, sum, entries }: FoldState, seal: CheckpointSeal): void {
  demandSigned(checkpoint, seal);
  if (new CounterSum(sum).hash !== checkpoint.counters)
    throw altered("the sum of the counters is another one");
  const gap = gapBefore(entries[0], checkpoint);
  if (gap !== undefined) throw altered(gap);
}

/** What is missing between the checkpoint and the first entry after it. */
function gapBefore(entry: JournalEntry | undefined, { through }: Checkpoint): string | undefined {
  if (entry === undefined || entry.seq === through + 1) return undefined;
  return `it ends with entry ${through}, and the next one in the journal is ${entry.seq}`;
}

const altered = (fault: string): AdapterError =>
  new AdapterError(
    "ERR_CHECKPOINT",
    `The books are not as the checkpoint of their journal says: ${fault}. Nothing is summed up on top of it; restore the books from a backup.`,
  );

/** An entry from the future was written by a clock that was wrong, and is as old as its place. */
const isOld = (entry: JournalEntry, { at, now = at, keepSeconds }: Folding): boolean =>
  entry.at < at - keepSeconds || entry.at > now + MAX_CLOCK_SKEW_SECONDS;

interface Added {
  readonly added: bigint;
  readonly endsAt: number;
}

class Work {
  readonly #state: FoldState;
  readonly #by: number;
  #through: number;
  #at: number;
  #entries: number;
  #uses: bigint;
  #digest: Uint8Array;
  readonly #spent: Map<Unit, bigint>;
  readonly #carried = new Map<string, Carried>();
  /** Of what earlier steps carried. */
  readonly #dropped = new Set<string>();
  readonly #over = new Set<string>();
  readonly #removed: number[] = [];
  readonly #ended: Carried[] = [];
  readonly #added = new Map<string, Added>();

  constructor(state: FoldState, by: number) {
    this.#state = state;
    this.#by = by;
    const { through, at, entries, uses, digest, spent } = state.checkpoint;
    this.#through = through;
    this.#at = at;
    this.#entries = entries;
    this.#uses = uses;
    this.#digest = hexBytes(digest)!;
    this.#spent = new Map(spent.map(({ unit, value }) => [unit, value]));
  }

  add(entry: JournalEntry): void {
    const { seq, at, event } = entry;
    const text = utf8(entryText(entry));
    const message = new Uint8Array(32 + text.length);
    message.set(this.#digest);
    message.set(text, 32);
    this.#digest = sha256(message);
    this.#through = seq;
    this.#at = Math.floor(at);
    this.#entries++;
    if (event.type === "reserve") this.#begin(seq, event.reservation);
    else if (event.type === "commit") this.#commit(seq, event.id, event.amount);
    else if (event.type === "release") this.#release(seq, event.id);
    else this.#removed.push(seq);
  }

  #begin(entry: number, reservation: Reservation): void {
    const { id } = reservation;
    // What was released may be reserved again, and ends with its own entries then. A use that was
    // released is not carried.
    const { entry: begun, released } = (isClaim(id) ? undefined : this.#carriedFor(id)) ?? {};
    if (begun !== undefined) this.#removed.push(begun);
    if (released !== undefined) this.#removed.push(released);
    this.#over.delete(id);
    this.#carried.set(id, { reservation, entry });
  }

  #commit(seq: number, id: string, amount: Amount): void {
    const carried = this.#known(seq, id);
    const { uses } = carried.reservation;
    this.#spent.set(amount.unit, (this.#spent.get(amount.unit) ?? 0n) + amount.value);
    this.#uses += uses;
    this.#count(carried, { outcome: "committed", amount, uses });
    this.#end(seq, carried);
  }

  #release(seq: number, id: string): void {
    const carried = this.#known(seq, id);
    const { amount } = carried.reservation;
    this.#count(carried, { outcome: "released", amount: { ...amount, value: 0n }, uses: 0n });
    if (isClaim(id)) this.#end(seq, carried);
    else this.#carried.set(id, { ...carried, released: seq });
  }

  #end(seq: number, { reservation, entry, released }: Carried): void {
    const { id } = reservation;
    this.#removed.push(entry, ...(released === undefined ? [] : [released]), seq);
    this.#carried.delete(id);
    this.#over.add(id);
    this.#ended.push({ reservation, entry });
  }

  #known(seq: number, id: string): Carried {
    const carried = this.#carriedFor(id);
    if (carried !== undefined) return carried;
    throw new AdapterError(
      "ERR_STORE",
      `Entry ${seq} of the journal ends a reservation that is not open there, so nothing is folded. Run sigil ledger verify, and restore the books from a backup.`,
    );
  }

  #carriedFor(id: string): Carried | undefined {
    const mine = this.#carried.get(id);
    if (mine !== undefined || this.#over.has(id)) return mine;
    const before = this.#state.carried(id);
    if (before !== undefined) this.#dropped.add(id);
    return before;
  }

  #count({ reservation, released }: Carried, resolution: Resolution): void {
    for (const { counted, added } of addedBy(reservation, resolution, released !== undefined)) {
      const { id, expiresAt = Number.POSITIVE_INFINITY } = counted;
      const { added: before = 0n, endsAt = expiresAt } = this.#added.get(id) ?? {};
      this.#added.set(id, { added: before + added, endsAt: Math.max(endsAt, expiresAt) });
    }
  }

  done() {
    const { checkpoint } = this.#state;
    const { sum, counters, forgotten, until } = this.#counters();
    const spent = UNITS.flatMap((unit) => {
      const value = this.#spent.get(unit);
      return value === undefined ? [] : [{ unit, value }];
    });
    const next: UnsignedCheckpoint = {
      books: checkpoint.books,
      ...{ through: this.#through, at: this.#at, entries: this.#entries },
      ...{ digest: hexText(this.#digest), spent, uses: this.#uses },
      ...{ forgottenUntil: until, counters: sum.hash },
    };
    return {
      next,
      sum: sum.bytes,
      removed: this.#removed,
      carried: this.#carried,
      dropped: [...this.#dropped].filter((id) => !this.#carried.has(id)),
      ended: this.#ended,
      ...{ counters, forgotten },
    };
  }

  /** Counters at which nothing stands, and those whose limit has ended, are removed. */
  #counters() {
    const { checkpoint, counter, ended } = this.#state;
    const sum = new CounterSum(this.#state.sum, this.#state.shake);
    const counters: FoldedCounter[] = [];
    const forgotten: string[] = [];
    let until = checkpoint.forgottenUntil;
    const forget = ({ id, committed }: StoredCounter, endsAt: number) => {
      forgotten.push(id);
      if (committed !== 0n) until = Math.max(until, Math.ceil(endsAt));
    };
    for (const [id, { added, endsAt: endsThen }] of this.#added) {
      const row = counter(id);
      if (row === undefined) continue;
      const endsAt = Math.max(row.endsAt ?? endsThen, endsThen);
      sum.remove(foldedOf(row));
      if (row.reserved === 0n && (row.committed === 0n || endsAt <= this.#by)) forget(row, endsAt);
      else {
        const folded = { id, committed: row.folded + added, endsAt };
        sum.add(folded);
        counters.push(folded);
      }
    }
    for (const row of ended) {
      if (this.#added.has(row.id)) continue;
      sum.remove(foldedOf(row));
      forget(row, row.endsAt!);
    }
    return { sum, counters, forgotten, until };
  }
}

const foldedOf = ({ id, folded, endsAt = 0 }: StoredCounter): FoldedCounter => ({
  ...{ id, committed: folded, endsAt },
});
