/** Finds the node that a person names on the command line. */
import type { OwnerClient } from "l8nt/owner";
import { UsageError } from "../exit.ts";

/** The id of a node, from its id or its name. @throws UsageError if several agents have the name */
export async function nodeNamed(
  client: OwnerClient,
  typed: string | undefined,
  verb: string,
): Promise<string> {
  if (typed === undefined)
    throw new UsageError(
      `Which agent? Give its node id or its name: sigil ${verb} NODE-ID. sigil tree shows both.`,
    );
  if (/^[0-9a-f]{32}$/.test(typed)) return typed;
  const named = (await client.tree()).filter(({ agent }) => agent === typed);
  if (named.length === 1) return named[0]!.id;
  throw new UsageError(
    named.length === 0
      ? "No agent of that name has spent at this treasury. sigil tree shows those that have, and their node ids; an agent without a name has only its node id. Name one that has not spent by its node id, or revoke it with the credential above it."
      : `${named.length} agents have that name. Say which by its id: ${named.map(({ id }) => id).join(", ")}.`,
  );
}
