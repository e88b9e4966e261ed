/**
 * Recall over loopback: what was handed over for a revoked node is refused at its service, also
 * after a restart, at any depth, and whatever comes between. [cases 27, 111]
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
  ask402,
  challenger,
  failure,
  gate,
  secretOf,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { REVOCATIONS_PATH } from "../wire/revocation.ts";
import { guardedFetch, Treasury } from "./index.ts";

const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

/** A link to services that can be cut for revocations alone. */
function link() {
  const guarded = guardedFetch({ allowLoopback: true });
  const state = { isCut: false, sent: 0 };
  const fetcher: typeof fetch = (input, init) => {
    if (init?.method !== "POST" || !String(input).endsWith(REVOCATIONS_PATH))
      return guarded(input, init);
    state.sent++;
    return state.isCut ? Promise.reject(new TypeError("no route to host")) : guarded(input, init);
  };
  return { state, fetch: fetcher };
}

const order = (world: Town, credential: Credential, url: string, by = world.treasury) =>
  by.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });
const handed = async (world: Town, credential: Credential, url: string): Promise<string> => {
  const purchase = await order(world, credential, url);
  if (purchase.kind !== "credential") throw new Error("it was relayed");
  return purchase.credential;
};
const present = async (credential: string, url: string) => {
  const response = await fetch(url, { headers: { authorization: `L402 ${credential}` } });
  await response.body?.cancel();
  return response.status;
};
const nodeOf = async (world: Town, credential: Credential): Promise<string> =>
  (await world.treasury.standing(credential.toString())).at(-1)!.id;
/** How long a credential that was handed over lasts. */
const lifeOf = (credential: string, world: Town): number => {
  const [, text = ""] =
    /valid_until=(\d+)(?![\s\S]*valid_until=)/.exec(
      Buffer.from(credential.split(":")[0]!, "base64").toString("latin1"),
    ) ?? [];
  return Number(text) - world.clock();
};

const restarted = (world: Town, store: Store, fetcher: typeof fetch) =>
  new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    fetch: fetcher,
    clock: world.clock,
    alarm: () => {},
  });
/** Resolves once nothing is pending: the queue works by itself. */
const settled = async (treasury: Treasury, nodeId: string) => {
  for (;;) {
    const recalls = await treasury.owner.recalls(nodeId);
    if (recalls.every(({ state }) => state === "confirmed")) return recalls;
    await new Promise((done) => setImmediate(done));
  }
};

async function family(store: Store = new MemoryStore()) {
  const wire = link();
  const world = await town({ store, fetch: wire.fetch });
  const root = world.mint();
  const agent = root.delegate({ agent: "mallory" }, { now: world.clock() });
  const shop = await world.openShop(PASS);
  return { store, wire, world, root, agent, shop, url: `${shop.url}/a` };
}

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;

test.each(hasSqlite ? ["memory", "SQLite"] : ["memory"])(
  "what a service did not hear of is told after a restart, from a store in %s",
  async (kind) => {
    const folder = mkdtempSync(join(tmpdir(), "recall-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "treasury.db");
    const store = kind === "memory" ? new MemoryStore() : await openSqliteStore(path);
    const { wire, world, agent, url } = await family(store);
    const held = await handed(world, agent, url);
    wire.state.isCut = true;
    const node = await nodeOf(world, agent);
    await world.treasury.owner.revoke(node);
    expect(await world.treasury.owner.health()).toMatchObject({ pendingRecalls: 1 });
    expect(await present(held, url)).toBe(200);
    await world.treasury.stop();
    await store.close();
    wire.state.isCut = false;
    const reopened = kind === "memory" ? store : await openSqliteStore(path);
    const again = restarted(world, reopened, wire.fetch);
    await again.start();
    await settled(again, node);
    expect(await present(held, url)).toBe(402);
    expect(await again.owner.health()).toMatchObject({ pendingRecalls: 0 });
    await again.stop();
    await reopened.close();
  },
);

test("a treasury that dies between the directive and its recalls tells the services after the restart", async () => {
  const { store, wire, world, agent, url } = await family();
  const held = await handed(world, agent, url);
  const node = await nodeOf(world, agent);
  await world.treasury.stop();
  // All that a dying process wrote.
  await store.addDirective({ kind: "revoke", nodeId: node, at: world.clock() });
  expect(await present(held, url)).toBe(200);
  const again = restarted(world, store, wire.fetch);
  await again.start();
  await settled(again, node);
  expect(await present(held, url)).toBe(402);
  await again.stop();
});

test("the owner sees what is pending, what was confirmed, and when the rest ends", async () => {
  const { wire, world, agent, url, shop } = await family();
  await handed(world, agent, url);
  const node = await nodeOf(world, agent);
  const now = world.clock();
  wire.state.isCut = true;
  await world.treasury.owner.revoke(node);
  const [pending, ...others] = await world.treasury.owner.recalls(node);
  expect(others).toEqual([]);
  expect(pending).toMatchObject({ origin: shop.url, nodeId: node, state: "pending", at: now });
  expect(pending!.until).toBeGreaterThanOrEqual(now + 300);
  expect(pending!.until).toBeLessThanOrEqual(now + 970);
  world.clock.advance("971s");
  expect(await world.treasury.owner.recalls()).toMatchObject([{ state: "ended" }]);
  expect(await world.treasury.owner.recalls("ab".repeat(16))).toEqual([]);
});

test("a revocation by a holder reaches the services as the owner's does", async () => {
  const { world, root, agent, url } = await family();
  const held = await handed(world, agent, url);
  await world.connect(root).revoke(agent);
  expect(await present(held, url)).toBe(402);
});

test("the payer's hand-over is written in the turn of the settlement, and not again for what is handed over then", async () => {
  const { store, world, agent, url } = await family();
  const written: string[] = [];
  const settle = store.settle.bind(store);
  const handOver = store.handOver.bind(store);
  store.settle = (...given) => {
    written.push("settle");
    queueMicrotask(() => written.push("end of the turn"));
    return settle(...given);
  };
  store.handOver = (...given) => {
    written.push("hand-over");
    return handOver(...given);
  };
  await handed(world, agent, url);
  for (let times = 0; times < 20; times++) await handed(world, agent, url);
  expect(written).toEqual(["hand-over", "settle", "end of the turn"]);
  await handed(world, agent.delegate({ agent: "child" }, { now: world.clock() }), url);
  expect(written.slice(3)).toEqual(["hand-over"]);
});

test("what another process on the same store hands over before it reads of the revocation is recalled, too", async () => {
  class Shared extends MemoryStore {
    override readonly shared = true as never;
  }
  const store = new Shared();
  const { wire, world, root, agent, url } = await family(store);
  await handed(world, root, url);
  const [purchase] = await world.treasury.owner.payments();
  const nodeIds = (await world.treasury.standing(agent.toString())).map(({ id }) => id);
  const handOver = (until: number) =>
    store.handOver(
      {
        ...{ paymentHash: purchase!.paymentHash, origin: purchase!.origin, nodeIds, until },
        ...{ payer: nodeIds[0]!, recallable: true },
      },
      { at: world.clock(), maxBelow: 1000 },
    );
  await world.treasury.owner.revoke(nodeIds.at(-1)!);
  expect(wire.state.sent).toBe(0);
  for (const [seconds, sent] of [[2, 1] as const, [18, 1] as const]) {
    await handOver(world.clock() + 300);
    world.clock.advance(`${seconds}s`);
    await settled(world.treasury, nodeIds.at(-1)!);
    expect(wire.state.sent).toBe(sent);
  }
});

describe("a node at any depth", () => {
  test("is revoked at a service with all below it and nothing above it, by one request", async () => {
    const { wire, world, root, url } = await family();
    const at = { now: world.clock() };
    const line = [root.delegate({ agent: "a" }, at)];
    for (let depth = 1; depth < 12; depth++) line.push(line.at(-1)!.delegate({ agent: "a" }, at));
    const held: string[] = [];
    for (const one of line) held.push(await handed(world, one, url));
    expect(world.paid().count).toBe(1);
    await world.treasury.owner.revoke(await nodeOf(world, line[5]!));
    expect(wire.state.sent).toBe(1);
    const answers = await Promise.all(held.map((one) => present(one, url)));
    expect(answers).toEqual(line.map((_, depth) => (depth < 5 ? 200 : 402)));
  });

  test("too deep for a credential of the service is relayed", async () => {
    const { world, root } = await family();
    const { grants } = PASS;
    const shop = await world.openShop({ ...PASS, grants: { ...grants, usesPerDay: 1000 } });
    const url = `${shop.url}/a`;
    const at = { now: world.clock() };
    let deep = root.delegate({ agent: "payer" }, at);
    await handed(world, deep, url);
    // A credential has at most 64 caveats, and the service's own has some already.
    while (deep.caveats.length < 64) deep = deep.delegate({ agent: "a" }, at);
    const purchase = await order(world, deep, url);
    expect(purchase.kind).toBe("response");
    expect(purchase.kind === "response" && purchase.response.status).toBe(200);
    expect(world.paid().count).toBe(1);
  });
});

test("the 1001st child of a node with hand-overs is relayed; another agent and its children are not", async () => {
  const { world, root, agent, url } = await family();
  const at = { now: world.clock() };
  await handed(world, root, url);
  for (let from = 0; from < 1000; from += 50)
    await Promise.all(
      Array.from({ length: 50 }, (_, child) =>
        handed(world, agent.delegate({ agent: `c${from + child}` }, at), url),
      ),
    );
  expect((await order(world, agent.delegate({ agent: "more" }, at), url)).kind).toBe("response");
  const other = root.delegate({ agent: "other" }, at);
  await handed(world, other, url);
  await handed(world, other.delegate({ agent: "child" }, at), url);
  await handed(world, agent, url);
  expect(world.paid().count).toBe(1);
}, 60_000);

describe("what is handed over holds for five minutes, and for one", () => {
  test("where the service does not list agent", async () => {
    const world = await town();
    const enforced = ["endpoints", "valid_until", "valid_from"];
    const shop = await site(async (_, response, url) => {
      ask402(response, await challenger(world, url).demand({ enforced }));
    });
    expect(lifeOf(await handed(world, world.mint(), `${shop.url}/a`), world)).toBe(60);
  });

  test("where the service did not confirm the last recall, until it confirms one", async () => {
    const { wire, world, root, url } = await family();
    const at = { now: world.clock() };
    const [one, two] = ["one", "two"].map((agent) => root.delegate({ agent }, at));
    await handed(world, root, url);
    expect(lifeOf(await handed(world, one!, url), world)).toBe(300);
    wire.state.isCut = true;
    const node = await nodeOf(world, one!);
    await world.treasury.owner.revoke(node);
    expect(lifeOf(await handed(world, two!, url), world)).toBe(60);
    wire.state.isCut = false;
    world.clock.advance("60s");
    await settled(world.treasury, node);
    expect(lifeOf(await handed(world, two!, url), world)).toBe(300);
  });
});

describe("a revocation while a hand-over is written", () => {
  /** The store's next hand-over waits: before it is written, or after. */
  async function held(when: "before" | "after") {
    const made = await family();
    const { store } = made;
    const [begun, go] = [gate(), gate()];
    const handOver = store.handOver.bind(store);
    store.handOver = async (...given) => {
      const written = when === "after" ? await handOver(...given) : undefined;
      begun.open();
      await go.opened;
      return written ?? handOver(...given);
    };
    return { ...made, begun: begun.opened, go };
  }

  test.each(["before", "after"] as const)(
    "gives the agent nothing, if it comes %s the row",
    async (when) => {
      const { world, agent, url, begun, go, shop } = await held(when);
      const ordering = failure(order(world, agent, url));
      await begun;
      await world.treasury.owner.revoke(await nodeOf(world, agent));
      go.open();
      expect(await ordering).toMatchObject({ spent: "yes", cause: { code: "ERR_REVOKED" } });
      expect(shop.served).toEqual([]);
    },
  );

  test("recalls a row that was written just before it", async () => {
    const { wire, world, agent, url, begun, go } = await held("after");
    const ordering = failure(order(world, agent, url));
    await begun;
    await world.treasury.owner.revoke(await nodeOf(world, agent));
    go.open();
    await ordering;
    expect(wire.state.sent).toBe(1);
  });
});

describe("clocks that are ten minutes apart hide no hand-over from a revocation", () => {
  const FAR = 590;

  /** @param skews in seconds, of who hands over and of who revokes: later, if it is one treasury */
  async function apart(isShared: boolean, [first, second]: readonly [number, number]) {
    class Shared extends MemoryStore {
      override readonly shared = isShared as never;
    }
    const store = new Shared();
    const state = { skew: first };
    let now = () => 0;
    const wire = link();
    const world = await town({ store, fetch: wire.fetch, clock: () => now() + state.skew });
    now = world.clock;
    const other = new Treasury({
      secret: secretOf("the treasury"),
      location: world.treasury.location,
      wallet: devWallet(world.network.account("treasury").url),
      store,
      fetch: wire.fetch,
      clock: () => world.clock() + second,
      alarm: () => {},
    });
    onTestFinished(async () => {
      await world.treasury.stop();
      await other.stop();
    });
    const agent = world
      .mint({ expiresIn: "3h" })
      .delegate({ agent: "mallory" }, { now: world.clock() });
    const shop = await world.openShop(PASS);
    const url = `${shop.url}/a`;
    const held = await handed(world, agent, url);
    if (!isShared) state.skew = second;
    return { world, wire, agent, held, url, by: isShared ? other : world.treasury };
  }

  test.each([
    ["one treasury whose clock is set", false],
    ["two treasuries on shared books", true],
  ] as const)("%s", async (_, isShared) => {
    for (const skews of [
      [-FAR, 0],
      [0, FAR],
      [-FAR / 2, FAR / 2],
      [FAR, 0],
      [0, -FAR],
      [0, 0],
    ] as const)
      for (const seconds of [1, 250]) {
        const { world, wire, agent, held, url, by } = await apart(isShared, skews);
        world.clock.advance(`${seconds}s`);
        expect(await present(held, url)).toBe(200);
        // It deletes what has ended when it hands something over.
        const sibling = world
          .mint({ expiresIn: "3h" })
          .delegate({ agent: "s" }, { now: world.clock() });
        await order(world, sibling, url, by);
        await by.owner.revoke((await by.standing(agent.toString())).at(-1)!.id);
        expect([skews, seconds, await present(held, url)]).toEqual([skews, seconds, 402]);
        expect(wire.state.sent).toBe(1);
      }
  });

  test("a start recalls again what a clock that was behind revoked", async () => {
    const { world, store, wire, agent, url } = await family();
    const held = await handed(world, agent, url);
    const node = await nodeOf(world, agent);
    await world.treasury.stop();
    // All that a dying process wrote, by its own clock.
    await store.addDirective({ kind: "revoke", nodeId: node, at: world.clock() - FAR });
    world.clock.advance("250s");
    expect(await present(held, url)).toBe(200);
    const again = restarted(world, store, wire.fetch);
    await again.start();
    await settled(again, node);
    expect(await present(held, url)).toBe(402);
    await again.stop();
  });

  test("a service that refuses the recall of what has ended counts as one that confirms recalls", async () => {
    const { world, wire, agent, root } = await family();
    const short = await world.openShop({
      price: "10 sat",
      grants: { validFor: "2m", endpoints: ["* /**"] },
    });
    await handed(world, agent, `${short.url}/a`);
    world.clock.advance("125s");
    const node = await nodeOf(world, agent);
    await world.treasury.owner.revoke(node);
    expect(wire.state.sent).toBe(1);
    // Otherwise it would be 60 seconds.
    expect(lifeOf(await handed(world, root, `${short.url}/b`), world)).toBe(300);
  });

  test("a hand-over is no longer recalled once its credential has ended for every clock", async () => {
    const { world, wire, agent, url } = await family();
    await handed(world, agent, url);
    const node = await nodeOf(world, agent);
    world.clock.advance("971s");
    await world.treasury.owner.revoke(node);
    expect(wire.state.sent).toBe(0);
    expect(await world.treasury.owner.recalls(node)).toEqual([]);
  });
});
