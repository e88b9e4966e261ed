/**
 * Recall of what was minted, over loopback: a revocation and a freeze end it at its service, also
 * after a restart, at any depth, and nothing else. spec/4-purchase.md §6.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import type { Store } from "../ports/store.ts";
import { MemoryStore } from "../stores/memory.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import {
  type MintingTown,
  type MintingTownOptions,
  mintingTown,
} from "../testing/fixtures/minting-town.ts";
import { gate } from "../testing/fixtures/town.ts";
import { REVOCATIONS_PATH } from "../wire/revocation.ts";
import { guardedFetch, Treasury, type TreasuryOptions } from "./index.ts";

/** A link to services that can be cut for revocations alone, and what was sent over it. */
function link() {
  const guarded = guardedFetch({ allowLoopback: true });
  const state = { isCut: false, full: 0, sent: [] as string[] };
  const fetcher: typeof fetch = (input, init) => {
    if (init?.method !== "POST" || !String(input).endsWith(REVOCATIONS_PATH))
      return guarded(input, init);
    state.sent.push(String(init.body));
    if (state.full-- > 0) return Promise.resolve(new Response(null, { status: 429 }));
    return state.isCut ? Promise.reject(new TypeError("no route to host")) : guarded(input, init);
  };
  return { state, fetch: fetcher };
}

const nodeOf = async (treasury: Treasury, credential: Credential): Promise<string> =>
  (await treasury.standing(credential.toString())).at(-1)!.id;

/** Resolves once nothing is pending: the queue works by itself. */
const settled = async (treasury: Treasury) => {
  for (;;) {
    const recalls = await treasury.owner.recalls();
    if (recalls.every(({ state }) => state === "confirmed")) return recalls;
    await new Promise((done) => setImmediate(done));
  }
};

/** A root, an agent, its child and its grandchild, and another agent. */
async function family(options: MintingTownOptions = {}) {
  const wire = link();
  const treasury = { fetch: wire.fetch, ...options.treasury };
  const world = await mintingTown({ ...options, treasury });
  const at = { now: world.clock() };
  const root = world.mint();
  const agent = root.delegate({ agent: "mallory" }, at);
  const child = agent.delegate({ agent: "child" }, at);
  const grandchild = child.delegate({ agent: "grandchild" }, at);
  const other = root.delegate({ agent: "other" }, at);
  return { wire, world, root, agent, child, grandchild, other };
}

/** Who is let in with what was handed over, by whether each one is. */
const letIn = async (world: MintingTown, held: readonly Credential[]): Promise<string> => {
  const answers: string[] = [];
  for (const credential of held)
    answers.push((await world.present(credential)) === "200" ? "yes" : "no");
  return answers.join(" ");
};

describe.each([
  ["sells passes", {}],
  ["sells nothing", { sellsNothing: true }],
])("at a service that %s", (_what, options) => {
  test("a revocation ends a node and all below it, by one request with blocks, and nothing above", async () => {
    const { wire, world, root, agent, child, grandchild, other } = await family(options);
    const held: Credential[] = [];
    for (const one of [root, agent, child, grandchild, other]) held.push(await world.handed(one));
    expect(await letIn(world, held)).toBe("yes yes yes yes yes");
    const nodeId = await nodeOf(world.treasury, child);
    await world.treasury.owner.revoke(nodeId);
    expect(await letIn(world, held)).toBe("yes yes no no yes");
    expect(wire.state.sent.map((body) => Object.keys(JSON.parse(body)))).toEqual([["blocks"]]);
    const [recall, ...others] = await world.treasury.owner.recalls();
    expect(others).toEqual([]);
    expect(recall).toMatchObject({ nodeId, origin: world.shop.url, state: "confirmed" });
    expect(await world.treasury.owner.recalls(nodeId)).toEqual([recall]);
    // The holder of an ancestor ends the rest.
    await world.connect(root).revoke(agent);
    expect(await letIn(world, held)).toBe("yes no no no yes");
  });

  test("a freeze ends what was minted, and after the thaw another one is", async () => {
    const { world, root, agent, child, other } = await family(options);
    const { treasury } = world;
    const held: Credential[] = [];
    for (const one of [root, agent, child, other]) held.push(await world.handed(one));
    const node = await nodeOf(treasury, agent);
    await treasury.owner.freeze(node);
    expect(await letIn(world, held)).toBe("yes no no yes");
    await treasury.owner.thaw(node);
    const again = [await world.handed(agent), await world.handed(child)];
    expect(await letIn(world, [...held, ...again])).toBe("yes no no yes yes yes");
    await treasury.owner.freeze();
    expect(await letIn(world, [...held, ...again])).toBe("no no no no no no");
    await treasury.owner.thaw();
    expect(await letIn(world, [await world.handed(root)])).toBe("yes");
  });

  test("the client of an agent that was frozen and thawed is served", async () => {
    const { world, agent } = await family(options);
    const { treasury } = world;
    const client = world.connect(agent);
    const get = async () => (await client.get(`${world.shop.url}/a`)).status;
    expect(await get()).toBe(200);
    const node = await nodeOf(treasury, agent);
    await treasury.owner.freeze(node);
    await expect(get()).rejects.toMatchObject({ code: "ERR_FROZEN" });
    await treasury.owner.thaw(node);
    expect(await get()).toBe(200);
    expect(world.paid().count).toBe(0);
  });
});

test("a freeze leaves what was paid for, as before", async () => {
  const { world, agent } = await family();
  const paying = new Treasury({ ...world.options, mints: undefined as never });
  const order = {
    id: crypto.randomUUID(),
    credential: agent.toString(),
    method: "GET",
    url: `${world.shop.url}/a`,
    headers: [],
  };
  const paid = await paying.buy(order);
  if (paid.kind !== "credential") throw new Error("it was relayed");
  await world.treasury.owner.freeze();
  expect(await world.present(paid.credential)).toBe("200");
});

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;

describe.each(hasSqlite ? ["memory", "SQLite"] : ["memory"])("a store in %s", (kind) => {
  async function books() {
    const folder = mkdtempSync(join(tmpdir(), "minted-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "treasury.db");
    const open = () => (kind === "memory" ? undefined : openSqliteStore(path));
    const store: Store = (await open()) ?? new MemoryStore({ journal: true });
    const reopened = async () => {
      if (kind === "memory") return store;
      await store.close();
      return (await open())!;
    };
    return { store, reopened };
  }
  const restarted = (world: MintingTown, more: Partial<TreasuryOptions>) =>
    new Treasury({ ...world.options, ...more });

  test.each(["revoke", "freeze"] as const)(
    "has all that a service needs to be told of a %s after a restart, and a rotation of keys",
    async (what) => {
      const { store, reopened } = await books();
      const { wire, world, agent, other } = await family({ treasury: { store } });
      const held = [await world.handed(agent), await world.handed(other)];
      wire.state.isCut = true;
      await world.treasury.owner[what](await nodeOf(world.treasury, agent));
      expect(await letIn(world, held)).toBe("yes yes");
      await world.treasury.stop();
      wire.state.isCut = false;
      const books2 = await reopened();
      const keys = world.ring.rotate({ clock: world.clock });
      const mints = { ...world.options.mints!, keys };
      const again = restarted(world, { store: books2, mints });
      await again.start();
      await settled(again);
      expect(await letIn(world, held)).toBe("no yes");
      await again.stop();
      await books2.close();
    },
  );

  test.each(["revoke", "freeze"] as const)(
    "tells a service of a %s by a process that died right after it",
    async (kindOf) => {
      const { store, reopened } = await books();
      const { world, agent, other } = await family({ treasury: { store } });
      const held = [await world.handed(agent), await world.handed(other)];
      const nodeId = await nodeOf(world.treasury, agent);
      await world.treasury.stop();
      // All that a dying process wrote.
      await store.addDirective({ kind: kindOf, nodeId, at: world.clock() });
      const books2 = await reopened();
      const again = restarted(world, { store: books2 });
      await again.start();
      await settled(again);
      expect(await letIn(world, held)).toBe("no yes");
      await again.stop();
      await books2.close();
    },
  );

  test("a thaw before the restart is not undone by it", async () => {
    const { store, reopened } = await books();
    const { wire, world, agent } = await family({ treasury: { store } });
    const node = await nodeOf(world.treasury, agent);
    await world.treasury.owner.freeze(node);
    await world.treasury.owner.thaw(node);
    const held = await world.handed(agent);
    await world.treasury.stop();
    const sent = wire.state.sent.length;
    const books2 = await reopened();
    const again = restarted(world, { store: books2 });
    await again.start();
    await settled(again);
    expect(wire.state.sent.length).toBe(sent);
    expect(await letIn(world, [held])).toBe("yes");
    await again.stop();
    await books2.close();
  });
});

test("a treasury that dies between its row and the hand-over loses no money, and the order is answered once", async () => {
  const store = new MemoryStore();
  const { world, agent } = await family({ treasury: { store } });
  const handOver = store.handOver.bind(store);
  const written = gate();
  // It dies after the row is written, and its caller never hears of it.
  store.handOver = async (...given) => {
    await handOver(...given);
    written.open();
    return new Promise<never>(() => {});
  };
  const id = "the-order-of-a-dying-treasury";
  void world.order(agent, "/a", { id });
  await written.opened;
  store.handOver = handOver;
  const again = new Treasury(world.options);
  const purchase = await again.buy({
    id,
    credential: agent.toString(),
    method: "GET",
    url: `${world.shop.url}/a`,
    headers: [],
  });
  if (purchase.kind !== "credential") throw new Error("it was relayed");
  expect(await world.present(purchase.credential)).toBe("200");
  expect(world.paid().count).toBe(0);
  // Both rows are recalled: of one of them nobody has anything.
  await again.owner.revoke(await nodeOf(again, agent));
  expect((await settled(again)).length).toBe(2);
  expect(await world.present(purchase.credential)).toMatch(/ERR_REVOKED$/);
  await again.stop();
});

test("another treasury on the same books freezes, and this one mints under another grant after the thaw", async () => {
  class Shared extends MemoryStore {
    override readonly shared = true as never;
  }
  const store = new Shared();
  const { world, agent } = await family({ treasury: { store } });
  const other = new Treasury(world.options);
  await other.start();
  onTestFinished(() => other.stop());
  onTestFinished(() => world.treasury.stop());
  const held = await world.handed(agent);
  const node = await nodeOf(other, agent);
  await other.owner.freeze(node);
  expect(await letIn(world, [held])).toBe("no");
  await other.owner.thaw(node);
  // It has read of both by then.
  await world.treasury.owner.thaw(node);
  expect(await letIn(world, [await world.handed(agent)])).toBe("yes");
  // What is recalled again later is not what was minted after the thaw.
  const last = await world.handed(agent);
  world.clock.advance("30s");
  await settled(other);
  expect(await letIn(world, [last])).toBe("yes");
});

test("a service without room for one more revocation ends the node above, whose agent is served all the same", async () => {
  const { wire, world, agent, child, other } = await family();
  const held = [await world.handed(agent), await world.handed(child), await world.handed(other)];
  const client = world.connect(agent);
  expect((await client.get(`${world.shop.url}/a`)).status).toBe(200);
  wire.state.full = 1;
  await world.treasury.owner.revoke(await nodeOf(world.treasury, child));
  await settled(world.treasury);
  expect(await letIn(world, held)).toBe("no no yes");
  expect((await client.get(`${world.shop.url}/a`)).status).toBe(200);
  // A minute later the tree gets another grant, which is handed over again.
  world.clock.advance("61s");
  expect((await client.get(`${world.shop.url}/a`)).status).toBe(200);
  expect(world.paid().count).toBe(0);
});
