/** The rows of a hand-over, one for each node: the same in every store. */
import type { HandOver } from "../ports/hand-overs.ts";

export interface HandOverRow {
  readonly nodeId: string;
  /** The node above, for a node below the payer: such rows cost nothing, so they are limited. */
  readonly parent: string | undefined;
  /** The path of the recall that ends it: ids with a space between. */
  readonly path: string;
}

/** Whatever is handed to a node above the payer is recalled at the payer's own node. */
export function rowsOf({ nodeIds, payer, recallable }: HandOver): readonly HandOverRow[] {
  const payerAt = nodeIds.indexOf(payer);
  return nodeIds.map((nodeId, at) => ({
    nodeId,
    parent: at > payerAt ? nodeIds[at - 1] : undefined,
    path: recallable ? pathText(nodeIds.slice(payerAt, Math.max(at, payerAt) + 1)) : "",
  }));
}

export const pathText = (path: readonly string[]): string => path.join(" ");

export const pathIn = (text: string): readonly string[] => (text === "" ? [] : text.split(" "));

/** How many nodes of `path` the node that revokes may present; 0 for the owner, and above it. */
export const presentedBy = (path: readonly string[], by: string | undefined): number =>
  by === undefined ? 0 : path.slice(0, -1).indexOf(by) + 1;
