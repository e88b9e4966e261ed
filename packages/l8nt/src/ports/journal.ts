/**
 * The journal: everything that changed the books, in order, append-only. Every total can be
 * recomputed from it.
 */
import type { Amount } from "../amount.ts";
import type { Reservation } from "./ledger.ts";

export type JournalEvent =
  | { readonly type: "reserve"; readonly reservation: Reservation }
  | { readonly type: "commit"; readonly id: string; readonly amount: Amount }
  | { readonly type: "release"; readonly id: string }
  /** A payment was begun, settled or marked. Its reservation has entries of its own. */
  | { readonly type: "payment"; readonly paymentHash: string; readonly status: string }
  | {
      readonly type: "directive";
      readonly kind: string;
      readonly nodeId: string;
      readonly reason?: string;
    }
  /** What a person should see: an alarm, an override, money that the ledger did not know of. */
  | { readonly type: "note"; readonly text: string };

export interface JournalEntry {
  /** From 1; later ones are greater. */
  readonly seq: number;
  /** Unix seconds. */
  readonly at: number;
  readonly event: JournalEvent;
}

/** A counter's row as it is kept. */
export interface CounterRow {
  readonly id: string;
  readonly committed: bigint;
  readonly reserved: bigint;
}

export interface Journal {
  /** Those after `after`, in order. */
  journal(after: number, limit: number): Promise<readonly JournalEntry[]>;
  note(text: string, at: number): Promise<void>;
  /** Counters by id, after the id `after`, in the order of their ids' code units. */
  counters(after: string, limit: number): Promise<readonly CounterRow[]>;
  /**
   * The latest time that was ever written, in Unix seconds; 0 for a new store. Time never goes back
   * behind it. [case 109]
   */
  latest(): Promise<number>;
}
