/**
 * Folding as a pure function: the oldest entries of the journal go in; what they come to, and which
 * rows are needed no more, comes out. spec/5-ledger.md §6.
 */
import { type Amount, UNITS, type Unit } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { hexBytes, hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { FORGET_SECONDS } from "../internal/passed-time.ts";
import { MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type { Checkpoint, FoldedCounter, Folding } from "../ports/folding.ts";
import type { JournalEntry } from "../ports/journal.ts";
import type { Reservation, Resolution } from "../ports/ledger.ts";
import { isClaim } from "./claim.ts";
import { addedBy } from "./count.ts";
import { entryText } from "./entry-text.ts";

/** A reservation whose beginning was folded, and whose end was not. */
export interface Carried {
  readonly reservation: Reservation;
  /** The number of its entry, which stays in the journal. */
  readonly entry: number;
  /** Of its release, which stays too: a payment that failed may have been made after all. */
  readonly released?: number;
}

/** What a step of folding changes. */
export interface Fold {
  readonly checkpoint: Checkpoint;
  /** Numbers of entries that go. */
  readonly removed: readonly number[];
  /** By id: what is carried from now on. */
  readonly carried: ReadonlyMap<string, Carried>;
  /** Ids that are carried no more. */
  readonly dropped: readonly string[];
  /** Reservations whose answer may be forgotten. */
  readonly ended: readonly Carried[];
  /** By id: what is added to the folded part of a counter. */
  readonly counters: ReadonlyMap<string, FoldedCounter>;
}

export const EMPTY_CHECKPOINT: Checkpoint = {
  through: 0,
  at: 0,
  entries: 0,
  digest: "00".repeat(32),
  spent: [],
  uses: 0n,
  forgottenUntil: 0,
};

/** Counters of limits that ended by then, in Unix seconds, are forgotten. */
export const endedBy = ({ at }: Folding): number => at - FORGET_SECONDS;

/**
 * @param entries those after `checkpoint.through`, in order
 * @param carried looks up what earlier steps carried
 * @throws AdapterError `ERR_STORE` if the journal ends a reservation that was never begun: what is
 * wrong must not be summed up
 */
export function fold(
  checkpoint: Checkpoint,
  entries: readonly JournalEntry[],
  carried: (id: string) => Carried | undefined,
  folding: Folding,
): Fold {
  const work = new Work(checkpoint, carried);
  for (const entry of entries) {
    if (!isOld(entry, folding) || !isOwn(entry, folding)) break;
    work.add(entry);
  }
  return work.done();
}

/** An entry from the future was written by a clock that was wrong, and is as old as its place. */
const isOld = (entry: JournalEntry, { at, now = at, keepSeconds }: Folding): boolean =>
  entry.at < at - keepSeconds || entry.at > now + MAX_CLOCK_SKEW_SECONDS;

function isOwn({ event }: JournalEntry, { only }: Folding): boolean {
  if (only === undefined) return true;
  if (event.type === "reserve") return event.reservation.id.startsWith(only);
  return (event.type === "commit" || event.type === "release") && event.id.startsWith(only);
}

class Work {
  #checkpoint: Checkpoint;
  #digest: Uint8Array;
  readonly #spent: Map<Unit, bigint>;
  readonly #before: (id: string) => Carried | undefined;
  readonly #carried = new Map<string, Carried>();
  readonly #dropped = new Set<string>();
  readonly #removed: number[] = [];
  readonly #ended: Carried[] = [];
  readonly #counters = new Map<string, FoldedCounter>();

  constructor(checkpoint: Checkpoint, before: (id: string) => Carried | undefined) {
    this.#checkpoint = checkpoint;
    this.#digest = hexBytes(checkpoint.digest)!;
    this.#spent = new Map(checkpoint.spent.map(({ unit, value }) => [unit, value]));
    this.#before = before;
  }

  add(entry: JournalEntry): void {
    const { seq, at, event } = entry;
    const text = utf8(entryText(entry));
    const message = new Uint8Array(32 + text.length);
    message.set(this.#digest);
    message.set(text, 32);
    this.#digest = sha256(message);
    this.#checkpoint = {
      ...this.#checkpoint,
      ...{ through: seq, at, entries: this.#checkpoint.entries + 1 },
    };
    if (event.type === "reserve") this.#begin(seq, event.reservation);
    else if (event.type === "commit") this.#commit(seq, event.id, event.amount);
    else if (event.type === "release") this.#release(seq, event.id);
    else this.#removed.push(seq);
  }

  #begin(entry: number, reservation: Reservation): void {
    const { id } = reservation;
    // What was released may be reserved again, and ends with its own entries then.
    const { entry: begun, released } = this.#carriedFor(id) ?? {};
    if (begun !== undefined) this.#removed.push(begun);
    if (released !== undefined) this.#removed.push(released);
    this.#carried.set(id, { reservation, entry });
  }

  #commit(seq: number, id: string, amount: Amount): void {
    const carried = this.#known(seq, id);
    const { uses } = carried.reservation;
    this.#spent.set(amount.unit, (this.#spent.get(amount.unit) ?? 0n) + amount.value);
    this.#checkpoint = { ...this.#checkpoint, uses: this.#checkpoint.uses + uses };
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
    this.#dropped.add(id);
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
    return this.#carried.get(id) ?? (this.#dropped.has(id) ? undefined : this.#before(id));
  }

  #count({ reservation, released }: Carried, resolution: Resolution): void {
    for (const { counted, added } of addedBy(reservation, resolution, released !== undefined)) {
      const { id, expiresAt: endsAt = Number.POSITIVE_INFINITY } = counted;
      const { committed = 0n, endsAt: known = endsAt } = this.#counters.get(id) ?? {};
      const counter = { id, committed: committed + added, endsAt: Math.max(known, endsAt) };
      this.#counters.set(id, counter);
    }
  }

  done(): Fold {
    const spent = UNITS.flatMap((unit) => {
      const value = this.#spent.get(unit);
      return value === undefined ? [] : [{ unit, value }];
    });
    return {
      checkpoint: { ...this.#checkpoint, digest: hexText(this.#digest), spent },
      removed: this.#removed,
      carried: this.#carried,
      dropped: [...this.#dropped].filter((id) => !this.#carried.has(id)),
      ended: this.#ended,
      counters: this.#counters,
    };
  }
}
