/**
 * What was stopped: nodes that were revoked for good, and those (or everything) that are frozen for
 * now.
 */

/** In place of a node's id: everything. */
export const EVERYTHING = "*";

export interface Stop {
  readonly kind: "revoke" | "freeze" | "thaw";
  /** A node and all below it, or `*`. */
  readonly nodeId: string;
  /** Unix seconds after which nothing below it can be valid; absent where that is not known. */
  readonly endsAt?: number;
  /** Unix seconds. */
  readonly at: number;
  /** For people. */
  readonly reason?: string;
}

export interface NumberedStop extends Stop {
  /** From 1, without gaps as they are read: later ones are greater. */
  readonly seq: number;
}

export interface StopLog {
  /** Durable when it resolves. Gives its number. */
  stop(stop: Stop): Promise<number>;
  /** Those after number `after`, in order. */
  stops(after: number): Promise<readonly NumberedStop[]>;
  /** Calls `listener` when another process may have written one. Gives what ends it. */
  onStop?(listener: () => void): () => void;
}
