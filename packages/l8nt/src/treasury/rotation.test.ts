/**
 * An order that is sent again after the treasury's secret was replaced has the names that it had.
 * spec/4-purchase.md §4.6.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import type { Store } from "../ports/store.ts";
import { MemoryStore } from "../stores/memory.ts";
import { secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { Digests } from "./digests.ts";
import { guardedFetch, Treasury, type TreasuryOptions } from "./index.ts";
import { Wrapping } from "./wrapping.ts";

const [FIRST, SECOND, THIRD] = [
  secretOf("the treasury"),
  secretOf("the second one"),
  secretOf("the third one"),
] as const;

type Secrets = Pick<TreasuryOptions, "secret" | "previousSecrets">;

/** How a treasury may be started again. */
const RESTARTS: readonly (readonly [string, readonly Secrets[]])[] = [
  ["the same secret", [{ secret: FIRST }]],
  ["a new secret", [{ secret: SECOND, previousSecrets: [FIRST] }]],
  [
    "two new ones, one after the other",
    [
      { secret: SECOND, previousSecrets: [FIRST] },
      { secret: THIRD, previousSecrets: [SECOND, FIRST] },
    ],
  ],
  [
    "a new secret, and with the first one again",
    [
      { secret: SECOND, previousSecrets: [FIRST] },
      { secret: FIRST, previousSecrets: [SECOND] },
    ],
  ],
];

const network = guardedFetch({ allowLoopback: true });

/** Loses the answer of a service, or the request with a credential on its way to it. */
function lossy() {
  const state: { loses?: "answer" | "request" } = {};
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const sent = new Headers(init?.headers);
    const isPaid = sent.has("macaroon") || sent.get("authorization")?.startsWith("L402 ") === true;
    if (state.loses === "request" && isPaid)
      throw new TypeError("fetch failed", {
        cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
      });
    const response = await network(input, init);
    if (state.loses !== "answer" || response.status !== 200) return response;
    await response.arrayBuffer();
    throw new TypeError("fetch failed");
  };
  return { state, fetch };
}

async function restarted(world: Town, store: Store, restarts: readonly Secrets[]) {
  await world.treasury.stop();
  let last = world.treasury;
  for (const secrets of restarts) {
    const treasury = new Treasury({
      ...secrets,
      location: world.treasury.location,
      wallet: devWallet(world.network.account("treasury").url),
      store,
      fetch: network,
      clock: world.clock,
      alarm: (what) => world.alarms.push(what),
    });
    await treasury.start();
    onTestFinished(() => treasury.stop());
    if (secrets !== restarts.at(-1)) await treasury.stop();
    last = treasury;
  }
  return last;
}

async function stage() {
  const { state, fetch } = lossy();
  const store = new MemoryStore({ journal: true });
  const world = await town({ store, fetch });
  onTestFinished(() => world.treasury.stop());
  return { state, store, world };
}

const answerOf = async (buying: Promise<unknown>) => {
  const { response } = (await buying) as { readonly response: Response };
  return [response.status, await response.text()];
};

const OWN = [["authorization", "Bearer mine"]] as const;

describe.each(RESTARTS)("after a restart with %s", (_, restarts) => {
  test.each([
    ["no field of its own", [], "answer", 50],
    ["an Authorization of its own", OWN, "answer", 50],
    ["an Authorization of its own and one use, unserved", OWN, "request", 1],
  ] as const)(
    "an order with %s is answered as it was paid for",
    async (_what, headers, loses, maxUses) => {
      const { state, store, world } = await stage();
      const shop = await world.openShop({ price: "10 sat" });
      const agent = world.mint({ maxUses });
      const order = (treasury: Treasury) =>
        treasury.buy({
          id: "the-order-of-it",
          credential: agent.toString(),
          method: "GET",
          url: `${shop.url}/forecast`,
          headers: headers.map(([name, value]) => [name, value] as const),
        });
      state.loses = loses;
      await expect(order(world.treasury)).rejects.toMatchObject({ spent: "yes" });
      const next = await restarted(world, store, restarts);
      expect((await answerOf(order(next)))[0]).toBe(200);
      expect(world.paid().count).toBe(1);
      expect(shop.served).toHaveLength(1);
    },
  );

  test("a POST with the key of an agent below is executed once", async () => {
    const { state, store, world } = await stage();
    const shop = await world.openShop({
      price: "10 sat",
      grants: { uses: 10, endpoints: ["* /**"] },
    });
    const root = world.mint();
    const child = root.delegate({ agent: "kid", maxUses: 50 }, { now: world.clock() });
    const order = (treasury: Treasury, credential: Credential, id: string) =>
      treasury.buy({
        id,
        credential: credential.toString(),
        method: "POST",
        url: `${shop.url}/transfer`,
        headers: [["idempotency-key", "transfer-42"]],
        body: new TextEncoder().encode("100 to bob"),
      });
    await order(world.treasury, root, "the-root-order");
    const before = shop.served.length;
    state.loses = "answer";
    await expect(order(world.treasury, child, "the-child-order")).rejects.toMatchObject({
      spent: "no",
    });
    const next = await restarted(world, store, restarts);
    expect((await answerOf(order(next, child, "the-child-order")))[0]).toBe(200);
    expect(shop.served).toHaveLength(before + 1);
    expect(world.paid().count).toBe(1);
  });
});

describe("the key of the digests", () => {
  const MESSAGE = new TextEncoder().encode("a message");
  const read = async (store: Store, ...[secret, ...previous]: readonly [string, ...string[]]) => {
    const digests = new Digests(store, new Wrapping(secret, previous));
    await digests.read();
    const of = () => Buffer.from(digests.ofUse(MESSAGE)).toString("hex");
    return { digests, use: of(), field: Buffer.from(digests.ofField(MESSAGE)).toString("hex") };
  };

  test("is one for all treasuries on the books, the first ones and those of a rotation", async () => {
    const store = new MemoryStore();
    const firsts = await Promise.all([read(store, FIRST), read(store, FIRST)]);
    const { use, field } = firsts[0];
    expect(firsts[1]).toMatchObject({ use, field });
    expect(use).not.toBe(field);
    expect(await read(store, SECOND, FIRST)).toMatchObject({ use, field });
    expect(await read(store, FIRST)).toMatchObject({ use, field });
    expect((await read(new MemoryStore(), FIRST)).use).not.toBe(use);
  });

  test("is lost to a secret that was replaced, and to one that is not listed", async () => {
    const store = new MemoryStore();
    const { use } = await read(store, FIRST);
    expect((await read(store, THIRD)).use).not.toBe(use);
    const { digests } = await read(store, SECOND, FIRST);
    await digests.dropPrevious();
    expect((await read(store, FIRST)).use).not.toBe(use);
    expect((await read(store, SECOND)).use).toBe(use);
  });

  test("cannot be written into the books by who has no secret", async () => {
    const store = new MemoryStore();
    const { use } = await read(store, FIRST);
    const [id] = new Wrapping(FIRST).ids;
    const key = Buffer.alloc(32, 1);
    for (const text of [
      key.toString("base64"),
      await new Wrapping(secretOf("a thief")).wrap(key.toString("base64"), "digest key"),
      await new Wrapping(FIRST).wrap(key.toString("base64"), "payment"),
    ]) {
      await store.setFact(`digest key ${id}`, text);
      const made = await read(store, FIRST);
      expect(made.use).not.toBe(use);
      const known = new MemoryStore();
      await known.setFact(
        `digest key ${id}`,
        await new Wrapping(FIRST).wrap(key.toString("base64"), "digest key"),
      );
      expect(made.use).not.toBe((await read(known, FIRST)).use);
    }
  });
});
