/** The wallet's list, row by row: rows that cannot be read, and payments that were made twice. */
import { describe, expect, onTestFinished, test } from "vitest";
import { MAX_MSAT, msat } from "../amount.ts";
import type { Credential } from "../l402/index.ts";
import type { Payer, WalletPayment } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import { failure, type Shop, secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury } from "./index.ts";

/** What one payment of 10 sat costs with its fee. */
const COST = 10_010n;
const FOREIGN = "cd".repeat(32);

type List = (real: readonly WalletPayment[], from: number) => unknown;

/** A treasury, and another one on its books, with a wallet whose list can be changed. */
async function start() {
  const world = await town();
  const shop = await world.openShop({ price: "10 sat" });
  const inner = devWallet(world.network.account("treasury").url);
  const told: { list: List } = { list: (real) => real };
  const wallet: Payer = {
    ...inner,
    paidSince: async (at) => told.list(await inner.paidSince!(at), at) as readonly WalletPayment[],
  };
  const store = new MemoryStore({ journal: true });
  const begin = () => treasuryOn(world, wallet, store);
  const treasury = begin();
  await treasury.start();
  return { world, shop, told, store, begin, treasury, root: world.mint({ expiresIn: "30d" }) };
}

function treasuryOn(world: Town, wallet: Payer, store: MemoryStore): Treasury {
  const treasury = new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    ...{ wallet, store },
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    alarm: (what) => world.alarms.push(what),
  });
  onTestFinished(() => treasury.stop());
  return treasury;
}

let serial = 0;
const buy = (treasury: Treasury, credential: Credential, shop: Shop) =>
  treasury.buy({
    id: `order-${++serial}`.padEnd(12, "-"),
    credential: credential.toString(),
    method: "GET",
    url: `${shop.url}/${serial}`,
    headers: [],
  });

describe("a row that cannot be read", () => {
  const ROWS: readonly (readonly [name: string, row: object | null | string])[] = [
    ["a hash that is not hex", { paymentHash: "xy".repeat(32) }],
    ["a hash that is too short", { paymentHash: "ab".repeat(31) }],
    ["no hash", { paymentHash: undefined }],
    ["a hash that is no text", { paymentHash: 5 }],
    ["an amount below zero", { amountMsat: -1n }],
    ["an amount that is missing", { amountMsat: undefined }],
    ["an amount that is a number", { amountMsat: 1000 }],
    ["an amount that is NaN", { amountMsat: Number.NaN }],
    ["an amount above all bitcoin", { amountMsat: MAX_MSAT + 1n }],
    ["a fee below zero", { feeMsat: -1n }],
    ["a fee that is an underflow", { feeMsat: 2n ** 64n - 1n }],
    ["a fee that is missing", { feeMsat: undefined }],
    ["null", null],
    ["a text", "a row"],
  ];
  test.for(ROWS)(
    "(%s) stops spending until the owner has said what it was, once, and hides no other payment [case 105]",
    async ([, part]) => {
      const { world, shop, told, begin, treasury, root } = await start();
      await buy(treasury, root, shop);
      const at = world.clock() + 60;
      const whole = { paymentHash: "ab".repeat(32), amountMsat: 1000n, feeMsat: 0n, at };
      const row = typeof part === "object" && part !== null ? { ...whole, ...part } : part;
      const foreign = { paymentHash: FOREIGN, amountMsat: 500_000n, feeMsat: 0n, at };
      told.list = (real) => [row, foreign, ...real];
      world.clock.advance("1m");
      for (let turn = 0; turn < 2; turn++) {
        await treasury.reconcile();
        expect(await failure(buy(treasury, root, shop))).toMatchObject({ code: "ERR_FROZEN" });
      }
      const waiting = await treasury.owner.unexplained();
      expect(waiting).toContainEqual(
        expect.objectContaining({ paymentHash: FOREIGN, why: "missing" }),
      );
      expect(waiting).toContainEqual(
        expect.objectContaining({ why: "unreadable", row: expect.stringContaining("hash ") }),
      );
      expect(waiting).toHaveLength(2);
      expect(world.alarms).toHaveLength(2);
      expect(await treasury.owner.health()).toMatchObject({ spending: false });
      for (const { paymentHash } of waiting)
        await treasury.owner.explain(paymentHash, { as: "own" });
      await treasury.reconcile();
      await buy(treasury, root, shop);
      const next = begin();
      await next.start();
      await buy(next, root, shop);
      expect(world.alarms).toHaveLength(2);
    },
  );

  test("but for a hash in capitals or a time is compared like the others", async () => {
    const { world, shop, told, treasury, root } = await start();
    await buy(treasury, root, shop);
    told.list = (real) =>
      real.map((row) => ({ ...row, paymentHash: row.paymentHash.toUpperCase(), at: Number.NaN }));
    await treasury.reconcile();
    await buy(treasury, root, shop);
    const foreign = { paymentHash: FOREIGN.toUpperCase(), amountMsat: 1n, feeMsat: 0n, at: -5 };
    told.list = (real) => [foreign, ...real];
    await treasury.reconcile();
    expect(await treasury.owner.unexplained()).toMatchObject([
      { paymentHash: FOREIGN, why: "missing", at: world.clock() },
    ]);
  });

  test("is none of new books", async () => {
    const world = await town();
    const shop = await world.openShop();
    const inner = devWallet(world.network.account("treasury").url);
    const old = { paymentHash: "", amountMsat: undefined, feeMsat: 0n, at: world.clock() - 60 };
    const wallet: Payer = {
      ...inner,
      paidSince: async (at) => [old, ...(await inner.paidSince!(at))],
    };
    const treasury = treasuryOn(world, wallet, new MemoryStore());
    await buy(treasury, world.mint(), shop);
    await treasury.reconcile();
    await buy(treasury, world.mint(), shop);
    expect(world.alarms).toEqual([]);
  });
});

test("a comparison that fails leaves spending stopped until one ends, and the alarm says no more than that", async () => {
  const { world, shop, store, treasury, root } = await start();
  await buy(treasury, root, shop);
  const { setFact } = store;
  store.setFact = () => Promise.reject(new Error("the disk is full"));
  await failure(treasury.reconcile());
  expect(await treasury.owner.health()).toMatchObject({
    spending: false,
    reason: "the books could not be compared with the wallet",
  });
  expect(world.alarms).toEqual([
    "spending has stopped: the books could not be compared with the wallet",
  ]);
  expect(await failure(buy(treasury, root, shop))).toBeDefined();
  expect(world.paid().count).toBe(1);
  store.setFact = setFact;
  await buy(treasury, root, shop);
  expect(world.paid().count).toBe(2);
});

describe("a payment that the wallet made twice", () => {
  const again = (row: WalletPayment, id?: string): WalletPayment => ({
    ...row,
    at: row.at + 5,
    ...(id !== undefined && { id }),
  });
  const named = (row: WalletPayment) => ({ ...row, id: `of ${row.paymentHash.slice(0, 8)}` });

  test.for([
    ["without ids", (row: WalletPayment) => [row, row]],
    ["with two ids", (row: WalletPayment) => [named(row), again(row, "the second")]],
  ] as const)(
    "stops spending, and what the books lack is counted for the node that the owner names: %s [case 105]",
    async ([, twice]) => {
      const { shop, told, treasury, root } = await start();
      await buy(treasury, root, shop);
      told.list = (real) => real.flatMap(twice);
      await treasury.reconcile();
      expect(await failure(buy(treasury, root, shop))).toMatchObject({ code: "ERR_FROZEN" });
      const [more] = await treasury.owner.unexplained();
      expect(more).toMatchObject({
        why: "more",
        amount: msat(20_000n),
        fee: msat(20n),
        unbooked: msat(COST),
      });
      const [node] = await treasury.owner.tree();
      await treasury.owner.explain(more!.paymentHash, { as: "node", nodeId: node!.id });
      const [standing] = await treasury.standing(root.toString());
      expect(standing!.spent).toEqual([msat(2n * COST)]);
      await treasury.reconcile();
      expect(await treasury.owner.health()).toMatchObject({ spending: true });
    },
  );

  test.for([
    ["in one process", false],
    ["after a restart", true],
  ] as const)(
    "is seen although its second row is listed days after the first, %s",
    async ([, restarts]) => {
      const { world, shop, told, begin, treasury, root } = await start();
      await buy(treasury, root, shop);
      told.list = (real) => real.map(named);
      await treasury.reconcile();
      const { paymentHash } = world.network.payments()[0]!;
      world.clock.advance("72h");
      const at = world.clock();
      const second = { paymentHash, amountMsat: 10_000n, feeMsat: 10n, at, id: "the second" };
      told.list = (real) => [...real.map(named), second];
      const now = restarts ? begin() : treasury;
      await now.start();
      await now.reconcile();
      expect(await now.owner.unexplained()).toMatchObject([
        { paymentHash, why: "more", unbooked: msat(COST), at },
      ]);
    },
  );

  test("is not taken for one that two pages or two lists have", async () => {
    const { shop, told, begin, treasury, root, world } = await start();
    told.list = (real) => [...real, ...real].map(named);
    for (let turn = 0; turn < 3; turn++) {
      await buy(treasury, root, shop);
      await treasury.reconcile();
    }
    // A list without ids, of a wallet that had them before, is no second payment either.
    const next = begin();
    await next.start();
    await buy(next, root, shop);
    expect(world.alarms).toEqual([]);
  });
});
