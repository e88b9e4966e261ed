/**
 * The names under which hand-overs of what was minted stand in the books, beside those of what was
 * paid for: a freeze ends the ones alone. spec/4-purchase.md §6.
 */
import { ALL_NODES } from "../ports/directives.ts";

const PREFIX = "minted:";

/** Of a node, or of all of them. */
export const mintedNode = (nodeId: string): string => PREFIX + nodeId;

const ALL_MINTED = mintedNode(ALL_NODES);

export const isMintedNode = (name: string): boolean => name.startsWith(PREFIX);

/** The node that a name is of. */
export const ownNode = (name: string): string =>
  isMintedNode(name) ? name.slice(PREFIX.length) : name;

/** The nodes of a line, without the name of all. */
export const ownNodes = (names: readonly string[]): readonly string[] =>
  names.filter((name) => name !== ALL_MINTED).map(ownNode);

/** The names of a line of nodes: what is handed to one of them ends with a freeze of all. */
export const mintedLine = (nodeIds: readonly string[]): readonly string[] =>
  [ALL_NODES, ...nodeIds].map(mintedNode);
