/** Nodes of the tree as a treasury tells of them: scope, state, spending. spec/4-purchase.md §7. */
import type { NodePage, NodeStanding, Standing } from "../ports/treasury.ts";
import { amount, decimal, unit } from "./amount.ts";
import { codecOf, count, list, nodeId, object, oneOf, optional, pattern, text } from "./codec.ts";
import { message } from "./message.ts";
import { limit } from "./page.ts";

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

const nodes = object({ nodes: list(node) });

export const treePlace = pattern(
  /^[0-9]{1,2}-[0-9]{1,12}(?:\.[0-9]{1,20})?-[0-9a-f]{32}$/,
  "be the `next` of another page",
);
/** What a request says of the page that it asks for. */
export const nodePageQuery = { after: optional(treePlace), limit };
/** A page. There may be more nodes after it exactly if it has `next`. */
export const nodePage = codecOf<NodePage>()(
  object({ nodes: list(node), next: optional(treePlace) }),
);

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
  summary: "A page of the credential's node and all below it that have spent, parents first",
  audience: "agent",
  query: object(nodePageQuery),
  answer: nodePage,
});
