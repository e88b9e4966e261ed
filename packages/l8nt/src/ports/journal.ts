/**
 * The journal: every change of the books, in order and append-only. Every total can be recomputed
 * from it. spec/5-ledger.md §6.
 */
import type { Amount } from "../amount.ts";
import type { Checkpoint, Foldable, FoldedCounter } from "./folding.ts";
import type { Reservation } from "./ledger.ts";

export type JournalEvent =
  | { readonly type: "reserve"; readonly reservation: Reservation }
  | { readonly type: "commit"; readonly id: string; readonly amount: Amount }
  | { readonly type: "release"; readonly id: string }
  /** A payment was begun, settled or marked. Its reservation has its own entries. */
  | { readonly type: "payment"; readonly paymentHash: string; readonly status: string }
  | {
      readonly type: "directive";
      readonly kind: string;
      readonly nodeId: string;
      readonly reason?: string;
    }
  /** Text for people: an alarm, an override, a payment that is in no book. */
  | { readonly type: "note"; readonly text: string };

export interface JournalEntry {
  /** From 1, and increasing. */
  readonly seq: number;
  /** Unix seconds. */
  readonly at: number;
  readonly event: JournalEvent;
}

/** A counter as it is stored. */
export interface CounterRow {
  readonly id: string;
  readonly committed: bigint;
  readonly reserved: bigint;
}

export interface Journal extends Foldable {
  /**
   * The entries after `after`, in order. Of those that were folded, only the beginnings of what is
   * still open, and of payments that failed, are left.
   */
  journal(after: number, limit: number): Promise<readonly JournalEntry[]>;
  note(text: string, at: number): Promise<void>;
  /** Counters by id, after the id `after`, in the order of their ids' code units. */
  counters(after: string, limit: number): Promise<readonly CounterRow[]>;
  /** What the entries that were removed came to. */
  checkpoint(): Promise<Checkpoint>;
  /**
   * Counters that removed entries committed something to, after the id `after`, in the order of
   * their ids' code units.
   */
  foldedCounters(after: string, limit: number): Promise<readonly FoldedCounter[]>;
  /**
   * The latest time that was written, in Unix seconds; 0 for a new store. The treasury's clock
   * never goes back behind it by itself. [case 109]
   */
  latest(): Promise<number>;
  /** Makes `at` the latest time, although it is earlier, on the owner's word, and notes `text`. */
  turnBack(at: number, text: string): Promise<void>;
}
