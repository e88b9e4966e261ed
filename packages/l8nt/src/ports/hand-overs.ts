/**
 * Hand-overs: which nodes may hold what was bought, and until when; and their recalls, which tell
 * services of revocations. spec/4-purchase.md §5-6.
 */

/** A purchase whose credential is handed to a node. */
export interface HandOver {
  /** Hex. */
  readonly paymentHash: string;
  readonly origin: string;
  /** The node that gets the credential, with its ancestors, root first. */
  readonly nodeIds: readonly string[];
  /** The node that paid: one of `nodeIds`. */
  readonly payer: string;
  /** Whether the service opens nodes, so that the hand-over can be recalled. */
  readonly recallable: boolean;
  /** Unix seconds of the treasury's clock by which the credential has ended. */
  readonly until: number;
}

export interface HandOverTerms {
  /** Unix seconds. */
  readonly at: number;
  /** How many hand-overs that have not ended the children of one node may have. */
  readonly maxBelow: number;
}

/** A revocation of a node whose hand-overs are recalled. */
export interface Revoked {
  readonly nodeId: string;
  /** The node whose holder revoked it. @default the owner revoked it */
  readonly by?: string;
  /** Recalls of a lower rank are sent first: 0 for the owner, else 1 + the depth of `by`. */
  readonly rank: number;
  /** Unix seconds. */
  readonly at: number;
}

/** A request to one service, to revoke what one purchase gave to one node and those below it. */
export interface Recall {
  /** Hex. */
  readonly paymentHash: string;
  readonly origin: string;
  /**
   * From the node that paid down to the node that is recalled. Empty if the service cannot revoke:
   * nothing is sent, and the hand-over ends by itself.
   */
  readonly path: readonly string[];
  /** How many nodes of `path` the credential opens that asks for the revocation. */
  readonly presented: number;
  readonly rank: number;
  /** Unix seconds at which it was written. */
  readonly at: number;
  /** Unix seconds by which everything that it recalls has ended. */
  readonly until: number;
  /** Unix seconds at which the service confirmed it. */
  readonly acknowledgedAt?: number;
}

/** What tells one recall from every other. */
export type RecallKey = Pick<Recall, "paymentHash" | "path">;

/** One part of the recalls of a revocation, so that no step of the store takes long. */
export interface RecallPage {
  /** What the part before returned. @default the first part */
  readonly after?: string | undefined;
  /** How many recalls are written, and how many others they take the place of. */
  readonly limit: number;
}

/** Unix seconds: what ended before may be deleted. */
export interface HandOverEnds {
  readonly handOvers: number;
  readonly recalls: number;
}

/** Every method is one atomic step, and durable when its promise resolves. */
export interface HandOverBook {
  /**
   * Writes a hand-over: one row for each node of `nodeIds` and purchase. A later hand-over of the
   * same purchase to the same node moves the row's end. Returns false, and writes nothing, if a row
   * of a node below the payer is new and the node above it has `maxBelow` rows of children that
   * have not ended. The rows of one node never count against another.
   */
  handOver(handOver: HandOver, terms: HandOverTerms): Promise<boolean>;
  /**
   * Writes a recall for each purchase that has a hand-over at or below the node that has not ended:
   * at most one for each purchase. A recall takes the place of those below it, and none is written
   * below one that exists. One call does one part of that: returns what `after` of the next part
   * is, or undefined after the last. A part that is done again changes nothing.
   */
  recall(revoked: Revoked, page: RecallPage): Promise<string | undefined>;
  /** Puts the recall of the node above in the place of this one, and of all below that node. */
  widenRecall(recall: RecallKey): Promise<void>;
  /** Records that the service confirmed it. */
  acknowledge(recall: RecallKey, at: number): Promise<void>;
  /** Keeps the recall out of the pending ones before Unix second `until`. */
  postponeRecall(recall: RecallKey, until: number): Promise<void>;
  /**
   * Recalls that can be sent at `at`: not acknowledged, not ended, and not postponed: those of the
   * lowest rank first, then the oldest; none at the origins `except`.
   */
  pendingRecalls(at: number, except: readonly string[], limit: number): Promise<readonly Recall[]>;
  /** How many recalls were not acknowledged and have not ended at `at`; at most `limit`. */
  countPendingRecalls(at: number, limit: number): Promise<number>;
  /**
   * Recalls, the newest first. With `nodeId`, only those that end a hand-over at or below this
   * node.
   */
  recalls(nodeId: string | undefined, limit: number): Promise<readonly Recall[]>;
  /**
   * Deletes at most `limit` hand-overs and at most `limit` recalls that ended before these times.
   * Returns whether more of either may be left.
   */
  forgetHandOvers(before: HandOverEnds, limit: number): Promise<boolean>;
}
