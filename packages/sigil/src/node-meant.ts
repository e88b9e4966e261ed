/** Which node a person means by an id or a name. Agents choose their names, also ones like ids. */

const NODE_ID = /^[0-9a-f]{32}$/;
/** An id and nothing else: no name of an agent has a colon. */
const EXPLICIT = /^id:([0-9a-f]{32})$/;

/** The id in `id:…`; undefined for what may be a name. */
export const explicitNode = (typed: string): string | undefined => EXPLICIT.exec(typed)?.[1];

/**
 * Every node that may be meant; a node with an id may exist without having been seen.
 *
 * @param named ids of the nodes that have that name
 */
export const nodesMeant = (typed: string, named: readonly string[]): readonly string[] => [
  ...new Set([...(NODE_ID.test(typed) ? [typed] : []), ...named]),
];

/** What to do if several nodes may be meant. */
export function ambiguous(typed: string, nodes: readonly string[]): string {
  const ids = nodes.map((id) => `id:${id}`).join(", ");
  return NODE_ID.test(typed)
    ? `That is a node id, and also the name of another agent. Say which by its id, with id: before it: ${ids}.`
    : `${nodes.length} agents have that name. Say which by its id: ${ids}.`;
}
