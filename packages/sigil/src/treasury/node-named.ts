/** Finds the node that a person names on the command line. */
import type { OwnerClient } from "l8nt/owner";
import { UsageError } from "../exit.ts";
import { ambiguous, explicitNode, nodesMeant } from "../node-meant.ts";

/** The id of a node, from its id or its name. @throws UsageError if several may be meant */
export async function nodeNamed(
  client: Pick<OwnerClient, "tree">,
  typed: string | undefined,
  verb: string,
): Promise<string> {
  if (typed === undefined)
    throw new UsageError(
      `Which agent? Give its node id or its name: sigil ${verb} NODE-ID. sigil tree shows both.`,
    );
  const explicit = explicitNode(typed);
  if (explicit !== undefined) return explicit;
  const named = (await client.tree()).filter(({ agent }) => agent === typed);
  const nodes = nodesMeant(
    typed,
    named.map(({ id }) => id),
  );
  if (nodes.length === 1) return nodes[0]!;
  throw new UsageError(
    nodes.length === 0
      ? "No agent of that name has spent at this treasury. sigil tree shows those that have, and their node ids; an agent without a name has only its node id. Name one that has not spent by its node id, or revoke it with the credential above it."
      : ambiguous(typed, nodes),
  );
}
