/**
 * Records of nodes that have spent. Agents are never registered: each is recorded when it spends
 * for the first time. spec/4-purchase.md §7.
 */
import type { Counted } from "./limit.ts";

export type NodeLimit = Counted & {
  readonly max: bigint;
  readonly condition: string;
};

export interface NodeRecord {
  readonly id: string;
  /** The root has none. */
  readonly agent?: string;
  /** Its ancestors, root first, and itself. */
  readonly path: readonly [string, ...string[]];
  /** Its own caveats, as texts, without a preimage. */
  readonly caveats: readonly string[];
  /** Its own limits. */
  readonly limits: readonly NodeLimit[];
  /** Unix seconds of the earliest end on its chain. */
  readonly validUntil?: number;
  /** Unix seconds. */
  readonly metAt: number;
  /** How many nodes below it were forgotten to make room. Absent if there are none. */
  readonly unlisted?: number;
}

/** Where a node stands in the order of the book: by its depth, then by when it was met. */
export interface NodePlace {
  /** How many nodes its path has. */
  readonly depth: number;
  /** Unix seconds. */
  readonly metAt: number;
  readonly id: string;
}

export interface NodeQuery {
  /** The node, with all below it. @default every node */
  readonly under?: string | undefined;
  /** Only what comes after this place, whether or not a node stands there now. */
  readonly after?: NodePlace | undefined;
  readonly limit: number;
}

/** What decides which nodes are forgotten if there are too many. */
export type NodeOutline = Pick<NodeRecord, "id" | "path" | "validUntil" | "metAt">;

export interface ForgottenNode {
  readonly id: string;
  /** The node above it that counts it from now on. Without one, it is not counted. */
  readonly into?: string;
}

export const placeOf = ({ path, metAt, id }: NodeOutline): NodePlace => ({
  depth: path.length,
  metAt,
  id,
});

export interface NodeBook {
  /** Writes the nodes that are not known yet. A known node keeps its record. */
  meet(nodes: readonly NodeRecord[]): Promise<void>;
  /** Nodes in the order of their places, so parents come first; at most `limit`. */
  nodes(query: NodeQuery): Promise<readonly NodeRecord[]>;
  /** What decides about every node, in the same order and in the same pages. */
  nodeOutlines(query: Omit<NodeQuery, "under">): Promise<readonly NodeOutline[]>;
  /**
   * Deletes the records of nodes, and of what is below them. Each one that was there adds 1 and its
   * own `unlisted` to the `unlisted` of the node that it names, which is not deleted by the same
   * call. One that is not named itself counts at the node that a named one above it names.
   */
  forgetNodes(forgotten: readonly ForgottenNode[]): Promise<void>;
}
