/**
 * Counting: reserve the worst case, then commit what it came to, or release it. spec/5-ledger.md.
 */
import type { Amount } from "../amount.ts";
import type { Counted } from "./limit.ts";

/**
 * The most that one spend or use can come to, held against every limit of its chain until it ends.
 */
export interface Reservation {
  readonly id: string;
  /** Unix seconds. */
  readonly at: number;
  /**
   * For each counter of kind `spend` and `in-flight-amount` of the same unit. It does not count
   * against a counter of another unit.
   */
  readonly amount: Amount;
  /** For each counter of kind `uses`. */
  readonly uses: bigint;
  readonly counted: readonly Counted[];
}

/** What is counted against one limit. */
export interface Usage {
  readonly id: string;
  /** Committed within the window (or in all), and reserved now. */
  readonly used: bigint;
  /** The part of `used` that is reserved. */
  readonly reserved: bigint;
  /**
   * Unix seconds at which nothing of what was committed counts against a windowed limit any more,
   * if nothing else is. Absent if nothing counts, or there is no window, and of a refusal.
   */
  readonly resetsAt?: number;
}

export type ReserveAnswer =
  | { readonly reserved: true }
  /** Nothing was reserved. Lists every limit that had too little left. */
  | { readonly reserved: false; readonly refused: readonly Usage[] };

/**
 * How a reservation ended. It ends once: a later commit or release gets the first answer. [case 51]
 */
export interface Resolution {
  readonly outcome: "committed" | "released";
  /** In the unit of the reservation. */
  readonly amount: Amount;
  readonly uses: bigint;
}

/** A reservation that its process never ended. */
export interface AbandonedReservation {
  readonly id: string;
  /** What it holds. A commit is in the same unit. */
  readonly amount: Amount;
}

/** Every method is one atomic step, and durable when its promise resolves. */
export interface Ledger {
  /**
   * Whether several processes write at once: then nobody may take another's unfinished work for
   * abandoned.
   */
  readonly shared: boolean;
  /**
   * Reserving twice under one id is one reservation. An id whose reservation was released may be
   * reserved again.
   *
   * @throws TypeError for an amount or a number of uses that is negative or too large
   */
  reserve(reservation: Reservation): Promise<ReserveAnswer>;
  /**
   * Turns a reservation into a spend of `amount`. More than was reserved is recorded as it is: it
   * was spent. [case 46]
   *
   * @throws TypeError for an unknown reservation, and for an amount that is negative, too large, or
   * in another unit than the reservation
   */
  commit(id: string, amount: Amount, at: number): Promise<Resolution>;
  /**
   * Gives a reservation back. Call it only with proof that nothing was spent or served.
   *
   * @throws TypeError for an unknown reservation
   */
  release(id: string, at: number): Promise<Resolution>;
  usage(counted: readonly Counted[], at: number): Promise<readonly Usage[]>;
  /**
   * Open reservations without a payment that were made before `before` (Unix seconds): the process
   * that made them is gone.
   */
  abandoned(before: number): Promise<readonly AbandonedReservation[]>;
}
