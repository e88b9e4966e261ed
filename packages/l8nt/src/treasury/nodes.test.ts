/**
 * The tree shows the nodes that have spent, and no agent hides another one. spec/4-purchase.md §7.
 */
import { describe, expect, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { site, type Town, town } from "../testing/fixtures/town.ts";

const order = (world: Town, credential: Credential, url: string) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });
/** The surplus is forgotten in turns of the event loop, which no order waits for. */
async function turnsUntil(isDone: () => Promise<boolean>): Promise<void> {
  while (!(await isDone())) await new Promise((next) => setImmediate(next));
}
const namesIn = (nodes: readonly { readonly agent?: string }[]) => nodes.map(({ agent }) => agent);

describe("a node", () => {
  test("is recorded by no free request, and answers it all the same", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    const free = await site((_request, response) => response.end("free"));
    const root = world.mint({ budget: "100 sat" });
    const bad = root.delegate({ agent: "bad", budget: "0 sat", maxUses: 9 });
    for (let at = 0; at < 5; at++) {
      const child = bad.delegate({ agent: `k${at}` }).toString();
      const standing = await world.treasury.standing(child);
      expect(namesIn(standing)).toEqual([undefined, "bad", `k${at}`]);
      expect(standing[1]!.limits.map(({ max, used }) => [max, used])).toEqual([
        [0n, 0n],
        [9n, BigInt(at)],
      ]);
      expect(namesIn(await world.treasury.tree(child))).toEqual([`k${at}`]);
      expect(await world.treasury.receipts(child, 0, 10)).toEqual([]);
      expect(await order(world, bad.delegate({ agent: `k${at}` }), free.url)).toMatchObject({
        kind: "response",
      });
    }
    expect(await store.nodeOutlines({ limit: 9 })).toEqual([]);
    expect(await world.treasury.owner.tree()).toEqual([]);
  });

  test("is recorded, with those above it, when it pays, and when it uses what one above bought", async () => {
    const world = await town();
    const shop = await world.openShop({ price: "10 sat", grants: { uses: 10 } });
    const root = world.mint({ budget: "100 sat" });
    const payer = root.delegate({ agent: "payer", budget: "50 sat" });
    await order(world, payer, `${shop.url}/a`);
    expect(namesIn(await world.treasury.owner.tree())).toEqual([undefined, "payer"]);
    const user = payer.delegate({ agent: "user", maxUses: 1 });
    await order(world, user, `${shop.url}/a`);
    expect(namesIn(await world.treasury.owner.tree())).toEqual([undefined, "payer", "user"]);
    // A budget that refuses is no spending.
    const poor = root.delegate({ agent: "poor", budget: "1 sat" });
    await expect(order(world, poor, `${shop.url}/b`)).rejects.toMatchObject({ code: "ERR_BUDGET" });
    expect(namesIn(await world.treasury.owner.tree())).toEqual([undefined, "payer", "user"]);
  });

  test("is recorded when it is revoked by its caveats, though it never spent", async () => {
    const world = await town();
    const root = world.mint({ budget: "100 sat" });
    const caveats = ["agent=never.0123456789abcdef"];
    const id = await world.treasury.revoke(root.toString(), caveats);
    expect(await world.treasury.owner.tree(id)).toMatchObject([
      { agent: "never", state: "revoked" },
    ]);
  });
});

test("an agent whose sub-agents spend 1,600 times hides no other one, is counted, and can be revoked", async () => {
  const store = new MemoryStore();
  const world = await town({ store });
  const grants = { validFor: "1h", endpoints: ["* /**"] } as const;
  const shop = await world.openShop({ price: "10 sat", grants });
  const root = world.mint({ budget: "9000 sat" });
  const bad = root.delegate({ agent: "bad", budget: "50 sat" });
  await order(world, bad, `${shop.url}/a`);
  const children = Array.from({ length: 1600 }, (_, at) => bad.delegate({ agent: `k${at}` }));
  for (const child of children) await order(world, child, `${shop.url}/a`);
  const late = children.at(-1)!.delegate({ agent: "late" });
  await order(world, late, `${shop.url}/a`);
  world.clock.advance("5s");
  const good = root.delegate({ agent: "good", budget: "50 sat" });
  const sub = good.delegate({ agent: "sub" });
  await order(world, sub, `${shop.url}/a`);
  await turnsUntil(async () => (await world.treasury.owner.tree()).length < 1600);
  const tree = await world.treasury.owner.tree();
  expect(namesIn(tree)).toEqual(expect.arrayContaining(["good", "sub"]));
  const shown = tree.filter(({ agent }) => agent?.startsWith("k")).length;
  expect(shown).toBeLessThanOrEqual(1500);
  const top = tree.find(({ agent }) => agent === "bad")!;
  // Each one is listed or counted. The one above "late" was counted before it was listed again.
  const below = tree.filter(({ agent }) => agent?.startsWith("k") || agent === "late").length;
  const more = tree.reduce((sum, node) => sum + (node.more ?? 0), 0);
  expect([1601, 1602]).toContain(below + more);
  const known = new Set(tree.map(({ id }) => id));
  for (const { parentId } of tree) expect(parentId === undefined || known.has(parentId)).toBe(true);
  await world.treasury.owner.revoke(top.id);
  await expect(order(world, children.at(-1)!, `${shop.url}/a`)).rejects.toMatchObject({
    code: "ERR_REVOKED",
  });
});
