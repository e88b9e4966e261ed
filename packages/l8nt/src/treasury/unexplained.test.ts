/**
 * Money that the books cannot explain stops spending until the owner has said what it was: a
 * restored or copied database, a payment that had failed, money that another program spent.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { msat } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import type { Credential } from "../l402/index.ts";
import { auditLedger } from "../ledger/index.ts";
import type { Store } from "../ports/store.ts";
import type { Payer } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import { backupSqliteStore, openSqliteStore, restoreSqliteStore } from "../stores/sqlite.ts";
import { failure, type Shop, secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, Treasury, type TreasuryOptions } from "./index.ts";
import { placeOf, Wrapping } from "./wrapping.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;

/** What one payment of 10 sat costs with its fee. */
const COST = 10_010n;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "sigil-unexplained-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

async function opened(path: string): Promise<Store> {
  const store = await openSqliteStore(path);
  onTestFinished(() => store.close());
  return store;
}

/** Puts a backup of the books in a place of its own. */
async function restorable(path: string, to = `${path}.backup`): Promise<string> {
  await backupSqliteStore(path, `${to}.taken`);
  await restoreSqliteStore(`${to}.taken`, to);
  return to;
}

/** Another process with the same secret and the same wallet. */
function another(world: Town, store: Store, more: Partial<TreasuryOptions> = {}): Treasury {
  const treasury = new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    alarm: (what) => world.alarms.push(what),
    ...more,
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

const codeOf = (work: Promise<unknown>) => failure(work).then(({ code }) => code);

const spentBy = async (treasury: Treasury, credential: Credential) =>
  (await treasury.standing(credential.toString())).map(({ spent }) => spent[0]!.value);

/** Pays from the treasury's wallet, as another program would. */
async function payFromWallet(world: Town, amountMsat = 5000n): Promise<string> {
  const invoicer = devWallet(world.network.account("shop").invoiceOnlyUrl);
  const invoice = await invoicer.createInvoice({ amountMsat, expirySeconds: 600 });
  await devWallet(world.network.account("treasury").url).pay({
    invoice,
    paymentHash: "",
    amountMsat,
    maxFeeMsat: 100n,
    timeoutSeconds: 5,
  });
  return world.network.payments().at(-1)!.paymentHash;
}

/** A treasury on books in a file, with a shop and an agent. */
async function start(options: Partial<TreasuryOptions> = {}) {
  const path = join(folder(), "treasury.db");
  const store = await openSqliteStore(path);
  const world = await town({ store, ...options });
  const shop = await world.openShop({ price: "10 sat" });
  await world.treasury.start();
  const root = world.mint({ budget: "200 sat", expiresIn: "7d" });
  const agent = root.delegate({ agent: "scout", budget: "60 sat", budgetPerDay: "60 sat" });
  return { path, store, world, shop, root, agent };
}

describe.skipIf(!hasSqlite)("books that were restored from a backup [case 105]", () => {
  test.for([
    ["of two payments", 2],
    ["from before the first payment", 0],
  ] as const)(
    "%s spend nothing until the owner has explained what the wallet paid since, and then what is left",
    async ([, before]) => {
      const { path, store, world, shop, agent, root } = await start();
      const began = world.clock();
      for (let paid = 0; paid < before; paid++) await buy(world.treasury, agent, shop);
      const backup = `${path}.backup`;
      await restorable(path, backup);
      for (let paid = before; paid < 5; paid++) {
        world.clock.advance("100s");
        await buy(world.treasury, agent, shop);
      }
      await store.close();
      // Down for longer than the clocks may differ.
      world.clock.advance("3h");

      const books = await opened(backup);
      const next = another(world, books);
      for (let turn = 0; turn < 2; turn++)
        expect(await codeOf(buy(next, agent, shop))).toBe("ERR_FROZEN");
      expect(world.paid().count).toBe(5);
      const { owner } = next;
      expect(await owner.health()).toMatchObject({
        spending: false,
        unexplainedPayments: 5 - before,
      });
      const unexplained = await owner.unexplained();
      const made = world.network.payments().slice(before);
      expect(unexplained).toEqual(
        made.map(({ paymentHash }, paid) => ({
          paymentHash,
          why: "missing",
          amount: msat(10_000n),
          fee: msat(10n),
          unbooked: msat(COST),
          at: began + 100 * (paid + 1),
          foundAt: world.clock(),
        })),
      );

      // An owner's thaw says nothing about them.
      await owner.thaw();
      expect(await codeOf(buy(next, agent, shop))).toBe("ERR_FROZEN");
      const [scout] = (await owner.tree()).filter((node) => node.agent === "scout");
      for (const { paymentHash } of unexplained) {
        expect(await codeOf(buy(next, agent, shop))).toBe("ERR_FROZEN");
        await owner.explain(paymentHash, { as: "node", nodeId: scout!.id }, "the lost day");
      }
      expect(await spentBy(next, agent)).toEqual([5n * COST, 5n * COST]);
      expect(await spentBy(next, root)).toEqual([5n * COST]);
      // 50.05 of 60 sat are spent: none is left for a payment of 10 sat with its fee cap of 3 sat.
      expect(await codeOf(buy(next, agent, shop))).toBe("ERR_BUDGET");
      await buy(next, root, shop);
      expect(world.paid()).toEqual({ count: 6, msat: 6n * COST });
      expect((await auditLedger(books)).faults).toEqual([]);
    },
  );

  test("a payment is counted when it was made: a day's budget is free again a day after it", async () => {
    const { path, store, world, shop, root } = await start();
    const daily = root.delegate({ agent: "daily", budgetPerDay: "15 sat" });
    const nobody = root.delegate({ agent: "nobody", budgetPerDay: "15 sat" });
    await another(world, store).standing(daily.toString());
    await restorable(path);
    await buy(world.treasury, daily, shop);
    await store.close();
    world.clock.advance("20h");
    const next = another(world, await opened(`${path}.backup`));
    await failure(buy(next, daily, shop));
    const [lost] = await next.owner.unexplained();
    const tree = await next.owner.tree();
    const { id } = tree.find(({ agent }) => agent === "daily")!;
    await next.owner.explain(lost!.paymentHash, { as: "node", nodeId: id });
    expect(await codeOf(buy(next, daily, shop))).toBe("ERR_BUDGET");
    await buy(next, nobody, shop);
    world.clock.advance("5h");
    await buy(next, daily, shop);
  });

  test("what was explained is not asked for again after a restart, and what was not still stops", async () => {
    const { path, store, world, shop, root } = await start();
    await restorable(path);
    await buy(world.treasury, root, shop);
    await buy(world.treasury, root, shop);
    await store.close();
    let books = await openSqliteStore(`${path}.backup`);
    const first = another(world, books);
    const [one, two] = await first.owner.unexplained();
    await first.owner.explain(one!.paymentHash, { as: "own" });
    await books.close();
    books = await openSqliteStore(`${path}.backup`);
    const second = another(world, books);
    expect((await second.owner.unexplained()).map(({ paymentHash }) => paymentHash)).toEqual([
      two!.paymentHash,
    ]);
    expect(await codeOf(buy(second, root, shop))).toBe("ERR_FROZEN");
    await second.owner.explain(two!.paymentHash, { as: "own" });
    await books.close();
    const third = another(world, await opened(`${path}.backup`));
    expect(await third.owner.unexplained()).toEqual([]);
    await buy(third, root, shop);
    // The owner said that they were nobody's, so no budget has them.
    expect(await spentBy(third, root)).toEqual([COST]);
  });

  test("a copy that the owner let run beside the original is stopped at its next look-up, as is the original", async () => {
    const { path, world, shop, root } = await start();
    await buy(world.treasury, root, shop);
    await backupSqliteStore(path, `${path}.copy`);
    const copy = another(world, await opened(`${path}.copy`));
    await copy.owner.confirmBooks("the original is ended, I think");
    // At its start nothing is missing.
    await buy(copy, root, shop);
    await world.treasury.reconcile();
    expect(await codeOf(buy(world.treasury, root, shop))).toBe("ERR_FROZEN");
    await copy.reconcile();
    await buy(copy, root, shop);
    expect(world.paid().count).toBe(3);
  });
});

describe("a payment that no book has [case 105]", () => {
  test("stops spending at the next look-up, is journaled, and is over once the owner says that it was not the treasury's", async () => {
    const store = new MemoryStore({ journal: true });
    const world = await town({ store });
    const shop = await world.openShop();
    const root = world.mint();
    await buy(world.treasury, root, shop);
    const paymentHash = await payFromWallet(world);
    await world.treasury.reconcile();
    expect(await codeOf(buy(world.treasury, root, shop))).toBe("ERR_FROZEN");
    expect(world.alarms).toEqual([
      expect.stringMatching(`spending has stopped: .*${paymentHash} of 5 sat`),
    ]);
    const journal = await world.treasury.owner.journal(0, 1000);
    expect(journal.map(({ event }) => event)).toContainEqual({
      type: "directive",
      kind: "freeze",
      nodeId: `payment ${paymentHash}`,
      reason: expect.stringMatching(`${paymentHash} of 5 sat`),
    });
    // An agent does not learn what the owner's wallet paid.
    const { message } = await failure(buy(world.treasury, root, shop));
    expect(message).not.toContain(paymentHash);
    await world.treasury.owner.explain(paymentHash, { as: "own" }, "groceries");
    await world.treasury.reconcile();
    await buy(world.treasury, root, shop);
    expect(await spentBy(world.treasury, root)).toEqual([2n * COST]);
  });

  test("is none of new books: a wallet that has paid others before pays for them", async () => {
    const store = new MemoryStore();
    const world = await town({ store });
    await payFromWallet(world);
    world.clock.advance("10s");
    const shop = await world.openShop();
    const treasury = another(world, new MemoryStore());
    await buy(treasury, world.mint(), shop);
    await treasury.reconcile();
    await buy(treasury, world.mint(), shop);
    expect(world.alarms).toEqual([]);
    expect(world.paid().count).toBe(3);
  });

  test.for([600, -600])(
    "is found although the treasury's clock was %d s off the wallet's when the books were made, and older ones are none",
    async (skew) => {
      const world = await town();
      await payFromWallet(world);
      world.clock.advance("60s");
      let isOff = true;
      const treasury = another(world, new MemoryStore(), {
        clock: () => world.clock() + (isOff ? skew : 0),
      });
      await treasury.start();
      expect(await treasury.owner.unexplained()).toEqual([]);
      isOff = false;
      world.clock.advance("60s");
      const paymentHash = await payFromWallet(world);
      await treasury.reconcile();
      expect(await treasury.owner.unexplained()).toMatchObject([{ paymentHash }]);
    },
  );

  test.each([-590, 0, 590])(
    "is seen although the wallet was not reached when the books were made, by a clock %i s off",
    async (skew) => {
      const world = await town();
      const inner = devWallet(world.network.account("treasury").url);
      let isAway = true;
      const wallet: Payer = {
        ...inner,
        paidSince: async (from) => {
          if (isAway) throw new TypeError("no route to host");
          return inner.paidSince!(from);
        },
      };
      const clock = () => world.clock() + skew;
      const treasury = another(world, new MemoryStore(), { wallet, clock });
      await treasury.start();
      world.clock.advance("60s");
      const paymentHash = await payFromWallet(world);
      isAway = false;
      await treasury.reconcile();
      expect(await treasury.owner.unexplained()).toMatchObject([{ paymentHash, why: "missing" }]);
    },
  );

  test("is only an alarm, once, where the treasury says so, and for a client's own treasury", async () => {
    const world = await town({ unexplainedPayments: "alarm" });
    const shop = await world.openShop();
    const root = world.mint();
    await buy(world.treasury, root, shop);
    await payFromWallet(world);
    for (let turn = 0; turn < 2; turn++) await world.treasury.reconcile();
    expect(world.alarms).toEqual([expect.stringMatching(/^suspense: .* of 5 sat/)]);
    await buy(world.treasury, root, shop);
    expect(await world.treasury.owner.health()).toMatchObject({ spending: true });
  });

  test("is explained as what it can have been, and by a node that the treasury knows", async () => {
    const world = await town();
    const paymentHash = await payFromWallet(world);
    world.clock.advance("1s");
    const { owner } = world.treasury;
    await world.treasury.start();
    const later = await payFromWallet(world);
    await world.treasury.reconcile();
    expect((await owner.unexplained()).map((payment) => payment.paymentHash)).toEqual([later]);
    const refusal = { code: "ERR_REQUEST" };
    for (const explained of [
      owner.explain(paymentHash, { as: "own" }),
      owner.explain("ab".repeat(32), { as: "own" }),
      owner.explain(later, { as: "late" }),
      owner.explain(later, { as: "node", nodeId: "cd".repeat(16) }),
      owner.explain(later, { as: "whim" as "own" }),
      owner.explain("hash", { as: "own" }),
    ])
      await expect(explained).rejects.toMatchObject(refusal);
    expect(await owner.unexplained()).toHaveLength(1);
  });
});

describe("a payment that was made although it had failed", () => {
  /** A treasury whose wallet lies once: it pays, and says that it failed. */
  async function deceived() {
    const path = join(folder(), "treasury.db");
    const store = await opened(path);
    const world = await town();
    const inner = devWallet(world.network.account("treasury").url);
    let lies = 1;
    const wallet: Payer = {
      ...inner,
      pay: async (request) => {
        const outcome = await inner.pay(request);
        return lies-- > 0 ? { status: "failed", reason: "no route" } : outcome;
      },
    };
    const treasury = another(world, store, { wallet });
    const shop = await world.openShop();
    const root = world.mint({ expiresIn: "30d" });
    return { store, world, treasury, shop, root };
  }

  test.skipIf(!hasSqlite)(
    "is in the budgets, keeps its preimage, and stops spending until the owner has seen it; then it is used",
    async () => {
      const { store, world, treasury, shop, root } = await deceived();
      const order = (id: string) =>
        treasury.buy({
          id: `the-order-${id}`,
          credential: root.toString(),
          method: "GET",
          url: `${shop.url}/forecast`,
          headers: [],
        });
      expect(await codeOf(order("one"))).toBe("ERR_PAYMENT_FAILED");
      expect(await spentBy(treasury, root)).toEqual([0n]);
      await treasury.reconcile();
      expect(await codeOf(buy(treasury, root, shop))).toBe("ERR_FROZEN");
      expect(await spentBy(treasury, root)).toEqual([COST]);
      const { owner } = treasury;
      const [late] = await owner.unexplained();
      expect(late).toMatchObject({ why: "late", amount: msat(10_000n), unbooked: msat(0n) });
      const record = await store.payment(late!.paymentHash);
      expect(record).toMatchObject({
        status: "paid",
        preimage: expect.stringMatching(/^sigil:1:/),
      });
      const wrapping = new Wrapping(secretOf("the treasury"));
      expect(await wrapping.unwrap(record!.preimage!, placeOf(record!, "preimage"))).toMatch(
        /^[0-9a-f]{64}$/,
      );
      for (const wrong of [{ as: "own" }, { as: "node", nodeId: record!.nodeIds[0]! }] as const)
        await expect(owner.explain(late!.paymentHash, wrong)).rejects.toMatchObject({
          code: "ERR_REQUEST",
        });
      await owner.explain(late!.paymentHash, { as: "late" }, "the node was wrong");
      expect(await order("two")).toMatchObject({ kind: "credential" });
      expect(world.paid()).toEqual({ count: 1, msat: COST });
      expect(await spentBy(treasury, root)).toEqual([COST]);
      expect((await auditLedger(store)).faults).toEqual([]);
    },
  );

  test.for(["10s", "72h"] as const)(
    "%s after the owner gave it up is in the budgets, and stops spending",
    async (later) => {
      const world = await town();
      const shop = await world.openShop();
      const root = world.mint({ expiresIn: "30d" });
      world.network.fault({ kind: "stuck", delayMs: 0 });
      expect(await codeOf(buy(world.treasury, root, shop))).toBe("ERR_PAYMENT_UNKNOWN");
      const { paymentHash } = world.network.payments()[0]!;
      await world.treasury.owner.giveUp(paymentHash, "the channel is gone");
      expect(await spentBy(world.treasury, root)).toEqual([0n]);
      for (let turn = 0; turn < 2; turn++) {
        world.clock.advance(later);
        await world.treasury.reconcile();
      }
      await buy(world.treasury, root, shop);
      world.network.settle(paymentHash);
      await world.treasury.reconcile();
      expect(await codeOf(buy(world.treasury, root, shop))).toBe("ERR_FROZEN");
      expect(await spentBy(world.treasury, root)).toEqual([2n * COST]);
      expect(await world.treasury.owner.unexplained()).toMatchObject([
        { paymentHash, why: "late" },
      ]);
      await world.treasury.owner.explain(paymentHash, { as: "late" });
      await world.treasury.reconcile();
      await buy(world.treasury, root, shop);
      expect(world.paid().count).toBe(3);
    },
  );
});

describe("a treasury that dies while it writes down a payment that was made after it had failed", () => {
  /** The owner gave the payment up, the wallet made it, and the process dies at its settlement. */
  async function died(moment: "before" | "after") {
    const inner = new MemoryStore();
    let isDying = false;
    let isDead = false;
    const dead = () => Promise.reject(new AdapterError("ERR_STORE", "the process is dead"));
    const store = new Proxy(inner, {
      get(target, member) {
        const value: unknown = Reflect.get(target, member, target);
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          if (isDead) return dead();
          isDead = isDying && member === "settle";
          if (isDead && moment === "before") return dead();
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
    const world = await town({ store: new MemoryStore() });
    // Nothing but the given-up payment's own look-up finds it.
    const wallet: Payer = { ...devWallet(world.network.account("treasury").url) };
    Object.assign(wallet, { paidSince: undefined });
    const first = another(world, store, { wallet });
    const shop = await world.openShop();
    const root = world.mint();
    world.network.fault({ kind: "stuck", delayMs: 0 });
    expect(await codeOf(buy(first, root, shop))).toBe("ERR_PAYMENT_UNKNOWN");
    const { paymentHash } = world.network.payments()[0]!;
    await first.owner.giveUp(paymentHash, "the channel is gone");
    world.network.settle(paymentHash);
    isDying = true;
    await first.reconcile().catch(() => {});
    expect(isDead).toBe(true);
    const next = (more: Partial<TreasuryOptions> = {}) =>
      another(world, inner, { wallet, ...more });
    return { world, inner, shop, root, paymentHash, wallet, next };
  }

  test.each(["before", "after"] as const)(
    "%s its settlement is stopped after the restart, and the payment is booked once",
    async (moment) => {
      const { world, inner, shop, root, paymentHash, next } = await died(moment);
      const treasury = next();
      await treasury.start();
      expect(await treasury.owner.health()).toMatchObject({ spending: false });
      expect(await treasury.owner.unexplained()).toMatchObject([{ paymentHash, why: "late" }]);
      expect(await codeOf(buy(treasury, root, shop))).toBe("ERR_FROZEN");
      expect(await inner.payment(paymentHash)).toMatchObject({ status: "paid" });
      expect(await spentBy(treasury, root)).toEqual([COST]);
      await treasury.owner.explain(paymentHash, { as: "late" });
      await treasury.reconcile();
      await buy(treasury, root, shop);
      expect(world.paid().count).toBe(2);
    },
  );

  test("before its settlement, and its wallet is gone: the owner says whose payment it was", async () => {
    const { inner, root, paymentHash, wallet, next } = await died("before");
    const find: Payer["find"] = async () => ({ status: "unknown", reason: "it is another one" });
    const treasury = next({ wallet: { ...wallet, find } });
    await treasury.start();
    const { owner } = treasury;
    await expect(owner.explain(paymentHash, { as: "late" })).rejects.toMatchObject({
      code: "ERR_REQUEST",
    });
    const [node] = (await inner.payment(paymentHash))!.nodeIds;
    await owner.explain(paymentHash, { as: "node", nodeId: node! });
    expect(await spentBy(treasury, root)).toEqual([COST]);
    expect(await owner.health()).toMatchObject({ spending: true });
  });
});

test("a payment that the books have as failed stops spending while the wallet cannot prove it, and is in the books once it can", async () => {
  const world = await town();
  const inner = devWallet(world.network.account("treasury").url);
  let lies = true;
  const treasury = another(world, new MemoryStore(), {
    wallet: {
      ...inner,
      pay: async (request) => {
        const outcome = await inner.pay(request);
        return lies ? { status: "failed", reason: "no route" } : outcome;
      },
      find: async (hash) =>
        lies ? { status: "unknown", reason: "the line is cut" } : inner.find(hash),
    },
  });
  const shop = await world.openShop();
  const root = world.mint({ expiresIn: "1d" });
  expect(await codeOf(buy(treasury, root, shop))).toBe("ERR_PAYMENT_FAILED");
  await treasury.reconcile();
  expect(await codeOf(buy(treasury, root, shop))).toBe("ERR_FROZEN");
  const { paymentHash } = world.network.payments()[0]!;
  const waiting = { paymentHash, unbooked: msat(COST), why: "failed" };
  expect(await treasury.owner.unexplained()).toMatchObject([waiting]);
  expect(await spentBy(treasury, root)).toEqual([0n]);
  lies = false;
  // Longer ago than any list reaches back.
  world.clock.advance("12h");
  await treasury.reconcile();
  const late = { paymentHash, unbooked: msat(0n), why: "late" };
  expect(await treasury.owner.unexplained()).toMatchObject([late]);
  expect(await codeOf(buy(treasury, root, shop))).toBe("ERR_FROZEN");
  expect(await spentBy(treasury, root)).toEqual([COST]);
  await treasury.owner.explain(paymentHash, { as: "late" });
  await buy(treasury, root, shop);
});

describe("a payment that the books contradict", () => {
  test("because the wallet paid more than they have stops spending, and what is missing is counted", async () => {
    let extra = 0n;
    const world = await town();
    const inner = devWallet(world.network.account("treasury").url);
    const treasury = another(world, new MemoryStore(), {
      wallet: {
        ...inner,
        paidSince: async (at) =>
          (await inner.paidSince!(at)).map((payment) => ({
            ...payment,
            amountMsat: payment.amountMsat! + extra,
          })),
      },
    });
    const shop = await world.openShop();
    const root = world.mint();
    await buy(treasury, root, shop);
    // What a wallet of whole satoshis adds is no contradiction.
    extra = 990n;
    await treasury.reconcile();
    expect(await treasury.owner.unexplained()).toEqual([]);
    await buy(treasury, root, shop);
    extra = 40_000n;
    await treasury.reconcile();
    expect(await codeOf(buy(treasury, root, shop))).toBe("ERR_FROZEN");
    const [more] = await treasury.owner.unexplained();
    expect(more).toMatchObject({ why: "more", amount: msat(50_000n), unbooked: msat(40_000n) });
    const [node] = await treasury.owner.tree();
    await treasury.owner.explain(more!.paymentHash, { as: "node", nodeId: node!.id });
    expect(await spentBy(treasury, root)).toEqual([2n * COST + 40_000n]);
  });
});

describe("a wallet that does not list its payments", () => {
  const lists: readonly [string, Partial<Payer>][] = [
    ["has no list", {}],
    ["fails to list them", { paidSince: () => Promise.reject(new Error("not now")) }],
  ];
  test.for(lists)(
    "because it %s is reported at the start, once, and spending goes on",
    async ([, list]) => {
      const world = await town();
      const { paidSince: _, ...inner } = devWallet(world.network.account("treasury").url);
      const treasury = another(world, new MemoryStore(), { wallet: { ...inner, ...list } });
      await treasury.start();
      expect(world.alarms).toEqual([expect.stringContaining("does not list its payments")]);
      await treasury.reconcile();
      const shop = await world.openShop();
      await buy(treasury, world.mint(), shop);
      expect(world.alarms).toHaveLength(1);
    },
  );

  test.skipIf(!hasSqlite)(
    "nothing is paid before a wallet that was away at the start was compared",
    async () => {
      const { world, shop, root, store, path } = await start();
      await restorable(path);
      await buy(world.treasury, root, shop);
      await store.close();
      const wallet = devWallet(world.network.account("treasury").url);
      let isAway = true;
      const next = another(world, await opened(`${path}.backup`), {
        wallet: async () => {
          if (isAway) throw new Error("away");
          return wallet;
        },
      });
      await next.start();
      isAway = false;
      expect(await codeOf(buy(next, root, shop))).toBe("ERR_FROZEN");
      expect(world.paid().count).toBe(1);
    },
  );
});

test("two treasuries on one store do not stop each other [case 80]", async () => {
  class SharedStore extends MemoryStore {
    override readonly shared = true as unknown as false;
  }
  const store = new SharedStore();
  const world = await town({ store });
  const shop = await world.openShop();
  const other = another(world, store);
  const root = world.mint();
  for (let turn = 0; turn < 2; turn++)
    for (const treasury of [world.treasury, other]) {
      await buy(treasury, root, shop);
      await Promise.all([world.treasury.reconcile(), other.reconcile()]);
    }
  expect(world.alarms).toEqual([]);
  expect(world.paid().count).toBe(4);
  // What stops one of them stops both, and one explanation is for both.
  const paymentHash = await payFromWallet(world);
  await Promise.all([world.treasury.reconcile(), other.reconcile()]);
  for (const treasury of [world.treasury, other])
    expect(await codeOf(buy(treasury, root, shop))).toBe("ERR_FROZEN");
  await other.owner.explain(paymentHash, { as: "own" });
  await expect.poll(() => world.treasury.owner.unexplained()).toEqual([]);
  for (const treasury of [world.treasury, other]) await buy(treasury, root, shop);
  await world.treasury.stop();
});
