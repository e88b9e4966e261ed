/** What a buyer is called in the books: a buyer has no account, and needs no name. */
import type { Verified } from "l8nt/l402";

/** What a client names the node that it opens for a purchase. It tells no buyer from another. */
const UNNAMED = "handed-over";

/**
 * The agents from the purchase on. The first is the purchase itself, by the beginning of its node's
 * id; no agent's name has a space.
 */
export const buyerLineage = ({
  nodes: [root],
  lineage,
}: Pick<Verified, "nodes" | "lineage">): readonly string[] => [
  `buyer ${root!.id.slice(0, 8)}`,
  ...lineage.filter((name) => name !== UNNAMED),
];
