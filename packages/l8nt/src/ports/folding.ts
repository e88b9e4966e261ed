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
  /** Signs what the step comes to, and judges what it goes on from. */
  readonly seal: CheckpointSeal;
}

/** What the removed entries came to, as it was signed. */
export interface Checkpoint {
  /** 32 hex digits: names the books, also in a backup of them. */
  readonly books: string;
  /** 0 before the first; one more with each. */
  readonly seq: number;
  /** The hash of the checkpoint before it, in hex; zeros for the first. */
  readonly previous: string;
  /** The number of the last entry that was folded; 0 before the first. */
  readonly through: number;
  /** Of that entry, in whole Unix seconds, rounded down. */
  readonly at: number;
  /** How many entries were folded. */
  readonly entries: number;
  /** The end of the chain of their SHA-256, in hex. */
  readonly digest: string;
  /** What their commits came to, in each unit in which there were any. */
  readonly spent: readonly Amount[];
  /** The uses that they committed. */
  readonly uses: bigint;
  /** Counters of limits that ended by then, in whole Unix seconds, may be gone. */
  readonly forgottenUntil: number;
  /** The hash of what they committed to each counter that still exists, in hex. */
  readonly counters: string;
  /** The key that signed it; neither is there before the first checkpoint. */
  readonly keyId?: string;
  /** Hex. */
  readonly signature?: string;
}

/** Signs checkpoints with one key, and knows that one and those before it. */
export interface CheckpointSeal {
  /** The checkpoint as the one after `before`, signed. */
  follow(before: Checkpoint, next: UnsignedCheckpoint): Checkpoint;
  /**
   * @throws AdapterError `ERR_CHECKPOINT` for one that is not signed, by another key, or altered
   */
  demand(checkpoint: Checkpoint): void;
  /** Whether the key that signs is the one that signed it. */
  isOwn(checkpoint: Checkpoint): boolean;
}

/** What a step of folding says; who it follows, and the signature, are the seal's. */
export type UnsignedCheckpoint = Omit<Checkpoint, "seq" | "previous" | "keyId" | "signature">;

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
   * @throws AdapterError `ERR_STORE`; `ERR_CHECKPOINT` if what was folded before is not what the
   * seal's key signed
   */
  fold(folding: Folding): Promise<boolean>;
  /** The time of the database, where several processes share it. */
  now?(): Promise<number>;
}
