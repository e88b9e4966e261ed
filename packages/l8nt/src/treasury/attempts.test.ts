/**
 * Two treasuries on one store, and one of them is stopped for minutes between two of its own steps:
 * a payment is settled by its attempt, so each is in the books once.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import { auditLedger } from "../ledger/index.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Payer } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
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
import { guardedFetch, Treasury, type TreasuryOptions } from "./index.ts";

/** A payment of 10 sat with its fee. */
const COST = 10_010n;

class SharedStore extends MemoryStore {
  override readonly shared = true as unknown as false;
}

/** What another process sees of the store, with a step that can be made to wait. */
function handle(store: SharedStore): {
  readonly store: SharedStore;
  readonly stopped: ReturnType<typeof gate>;
  readonly wakes: ReturnType<typeof gate>;
  stopAfterBegin: boolean;
} {
  const [stopped, wakes] = [gate(), gate()];
  const own = {
    stopped,
    wakes,
    stopAfterBegin: false,
    store: new Proxy(store, {
      get(target, member) {
        const value: unknown = Reflect.get(target, member, target);
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          const answer: unknown = await Reflect.apply(value, target, args);
          if (member !== "begin" || !own.stopAfterBegin) return answer;
          own.stopAfterBegin = false;
          stopped.open();
          await wakes.opened;
          return answer;
        };
      },
    }),
  };
  return own;
}

async function two() {
  const store = new SharedStore({ journal: true });
  const world = await town({ store: new SharedStore() });
  const inner: Payer = devWallet(world.network.account("treasury").url);
  const process = (own: SharedStore, more: Partial<TreasuryOptions> = {}) => {
    const treasury = new Treasury({
      secret: secretOf("the treasury"),
      location: world.treasury.location,
      wallet: inner,
      store: own,
      fetch: guardedFetch({ allowLoopback: true }),
      clock: world.clock,
      // The payments end as a whole; what is revoked is not what is tested here.
      maxSilence: "1h",
      alarm: (what) => world.alarms.push(what),
      ...more,
    });
    onTestFinished(() => treasury.stop());
    return treasury;
  };
  const slow = handle(store);
  const [a, b] = [process(slow.store), process(store)];
  await Promise.all([a.start(), b.start()]);
  // The service asks for one and the same payment until it is paid.
  let challenge: Awaited<ReturnType<ReturnType<typeof challenger>["demand"]>> | undefined;
  const service = await site(async (request, response, url) => {
    if (request.headers.authorization !== undefined) return void response.end("served");
    challenge ??= await challenger(world, url).demand({ expirySeconds: 3600 });
    ask402(response, challenge);
  });
  const root = world.mint({ budget: "1000 sat", expiresIn: "1d" });
  const buy = (treasury: Treasury, credential: Credential = root) =>
    treasury.buy({
      id: crypto.randomUUID(),
      credential: credential.toString(),
      method: "GET",
      url: `${service.url}/a`,
      headers: [],
    });
  const books = async () => {
    const [record] = (await store.payments({ limit: 9 })) as readonly PaymentRecord[];
    const spent = (await b.standing(root.toString()))[0]!.spent[0]!.value;
    return { record: record!, spent, faults: (await auditLedger(store)).faults };
  };
  return { world, store, slow, a, b, buy, root, books };
}

/** A is stopped after it has begun; 800 s later B learns that the wallet never had the payment. */
async function stopped() {
  const stage = await two();
  const { world, slow, a, b, buy } = stage;
  slow.stopAfterBegin = true;
  const late = buy(a).then(
    () => "bought",
    (error: { code: string }) => error.code,
  );
  await slow.stopped.opened;
  world.clock.advance("800s");
  await b.reconcile();
  return { ...stage, late };
}

const paidOnce = (world: Town) => expect(world.paid()).toEqual({ count: 1, msat: COST });

test("an attempt that wakes up after another one has paid the same hash sends nothing and ends nothing", async () => {
  const { world, slow, late, b, buy, books } = await stopped();
  expect((await books()).record.status).toBe("failed");
  await buy(b);
  paidOnce(world);
  slow.wakes.open();
  expect(await late).not.toBe("bought");
  for (let turn = 0; turn < 2; turn++) {
    const { record, spent, faults } = await books();
    expect(record).toMatchObject({ status: "paid", preimage: expect.any(String) });
    expect({ spent, faults }).toEqual({ spent: COST, faults: [] });
    await b.reconcile();
  }
  paidOnce(world);
  expect(await b.owner.health()).toMatchObject({ spending: true });
});

test("an attempt that wakes up to a freeze does not release what another attempt is paying [case 59]", async () => {
  const { world, slow, late, a, b, buy, books } = await stopped();
  world.network.fault({ kind: "stuck", delayMs: 0 });
  expect(await failure(buy(b))).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
  const second = (await books()).record;
  expect(second.status).toBe("open");
  await a.owner.freeze();
  slow.wakes.open();
  expect(await late).not.toBe("bought");
  expect(await books()).toMatchObject({ record: second, spent: 13_000n, faults: [] });
  world.network.settle(second.paymentHash);
  world.clock.advance("200s");
  await b.reconcile();
  expect(await books()).toMatchObject({ record: { status: "paid" }, spent: COST, faults: [] });
  paidOnce(world);
});

test("a look-up of a stopped process that ends late does not free another process's attempt [case 59]", async () => {
  const { world, store, slow, b, buy, books } = await stopped();
  const [first] = await store.payments({ limit: 1 });
  world.network.fault({ kind: "stuck", delayMs: 0 });
  await failure(buy(b));
  const second = (await books()).record;
  expect(second.attemptId).not.toBe(first!.attemptId);
  // "never sent", of the first attempt, is written down only now.
  await slow.store.settle(first!.paymentHash, first!.attemptId, {
    status: "failed",
    at: world.clock(),
  });
  expect(await books()).toMatchObject({ record: second, spent: 13_000n, faults: [] });
  slow.wakes.open();
  world.network.settle(second.paymentHash);
  world.clock.advance("200s");
  await b.reconcile();
  expect(await books()).toMatchObject({ record: { status: "paid" }, spent: COST, faults: [] });
  paidOnce(world);
});

test("a payment that a stopped process had sent is in the books, although its attempt was given up", async () => {
  const { world, store, a, b, buy, books } = await two();
  world.network.fault({ kind: "stuck", delayMs: 0 });
  await failure(buy(a));
  const [sent] = await store.payments({ limit: 1 });
  await b.owner.giveUp(sent!.paymentHash, "it looked dead");
  expect((await books()).spent).toBe(0n);
  world.network.settle(sent!.paymentHash);
  await b.reconcile();
  expect(await books()).toMatchObject({ record: { status: "paid" }, spent: COST, faults: [] });
  paidOnce(world);
  for (const treasury of [a, b])
    await expect.poll(() => treasury.owner.health()).toMatchObject({ spending: false });
  await a.owner.explain(sent!.paymentHash, { as: "late" });
  await expect.poll(() => b.owner.health()).toMatchObject({ spending: true });
  // It bought the very thing: nothing is paid again.
  await buy(b);
  paidOnce(world);
});

test("the start of one treasury ends nothing that another one on the same store is doing [case 80]", async () => {
  const store = new SharedStore();
  const world = await town({ store });
  const [asked, answer] = [gate(), gate()];
  const slow = await site(async (request, response, url) => {
    if (request.headers.authorization === undefined)
      return ask402(
        response,
        await challenger(world, url).demand({
          scope: { endpoints: [`* ${url}/**`], expiresIn: "1h", maxUses: 1 },
        }),
      );
    asked.open();
    await answer.opened;
    response.end("served");
  });
  const agent = world.mint({ maxUses: 2 });
  const buy = (treasury: Treasury, path: string) =>
    treasury.buy({
      id: crypto.randomUUID(),
      credential: agent.toString(),
      method: "GET",
      url: slow.url + path,
      headers: [],
    });
  const first = buy(world.treasury, "/a");
  await asked.opened;
  world.clock.advance("60s");
  const other = new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
  });
  onTestFinished(() => other.stop());
  onTestFinished(() => world.treasury.stop());
  await other.start();
  const uses = async () =>
    (await other.standing(agent.toString()))[0]!.limits.find(
      ({ condition }) => condition === "max_uses",
    )!.used;
  // The use, and the pass of the order.
  expect(await store.abandoned(world.clock())).toHaveLength(2);
  expect(await uses()).toBe(1n);
  answer.open();
  const purchase = await first;
  expect(purchase.kind === "response" && (await purchase.response.text())).toBe("served");
  await expect.poll(() => store.abandoned(world.clock())).toEqual([]);
  expect(await uses()).toBe(1n);
  paidOnce(world);
});

test("an order whose service failed is answered without a second payment, although another treasury started and sold the same meanwhile [cases 80, 82]", async () => {
  const store = new SharedStore();
  const world = await town({ store, maxSilence: "1h" });
  const shop = await world.openShop({ price: "10 sat" });
  const [asked, fails] = [gate(), gate()];
  shop.answers.push((outgoing) => {
    asked.open();
    fails.opened.then(() => outgoing.writeHead(500).end("no"));
  });
  const agent = world.mint({ maxUses: 9 });
  const statusOf = async (treasury: Treasury, order: string) => {
    const request = { id: `the-order-${order}`, method: "GET", url: `${shop.url}/a`, headers: [] };
    const answer = await treasury.buy({ ...request, credential: agent.toString() });
    return answer.kind === "response" ? answer.response.status : answer.kind;
  };
  const first = statusOf(world.treasury, "one");
  await asked.opened;
  world.clock.advance("60s");
  const other = new Treasury({
    secret: secretOf("the treasury"),
    location: world.treasury.location,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    maxSilence: "1h",
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
  });
  onTestFinished(() => other.stop());
  onTestFinished(() => world.treasury.stop());
  await other.start();
  expect(await statusOf(other, "two")).toBe(200);
  fails.open();
  expect(await first).toBe(500);
  expect(await statusOf(world.treasury, "one")).toBe(200);
  expect(world.paid().count).toBe(2);
});

test("the use of a treasury that died is counted an hour later, by the next start on its store [case 89]", async () => {
  const store = new SharedStore();
  const world = await town({ store });
  const agent = world.mint({ maxUses: 1, expiresIn: "1d" });
  const { limits } = world.treasury.authority.verifier.authenticate(agent);
  const dead = { amount: { unit: "msat", value: 0n }, uses: 1n, counted: limits } as const;
  await store.reserve({ ...dead, id: "use.treasury.dead", at: world.clock() });
  for (const [wait, left] of [
    ["1s", 1],
    // Its clock may have been ten minutes behind.
    ["4199s", 1],
    ["1s", 0],
  ] as const) {
    world.clock.advance(wait);
    const treasury = new Treasury({
      secret: secretOf("the treasury"),
      location: world.treasury.location,
      wallet: devWallet(world.network.account("treasury").url),
      store,
      fetch: guardedFetch({ allowLoopback: true }),
      clock: world.clock,
    });
    await treasury.start();
    expect(await store.abandoned(world.clock() + 1)).toHaveLength(left);
    await treasury.stop();
  }
});

describe("one order at two treasuries whose clocks are ten minutes apart", () => {
  /** A's wallet waits before it hands the payment over, and so B has the order's retry. */
  async function apart(skew: number) {
    const store = new SharedStore();
    const world = await town({ store: new SharedStore() });
    const inner: Payer = devWallet(world.network.account("treasury").url);
    const [asked, go] = [gate(), gate()];
    const pay: Payer["pay"] = async (request) => {
      asked.open();
      await go.opened;
      return inner.pay(request);
    };
    const process = (wallet: Payer, clock: () => number) => {
      const treasury = new Treasury({
        secret: secretOf("the treasury"),
        location: world.treasury.location,
        fetch: guardedFetch({ allowLoopback: true }),
        alarm: (what) => world.alarms.push(what),
        maxSilence: "1h",
        ...{ store, wallet, clock },
      });
      onTestFinished(() => treasury.stop());
      return treasury;
    };
    const a = process({ ...inner, pay }, () => world.clock() + skew);
    const b = process(inner, world.clock);
    await Promise.all([a.start(), b.start()]);
    const shop = await world.openShop();
    const credential = world.mint({ budget: "1000 sat", expiresIn: "1d" }).toString();
    const order = { id: "the-one-order", method: "GET", url: `${shop.url}/a`, headers: [] };
    const buy = (treasury: Treasury) => treasury.buy({ ...order, credential });
    const first = buy(a).then(
      ({ kind }) => kind,
      (error: { code: string }) => error.code,
    );
    await asked.opened;
    return { world, store, b, buy, go, first };
  }

  test.each([-590, 0, 590])("and A's is %i s from B's: it is paid once", async (skew) => {
    const { world, b, buy, go, first } = await apart(skew);
    expect(await failure(buy(b))).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
    go.open();
    expect(await first).toBe("credential");
    expect(await buy(b)).toMatchObject({ kind: "credential" });
    paidOnce(world);
    expect(world.alarms).toEqual([]);
  });

  test("and A died before its payment left: B pays once no clock can have A alive", async () => {
    const { world, store, b, buy } = await apart(-590);
    // Sixty seconds for the payment, 120 for the wallet, and 600 for the clocks.
    world.clock.advance("189s");
    expect(await failure(buy(b))).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
    world.clock.advance("2s");
    expect(await buy(b)).toMatchObject({ kind: "credential" });
    paidOnce(world);
    expect((await store.payments({ limit: 9 })).map(({ status }) => status)).toEqual([
      "paid",
      "failed",
    ]);
  });

  test("and A died after its payment left: B delivers it at once, and pays nothing", async () => {
    const { world, store, b, buy } = await apart(-590);
    const [open] = await store.openPayments();
    await devWallet(world.network.account("treasury").url).pay({
      invoice: open!.invoice,
      paymentHash: open!.paymentHash,
      amountMsat: 10_000n,
      maxFeeMsat: 1000n,
      timeoutSeconds: 60,
    });
    expect(await buy(b)).toMatchObject({ kind: "credential" });
    paidOnce(world);
  });
});

test("one order at two treasuries at once accuses nobody, if one is served what the other presents", async () => {
  const store = new SharedStore();
  const world = await town({ store: new SharedStore() });
  const shop = await world.openShop({ price: "10 sat" });
  // More than a service keeps for a repeated request.
  for (let turn = 0; turn < 9; turn++)
    shop.answers.push((response) => void response.end("x".repeat(70_000)));
  const guarded = guardedFetch({ allowLoopback: true });
  const [presents, goesOn] = [gate(), gate()];
  const process = (fetcher: typeof fetch) => {
    const treasury = new Treasury({
      secret: secretOf("the treasury"),
      location: world.treasury.location,
      wallet: devWallet(world.network.account("treasury").url),
      store,
      fetch: fetcher,
      clock: world.clock,
      alarm: (what) => world.alarms.push(what),
    });
    onTestFinished(() => treasury.stop());
    return treasury;
  };
  const a = process(async (input, init) => {
    if (new Headers(init?.headers).has("authorization")) {
      presents.open();
      await goesOn.opened;
    }
    return guarded(input, init);
  });
  const b = process(guarded);
  await Promise.all([a.start(), b.start()]);
  const agent = world
    .mint({ budget: "1000 sat", expiresIn: "1d" })
    .delegate({ agent: "x", maxUses: 50 }, { now: world.clock() });
  const order = {
    id: "order-of-both",
    credential: agent.toString(),
    method: "GET",
    url: `${shop.url}/a`,
    headers: [],
  };
  const first = a.buy(order).catch((error: unknown) => error);
  await presents.opened;
  const second = await b.buy(order);
  expect(second).toMatchObject({ kind: "response", response: { status: 200 } });
  goesOn.open();
  await first;
  const [record] = await store.payments({ limit: 9 });
  expect(record).not.toHaveProperty("closed");
  expect(record!.status).not.toBe("undelivered");
  expect(world.alarms.join()).not.toContain("deliver");
});
