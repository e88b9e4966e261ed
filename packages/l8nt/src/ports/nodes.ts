/**
 * Directory of nodes seen so far. Agents are never registered: each is recorded on its first
 * request.
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
}

export interface NodeBook {
  /** Writes the nodes that are not known yet. A known node keeps its record. */
  meet(nodes: readonly NodeRecord[]): Promise<void>;
  /** The node `under` and all below it, or every node; parents first, at most `limit`. */
  nodes(under: string | undefined, limit: number): Promise<readonly NodeRecord[]>;
}
