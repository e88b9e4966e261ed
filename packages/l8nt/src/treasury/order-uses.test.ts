/**
 * An agent gets no more answers than its uses, and an order whose answers are lost claims one use:
 * both by the books, over restarts and several treasuries. spec/4-purchase.md §4.2.
 */
import { describe, expect, test } from "vitest";
import { msat } from "../amount.ts";
import type { Credential } from "../l402/index.ts";
import { auditLedger } from "../ledger/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import {
  ask402,
  challenger,
  gate,
  secretOf,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury } from "./index.ts";

/** Another process on the same books. */
const again = (world: Town, store: MemoryStore): Treasury =>
  new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    maxSilence: "1h",
    alarm: (what) => world.alarms.push(what),
  });

/** The status and the text of an answer, or the code of the error. */
async function outcome(
  treasury: Treasury,
  credential: Credential,
  url: string,
  more: object = {},
): Promise<string> {
  try {
    const purchase = await treasury.buy({
      id: crypto.randomUUID(),
      credential: credential.toString(),
      method: "GET",
      url,
      headers: [],
      ...more,
    });
    return purchase.kind === "response" ? await purchase.response.text() : "handed over";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

/** A service that sells a pass, so it counts nothing, keeps nothing, and answers anew each time. */
async function start(shared = false) {
  const store = new MemoryStore({ journal: true });
  if (shared) Object.defineProperty(store, "shared", { value: true });
  const world = await town({ store });
  const shop = await world.openShop({ price: "10 sat", grants: { validFor: "72h" } });
  const parent = world.mint({ expiresIn: "72h" });
  const child = (maxUses: number) =>
    parent.delegate({ agent: "counted", maxUses }, { now: world.clock() });
  await outcome(world.treasury, parent, `${shop.url}/a`);
  return { store, world, shop, child, url: `${shop.url}/a` };
}

const ORDER = { id: "one-order-of-the-agent" };
const keyed = (key: string) => ({ ...ORDER, headers: [["Idempotency-Key", key]] });

describe("an agent gets no more answers than its uses", () => {
  test.each([
    ["the same request", () => ORDER],
    ["another Idempotency-Key", () => keyed(crypto.randomUUID())],
  ])("if its treasury restarts, and it sends one order again with %s", async (_how, order) => {
    const { store, world, child, url } = await start();
    const agent = child(2);
    expect(await outcome(world.treasury, agent, url, order())).toBe('{"served":1}');
    const got: string[] = [];
    for (let times = 0; times < 3; times++) {
      const next = again(world, store);
      got.push(await outcome(next, agent, url, order()));
      await next.stop();
    }
    expect(got).toEqual(['{"served":2}', "ERR_USES", "ERR_USES"]);
  });

  test("if several treasuries have the same books, one after the other and at once", async () => {
    for (const atOnce of [false, true]) {
      const { store, world, child, url } = await start(true);
      const agent = child(2);
      const all = [world.treasury, ...Array.from({ length: 4 }, () => again(world, store))];
      const ask = (treasury: Treasury) => outcome(treasury, agent, url, ORDER);
      const got: string[] = [];
      if (atOnce) got.push(...(await Promise.all(all.map(ask))));
      else for (const one of all) got.push(await ask(one));
      expect(got.filter((one) => one.startsWith("{"))).toHaveLength(2);
      expect(got.filter((one) => /^ERR_(?:USES|REQUEST_RUNNING)$/.test(one))).toHaveLength(3);
      for (const one of all) await one.stop();
    }
  });

  test("if it hangs up, is given the kept answer, and says that it has it, again and again", async () => {
    const { world, shop, child, url } = await start();
    const agent = child(2);
    const got: string[] = [];
    for (let times = 0; times < 4; times++) {
      const leaving = new AbortController();
      const arrived = gate();
      shop.answers.push((outgoing) => {
        arrived.open();
        setTimeout(() => outgoing.end(`answer ${times}`), 20);
      });
      const more = { ...ORDER, signal: leaving.signal, ...(times > 0 && { answered: [ORDER.id] }) };
      const left = outcome(world.treasury, agent, url, more);
      await Promise.race([arrived.opened, left]);
      leaving.abort();
      await left;
      got.push(await outcome(world.treasury, agent, url, ORDER));
    }
    expect(got).toEqual(["answer 0", "answer 1", "ERR_USES", "ERR_USES"]);
  });

  test("if it sends an order with a credential that ends sooner, and again when that has ended", async () => {
    const { store, world, child, url } = await start();
    const agent = child(1);
    const sooner = agent.attenuate({ expiresIn: "1m" }, { now: world.clock() });
    expect(await outcome(world.treasury, sooner, url, ORDER)).toBe('{"served":1}');
    world.clock.advance("26h");
    // A store forgets what has ended a day ago, once in a while.
    const [limit] = world.treasury.authority.verifier.authenticate(agent).limits;
    for (let times = 0; times < 2100; times++) {
      const id = `another ${times}`;
      await store.reserve({ id, at: world.clock(), amount: msat(0n), uses: 0n, counted: [limit!] });
      await store.release(id, world.clock());
    }
    const next = again(world, store);
    expect(await outcome(next, agent, url, ORDER)).toBe("ERR_USES");
    await next.stop();
  });
});

describe("an order claims one use", () => {
  /** A site that breaks off in the body as long as it is told to. */
  async function broken(shared = false) {
    const store = new MemoryStore();
    if (shared) Object.defineProperty(store, "shared", { value: true });
    const world = await town({ store, maxSilence: "1h" });
    const state = { breaks: true, asked: gate() };
    const shop = await site(async ({ headers }, response, url) => {
      if (headers.authorization === undefined) {
        const scope = { endpoints: [`* ${url}/**`], expiresIn: "1h" } as const;
        return ask402(
          response,
          await challenger(world, url).demand({ enforced: undefined, scope }),
        );
      }
      state.asked.open();
      if (!state.breaks) return response.end("whole");
      response.writeHead(200, { "content-length": "100" });
      response.write("a part");
      setTimeout(() => response.destroy(), 5);
    });
    const agent = world.mint({ maxUses: 1 });
    return { store, world, agent, state, url: `${shop.url}/a` };
  }

  test("whose answer breaks off at each of a client's five tries, over restarts as well", async () => {
    const { store, world, agent, state, url } = await broken();
    let treasury = world.treasury;
    for (let times = 0; times < 4; times++) {
      expect(await outcome(treasury, agent, url, ORDER)).not.toBe("ERR_USES");
      if (times % 2 === 1) {
        await treasury.stop();
        treasury = again(world, store);
      }
    }
    state.breaks = false;
    expect(await outcome(treasury, agent, url, ORDER)).toBe("whole");
    expect(await outcome(treasury, agent, url)).toBe("ERR_USES");
    expect(world.paid().count).toBe(1);
    await treasury.stop();
  });

  test("and no more if it breaks off again and again", async () => {
    const { world, agent, url } = await broken();
    const got: string[] = [];
    for (let times = 0; times < 30; times++)
      got.push(await outcome(world.treasury, agent, url, ORDER));
    expect(got.filter((one) => one !== "ERR_ANSWER_LOST").length).toBeLessThanOrEqual(10);
    expect(got.at(-1)).toBe("ERR_ANSWER_LOST");
  });

  test("that its process was serving when it died, and the next process serves under the same use", async () => {
    const { store, world, agent, state, url } = await broken();
    const dead = again(world, store);
    // Nothing that it writes afterwards arrives.
    const writes = { commit: store.commit, release: store.release };
    store.commit = store.release = () => new Promise(() => {});
    void outcome(dead, agent, url, ORDER);
    await state.asked.opened;
    Object.assign(store, writes);
    state.breaks = false;
    world.clock.advance("1s");
    const next = again(world, store);
    expect(await outcome(next, agent, url, ORDER)).toBe("whole");
    expect(await outcome(next, agent, url)).toBe("ERR_USES");
    await next.stop();
  });

  test.each([
    ["the pass that claimed it, and its pass ends first", 0, 0],
    ["the pass that claimed it, and its pass ends last", 0, 1],
    ["the other pass, which ends last", 1, 0],
    ["the other pass, which ends first", 1, 1],
  ])("at two treasuries at once, of which one serves nothing: %s", async (_who, failing, first) => {
    const { store, world, shop, child, url } = await start(true);
    const agent = child(2);
    const treasuries = [world.treasury, again(world, store)];
    const passes: { readonly go: () => void; readonly got: Promise<string> }[] = [];
    for (const [nth, treasury] of treasuries.entries()) {
      const [asked, go] = [gate(), gate()];
      shop.answers.push((outgoing) => {
        asked.open();
        void go.opened.then(() =>
          nth === failing
            ? outgoing.writeHead(503).end("nothing")
            : outgoing.writeHead(200).end("served"),
        );
      });
      const got = outcome(treasury, agent, url, ORDER);
      await asked.opened;
      passes.push({ go: go.open, got });
    }
    for (const at of [first, 1 - first]) {
      passes[at]!.go();
      expect(await passes[at]!.got).toBe(at === failing ? "nothing" : "served");
    }
    for (const treasury of treasuries) await treasury.stop();
    const used = async () =>
      (await world.treasury.standing(agent.toString()))
        .at(-1)!
        .limits.find(({ condition }) => condition === "max_uses")!.used;
    await expect.poll(used).toBe(1n);
    expect((await auditLedger(store)).faults).toEqual([]);
    const next = again(world, store);
    expect(await outcome(next, agent, url)).toBe('{"served":1}');
    expect(await outcome(next, agent, url)).toBe("ERR_USES");
    await next.stop();
  });

  test("that another treasury was serving when it died: it waits for it, for a quarter of an hour at most, or counts another one", async () => {
    for (const maxUses of [1, 2]) {
      const { store, world, state, url } = await broken(true);
      state.breaks = false;
      const payer = world.mint({ maxUses: 100 });
      const below = payer.delegate({ agent: "counted", maxUses }, { now: world.clock() });
      expect(await outcome(world.treasury, payer, url)).toBe("whole");
      state.breaks = true;
      state.asked = gate();
      const dead = again(world, store);
      await dead.start();
      const writes = { commit: store.commit, release: store.release };
      store.commit = store.release = () => new Promise(() => {});
      void outcome(dead, below, url, ORDER);
      await state.asked.opened;
      Object.assign(store, writes);
      state.breaks = false;
      const next = again(world, store);
      const isOnly = maxUses === 1;
      expect(await outcome(next, below, url, ORDER)).toBe(isOnly ? "ERR_REQUEST_RUNNING" : "whole");
      world.clock.advance("901s");
      if (isOnly) expect(await outcome(next, below, url, ORDER)).toBe("whole");
      expect(await outcome(next, below, url)).toBe("ERR_USES");
      await next.stop();
    }
  });

  test("and gives it back if nothing was served, for another order", async () => {
    const { world, shop, child, url } = await start();
    const agent = child(1);
    shop.answers.push(...Array.from({ length: 3 }, () => "fail" as const));
    await outcome(world.treasury, agent, url, ORDER);
    shop.answers.length = 0;
    expect(await outcome(world.treasury, agent, url)).toBe('{"served":1}');
    expect(await outcome(world.treasury, agent, url)).toBe("ERR_USES");
  });

  test.each([
    ["a single request", { uses: 1 }],
    ["a pass", { validFor: "1h" }],
  ] as const)(
    "that paid for %s, and says so if its answer left and did not arrive",
    async (_what, grants) => {
      const world = await town();
      const shop = await world.openShop({ price: "10 sat", grants });
      shop.answers.push((outgoing) => outgoing.end("x".repeat(100_000)));
      const agent = world.mint({ maxUses: 1 });
      expect(await outcome(world.treasury, agent, `${shop.url}/a`, ORDER)).toHaveLength(100_000);
      // A proxy had all of it, and the agent nothing.
      for (let times = 0; times < 3; times++) {
        const again = outcome(world.treasury, agent, `${shop.url}/a`, ORDER);
        expect(await again).toBe("ERR_ANSWER_LOST");
      }
      expect(await outcome(world.treasury, agent, `${shop.url}/a`)).toBe("ERR_USES");
      expect(world.paid().count).toBe(1);
    },
  );
});

test("orders that are refused because nothing is left write nothing down", async () => {
  const { store, world, child, url } = await start();
  const agent = child(1);
  expect(await outcome(world.treasury, agent, url)).toBe('{"served":1}');
  const written = async () => (await store.journal(0, 1000)).length;
  expect(await outcome(world.treasury, agent, url)).toBe("ERR_USES");
  const before = await written();
  for (let times = 0; times < 5; times++)
    expect(await outcome(world.treasury, agent, url)).toBe("ERR_USES");
  expect(await written()).toBe(before);
});
