/** Nodes of the tree as a treasury tells of them: scope, state, spending. spec/4-purchase.md §7. */
import type { NodeStanding, Standing } from "../ports/treasury.ts";
import { amount, decimal, unit } from "./amount.ts";
import { codecOf, count, list, nodeId, object, oneOf, optional, text } from "./codec.ts";
import { message } from "./message.ts";

const standing = codecOf<Standing>()(
  object({
    condition: text,
    unit: optional(unit),
    max: decimal,
    used: decimal,
    windowSeconds: optional(count()),
  }),
);

const node = codecOf<NodeStanding>()(
  object({
    id: nodeId,
    agent: optional(text),
    parentId: optional(nodeId),
    state: oneOf("active", "expired", "frozen", "revoked"),
    caveats: list(text),
    spent: list(amount),
    limits: list(standing),
    more: optional(count()),
  }),
);

export const nodes = object({ nodes: list(node) });

export const ownStanding = message({
  name: "credential",
  method: "GET",
  path: "/v1/credential",
  summary: "The credential's node and its ancestors, root first: what is left at each of them",
  audience: "agent",
  answer: nodes,
});

export const ownTree = message({
  name: "tree",
  method: "GET",
  path: "/v1/tree",
  summary: "The credential's node and all below it that have spent, parents first",
  audience: "agent",
  answer: nodes,
});
