/**
 * Agents that share what an ancestor bought never share an `Idempotency-Key`, so that no agent is
 * given the answer of another one. spec/4-purchase.md §4.6.
 */
import { expect, test } from "vitest";
import { utf8 } from "../internal/bytes.ts";
import { sha256Hex } from "../internal/crypto.ts";
import type { Credential } from "../l402/index.ts";
import { ask402, challenger, site, type Town, town } from "../testing/fixtures/town.ts";
import type { Treasury } from "./index.ts";

const GIVEN = ["Idempotency-Key", "order-42"] as const;

const textOf = async (
  treasury: Treasury,
  credential: Credential,
  url: string,
  more: object = {},
): Promise<string> => {
  const purchase = await treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
    ...more,
  });
  if (purchase.kind !== "response") throw new Error("it was handed over");
  return purchase.response.text();
};

/** A parent whose pass is for ten requests, and two children that may use it. */
async function family(world: Town) {
  const parent = world.mint({ maxUses: 100 });
  const child = (agent: string) => parent.delegate({ agent, maxUses: 5 }, { now: world.clock() });
  return { parent, one: child("one"), other: child("other") };
}

test("a sibling that gives the same key for the same request gets an answer of its own", async () => {
  const world = await town();
  const shop = await world.openShop({ price: "10 sat", grants: { uses: 10 } });
  const { parent, one, other } = await family(world);
  const url = `${shop.url}/a`;
  await textOf(world.treasury, parent, url);
  const given = { headers: [GIVEN] };
  expect(await textOf(world.treasury, one, url, given)).toBe('{"served":2}');
  expect(await textOf(world.treasury, other, url, given)).toBe('{"served":3}');
  expect(await textOf(world.treasury, parent, url, given)).toBe('{"served":4}');
  expect(world.paid().count).toBe(1);
});

test("an agent that gives a key again in another order gets the answer that the service kept", async () => {
  const world = await town();
  const shop = await world.openShop({ price: "10 sat", grants: { uses: 10 } });
  const { parent, one } = await family(world);
  const url = `${shop.url}/a`;
  await textOf(world.treasury, parent, url);
  const given = { headers: [GIVEN] };
  const first = await textOf(world.treasury, one, url, given);
  expect(await textOf(world.treasury, one, url, given)).toBe(first);
  expect(shop.served).toHaveLength(2);
});

/** A site that sells passes, or single requests, and keeps the keys that it is sent. */
async function keyed(world: Town, maxUses: number) {
  const keys: unknown[] = [];
  const shop = await site(async ({ headers }, response, url) => {
    if (headers.authorization === undefined) {
      const scope = { endpoints: [`* ${url}/**`], expiresIn: "1h", maxUses } as const;
      return ask402(response, await challenger(world, url).demand({ enforced: undefined, scope }));
    }
    keys.push(headers["idempotency-key"]);
    response.end("served");
  });
  return { keys, url: `${shop.url}/a` };
}

test("what a child sends in place of its key says neither the key nor the agent, and no other agent can send it", async () => {
  const world = await town();
  const { keys, url } = await keyed(world, 10);
  const { parent, one, other } = await family(world);
  await textOf(world.treasury, parent, url);
  await textOf(world.treasury, one, url, { headers: [GIVEN] });
  const sent = String(keys.at(-1));
  expect(sent).toMatch(/^[0-9a-f]{32}$/);
  await textOf(world.treasury, other, url, { headers: [["Idempotency-Key", sent]] });
  expect(keys.at(-1)).not.toBe(sent);
  await textOf(world.treasury, one, url, { headers: [GIVEN] });
  expect(keys.at(-1)).toBe(sent);
});

test("the key of an agent goes as it is with what its own node bought", async () => {
  const world = await town();
  for (const maxUses of [1, 10]) {
    const { keys, url } = await keyed(world, maxUses);
    const { parent } = await family(world);
    await textOf(world.treasury, parent, url, { headers: [GIVEN] });
    expect(keys).toEqual(["order-42"]);
  }
});

test("no agent computes the key of another: the payer is not given what its child was answered", async () => {
  const world = await town();
  const shop = await world.openShop({
    price: "10 sat",
    grants: { uses: 10, endpoints: ["GET /*"] },
  });
  const root = world.mint({ maxUses: 100 });
  const parent = world.connect(root);
  await (await parent.get(`${shop.url}/a`)).text();
  const child = parent.delegate({ agent: "child", maxUses: 10 });
  const keyed = (key: string) => ({ headers: { "idempotency-key": key } });
  const ofChild = await world.connect(child).get(`${shop.url}/b`, keyed("report-1"));
  const answer = await ofChild.text();
  const { id } = (await parent.tree()).find(({ agent }) => agent === "child")!;
  const guessed = sha256Hex(utf8(`given ${id} report-1`)).slice(0, 32);
  const ofParent = await parent.get(`${shop.url}/b`, keyed(guessed));
  expect(await ofParent.text()).not.toBe(answer);
  expect(shop.served).toHaveLength(3);
});
