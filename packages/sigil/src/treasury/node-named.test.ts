/** Whom the owner of a treasury means by an id or a name. */
import type { OwnerClient } from "l8nt/owner";
import { expect, test } from "vitest";
import { nodeNamed } from "./node-named.ts";

const ONE = "2b1d16e6334c49107d1b21dd4c4103cc";
const OTHER = "91c4e07a3b5d2f6881a2c3e4f5061728";
const UNSEEN = "0123456789abcdef0123456789abcdef";

const client = (...nodes: readonly (readonly [id: string, agent: string])[]) =>
  ({ tree: async () => nodes.map(([id, agent]) => ({ id, agent })) }) as unknown as Pick<
    OwnerClient,
    "tree"
  >;

test.each([
  ["its id", ONE, ONE],
  ["its name", "scout", ONE],
  ["an id that was never seen", UNSEEN, UNSEEN],
  ["its id, written as one", `id:${ONE}`, ONE],
  ["an agent that has its own id as its name", OTHER, OTHER],
])("one node is meant by %s", async (_what, typed, node) => {
  const seen = client([ONE, "scout"], [OTHER, OTHER]);
  expect(await nodeNamed(seen, typed, "revoke")).toBe(node);
});

test.each([
  [
    "the id of one, the name of another",
    ONE,
    [ONE, OTHER],
    [
      [ONE, "scout"],
      [OTHER, ONE],
    ],
  ],
  [
    "an id that was never seen, the name of one",
    UNSEEN,
    [UNSEEN, ONE],
    [
      [ONE, UNSEEN],
      [OTHER, "a"],
    ],
  ],
  [
    "the name of two",
    "scout",
    [ONE, OTHER],
    [
      [ONE, "scout"],
      [OTHER, "scout"],
    ],
  ],
] as const)("nothing is meant by %s", async (_what, typed, ids, nodes) => {
  const error = await nodeNamed(client(...nodes), typed, "revoke").catch((thrown) => thrown);
  expect(String(error)).toContain(ids.map((id) => `id:${id}`).join(", "));
});
