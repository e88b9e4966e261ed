/** A whole treasury in one call: it signs receipts, follows open payments, and ends in order. */
import { Client } from "l8nt";
import { expect, onTestFinished, test, vi } from "vitest";
import { msat } from "../amount.ts";
import type { Credential } from "../l402/index.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import { verifyChain } from "../receipt/chain.ts";
import { ReceiptKey, ReceiptSigner } from "../receipt/key.ts";
import { MemoryStore } from "../stores/memory.ts";
import { failure, secretOf, type Town, town } from "../testing/fixtures/town.ts";
import { buy } from "../testing/payment-laws.ts";
import { devWallet } from "../wallets/dev.ts";
import { guardedFetch, type ServeTreasuryOptions, serveTreasury, treasuryApi } from "./index.ts";

const LOCATION = "http://127.0.0.1:8409";

async function served(options: Partial<ServeTreasuryOptions> = {}) {
  const world = await town();
  const store = new MemoryStore({ journal: true });
  const alarms: string[] = [];
  const running = await serveTreasury({
    secret: secretOf("the served treasury"),
    location: LOCATION,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    fetch: guardedFetch({ allowLoopback: true }),
    clock: world.clock,
    alarm: (what) => void alarms.push(what),
    ...options,
  });
  onTestFinished(() => running.stop());
  const { treasury } = running;
  const agent = treasury.mint({
    endpoints: ["* http://127.0.0.1:*/**"],
    budget: "1000 sat",
    expiresIn: "1h",
  });
  return { world, store, alarms, running, treasury, agent, ask: asking(running.handler) };
}

const asking =
  (handler: (request: Request) => Promise<Response>, location = LOCATION) =>
  (path: string, credential: { toString(): string }, body?: object): Promise<Response> =>
    handler(
      new Request(location + path, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );

const order = (url: string) => ({ id: crypto.randomUUID(), method: "GET", url, headers: [] });

/** What a reader of `/v1/receipts` gets, verified with the public key alone. */
async function receiptsOf(answer: Response, publicKey: string) {
  expect(answer.status).toBe(200);
  const { receipts } = (await answer.json()) as { receipts: readonly ReceiptRow[] };
  const lines = receipts.map(({ text }) => text);
  if (lines.length > 0) expect(await verifyChain(lines, publicKey)).toMatchObject({ holds: true });
  return lines;
}

test("an agent reads the signed receipt of what it paid, and the owner reads it, too", async () => {
  const { world, running, treasury, agent, ask } = await served();
  const shop = await world.openShop();
  expect((await ask("/v1/purchases", agent, order(`${shop.url}/a`))).status).toBe(200);
  const own = await receiptsOf(await ask("/v1/receipts", agent), running.receiptKey);
  expect(own).toHaveLength(1);
  const { paymentHash } = world.network.payments()[0]!;
  expect(own[0]).toContain(paymentHash);
  const owner = treasury.owner.mint({ expiresIn: "1h" });
  expect(await receiptsOf(await ask("/v1/owner/receipts", owner), running.receiptKey)).toEqual(own);
});

test("an embedded treasury signs receipts, too", async () => {
  const world: Town = await town();
  const shop = await world.openShop();
  const client = new Client({
    wallet: devWallet(world.network.account("treasury").url),
    clock: world.clock,
    treasury: { location: LOCATION },
  });
  expect((await client.get(`${shop.url}/a`)).status).toBe(200);
  const ask = asking(treasuryApi(client.treasury));
  const credential = client.credential as Credential;
  const treasury = await client.treasury!.open();
  const key = await treasury.receiptKey();
  expect(await receiptsOf(await ask("/v1/receipts", credential), key)).toHaveLength(1);
  expect(await treasury.owner.receipts()).toHaveLength(1);
});

test("receipts are signed with the seed that is given, else with a key of the secret's own", async () => {
  const seed = new Uint8Array(32).fill(7);
  const { running } = await served({ receiptSeed: seed });
  expect(running.receiptKey).toBe((await ReceiptSigner.fromSeed(seed)).publicKey);
  const [one, same, other] = await Promise.all([
    served(),
    served(),
    served({ secret: secretOf("another") }),
  ]);
  expect(one.running.receiptKey).toBe(same.running.receiptKey);
  expect(other.running.receiptKey).not.toBe(one.running.receiptKey);
});

test("a revocation is in the feed, signed with the key of the receipts", async () => {
  const { running, treasury, agent, ask } = await served();
  const { id } = treasury.authority.verifier.authenticate(agent).node;
  await treasury.owner.revoke(id);
  const page = await (await ask("/.well-known/l402/revocations", "")).text();
  expect(page).toContain(id);
  const key = await ReceiptKey.of(running.receiptKey);
  expect(page).toContain(key.keyId);
});

test("a payment whose answer was lost is looked up, and the look-up is reported", async () => {
  const lookedUp: number[] = [];
  const { world, treasury, agent, ask } = await served({
    lookUpEvery: "1s",
    onLookUp: (stillOpen) => void lookedUp.push(stillOpen),
  });
  const shop = await world.openShop();
  world.network.fault({ kind: "reply-lost" });
  expect((await ask("/v1/purchases", agent, order(`${shop.url}/a`))).status).toBe(502);
  expect(await treasury.owner.payments()).toMatchObject([{ status: "open" }]);
  await expect.poll(() => lookedUp, { timeout: 10_000 }).toEqual([0]);
  expect(await treasury.owner.payments()).toMatchObject([{ status: "paid" }]);
});

test("a wallet that cannot pay is refused at the start; one that is opened later is not looked at", async () => {
  const world = await town();
  const wallet = devWallet(world.network.account("treasury").invoiceOnlyUrl);
  expect(await failure(served({ wallet }))).toMatchObject({
    code: "ERR_WALLET",
    message: expect.stringContaining("may not pay"),
  });
  await served({ wallet: async () => wallet });
});

test("stop makes the receipts that are missing and leaves the store open", async () => {
  const { world, store, alarms, running, agent, ask } = await served();
  const shop = await world.openShop();
  const append = store.appendReceipts.bind(store);
  store.appendReceipts = () => Promise.reject(new Error("the disk is full"));
  await ask("/v1/purchases", agent, order(`${shop.url}/a`));
  await expect.poll(() => alarms.join()).toContain("a receipt could not be made");
  store.appendReceipts = append;
  expect(await store.receipts(0, 10)).toEqual([]);
  await running.stop();
  expect(await store.receipts(0, 10)).toHaveLength(1);
});

test("stop waits for a purchase under way", async () => {
  const { world, running, agent, ask } = await served();
  const shop = await world.openShop();
  const bought = ask("/v1/purchases", agent, order(`${shop.url}/a`));
  let isAnswered = false;
  bought.then(() => {
    isAnswered = true;
  });
  await running.stop();
  expect(isAnswered).toBe(true);
});

test("a receipt that cannot be made is an alarm, and is made the next time", async () => {
  const { world, store, alarms, running, agent, ask } = await served();
  const shop = await world.openShop();
  const append = store.appendReceipts.bind(store);
  store.appendReceipts = () => Promise.reject(new Error("the disk is full"));
  await ask("/v1/purchases", agent, order(`${shop.url}/a`));
  expect(await receiptsOf(await ask("/v1/receipts", agent), running.receiptKey)).toEqual([]);
  expect(alarms.join("\n")).toContain("a receipt could not be made");
  store.appendReceipts = append;
  expect(await receiptsOf(await ask("/v1/receipts", agent), running.receiptKey)).toHaveLength(1);
});

test.each([
  [{ lookUpEvery: 15 }, /lookUpEvery/],
  [{ maxfee: "3 sat" }, /"maxfee".*"maxFee"/],
])("the option %o is refused by name", async (options, why) => {
  expect((await failure(served(options as never))).message).toMatch(why);
});

/** A store that several processes share, which counts the reads of its log. */
class SharedStore extends MemoryStore {
  override readonly shared = true as unknown as false;
  reads = 0;
  fault: Error | undefined;

  override async directives(after: number) {
    this.reads++;
    return super.directives(after);
  }

  override async abandoned(before: number) {
    if (this.fault !== undefined) throw this.fault;
    return super.abandoned(before);
  }
}

test("a start that fails follows nothing afterwards", async () => {
  const store = new SharedStore();
  store.fault = new Error("the store is gone");
  expect(await failure(served({ store }))).toBe(store.fault);
  const { reads } = store;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(store.reads).toBe(reads);
});

test("a start that is tried again follows once, until stop", async () => {
  const store = new SharedStore();
  const { treasury } = await town({ store });
  store.fault = new Error("the store is gone");
  for (let attempt = 0; attempt < 3; attempt++)
    await expect(treasury.start()).rejects.toBe(store.fault);
  store.fault = undefined;
  await treasury.start();
  await treasury.stop();
  const { reads } = store;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(store.reads).toBe(reads);
});

test("stop ends the streams of the revocation feed, and answers those who wait", async () => {
  const { running } = await served();
  const follow = (query: string, accept: string) =>
    running.handler(
      new Request(`${LOCATION}/.well-known/l402/revocations${query}`, { headers: { accept } }),
    );
  const stream = (await follow("", "application/x-ndjson")).body!.getReader();
  expect((await stream.read()).done).toBe(false);
  const waiting = follow("?after=0&wait=25", "application/json");
  await running.stop();
  expect((await stream.read()).done).toBe(true);
  expect((await waiting).status).toBe(200);
});

test("stop ends in time, also with a store that never answers", async () => {
  const { running, store } = await served();
  let answer = (_rows: []): void => {};
  store.unreceipted = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  let isStopped = false;
  const stopped = running.stop().then(() => {
    isStopped = true;
  });
  await vi.advanceTimersByTimeAsync(1_900);
  expect(isStopped).toBe(false);
  await vi.advanceTimersByTimeAsync(3_100);
  expect(isStopped).toBe(true);
  await stopped;
  store.unreceipted = async () => [];
  answer([]);
});

test("stop ends within 5 seconds whatever the backlog of receipts, and the next start makes them", async () => {
  const PAID = 1_000;
  const { world, running, store, ask, treasury } = await served();
  const little = { amount: msat(10n), maxFee: msat(20n) };
  for (let nth = 0; nth < PAID; nth++) await buy(store, little, world.clock());
  const append = store.appendReceipts.bind(store);
  store.appendReceipts = async (rows) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return append(rows);
  };
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const owner = treasury.owner.mint({ expiresIn: "1h" });
  // It waits for every receipt, and must not hold up the stop.
  const read = ask("/v1/owner/receipts", owner);
  await vi.advanceTimersByTimeAsync(1_000);
  let isStopped = false;
  const stopped = running.stop().then(() => {
    isStopped = true;
  });
  for (let ms = 0; ms < 5_000; ms += 50) {
    await vi.advanceTimersByTimeAsync(50);
    // What is read and written in parts takes turns of the event loop beside the time.
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  }
  expect(isStopped).toBe(true);
  await stopped;
  expect((await read).status).toBe(200);
  const made = (await store.receipts(0, PAID)).length;
  expect(made).toBeGreaterThan(0);
  expect(made).toBeLessThan(PAID);
  vi.useRealTimers();
  store.appendReceipts = append;
  const next = await serveTreasury({
    secret: secretOf("the served treasury"),
    location: LOCATION,
    wallet: devWallet(world.network.account("treasury").url),
    store,
    clock: world.clock,
  });
  await next.stop();
  const rows = await store.receipts(0, 2 * PAID);
  expect(new Set(rows.map(({ paymentHash }) => paymentHash)).size).toBe(PAID);
  const lines = rows.map(({ text }) => text);
  expect(await verifyChain(lines, next.receiptKey)).toMatchObject({ holds: true });
});

test("a stopped treasury answers every request with 503, and pays nothing", async () => {
  const { world, running, agent, ask } = await served();
  const shop = await world.openShop();
  expect((await ask("/v1/purchases", agent, order(`${shop.url}/a`))).status).toBe(200);
  const paid = world.network.payments.length;
  await running.stop();
  for (const body of [undefined, order(`${shop.url}/b`)]) {
    const answer = await ask(body === undefined ? "/v1/tree" : "/v1/purchases", agent, body);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: "ERR_TREASURY_STOPPED" });
  }
  expect(world.network.payments).toHaveLength(paid);
});
