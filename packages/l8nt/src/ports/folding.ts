/**
 * Folding: old entries of the journal are summed up and removed, with what belongs to ended
 * credentials alone. spec/5-ledger.md §6.
 */
import type { Amount } from "../amount.ts";

/** One step of folding. */
export interface Folding {
  /** Up to when time has certainly passed, in Unix seconds: what is old is older than this. */
  readonly at: number;
  /**
   * Unix seconds by the clock: a later entry was written by a clock that was wrong.
   *
   * @default `at`
   */
  readonly now?: number;
  /** Entries that are older than this go. */
  readonly keepSeconds: number;
  /** How many entries one step takes at most. */
  readonly limit: number;
  /**
   * The step ends at the first entry that is of no reservation whose id begins with this: of books
   * that several write, each folds its own.
   */
  readonly only?: string;
}

/** What the removed entries came to. */
export interface Checkpoint {
  /** The number of the last entry that was folded; 0 before the first. */
  readonly through: number;
  /** Of that entry, Unix seconds. */
  readonly at: number;
  /** How many entries were folded. */
  readonly entries: number;
  /** The end of the chain of their SHA-256, in hex. */
  readonly digest: string;
  /** What their commits came to, in each unit in which there were any. */
  readonly spent: readonly Amount[];
  /** The uses that they committed. */
  readonly uses: bigint;
  /** Unix seconds. Counters of limits that ended by then may be gone, so nothing counts on them. */
  readonly forgottenUntil: number;
}

/** What the folded entries committed to a counter that still exists. */
export interface FoldedCounter {
  readonly id: string;
  readonly committed: bigint;
  /** Unix seconds after which nothing can count against it; infinite without an end. */
  readonly endsAt: number;
}

/** Books that can be folded. */
export interface Foldable {
  /**
   * Folds the oldest entries, and forgets counters of limits that have ended. One atomic step.
   * Returns whether there was as much to do as the step may take.
   *
   * @throws AdapterError `ERR_STORE`
   */
  fold(folding: Folding): Promise<boolean>;
  /** The time of the database, where several processes share it. */
  now?(): Promise<number>;
}
