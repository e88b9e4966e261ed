/** What happens between a look and a deed: each of these was once a hole. */

import { describe, expect, test } from "vitest";
import type { Amount } from "../amount.ts";
import { limited } from "../http/limited-stream.ts";
import { Invoice } from "../invoice/index.ts";
import type { Credential } from "../l402/index.ts";
import type { Payer } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import {
  ask402,
  challenger,
  failure,
  gate,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";

const buy = (world: Town, credential: Credential, url: string) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
  });

/** A wallet that waits at a gate before it pays. */
function gatedWallet() {
  const [asked, open] = [gate(), gate()];
  let inner: Payer | undefined;
  const wallet: Payer = {
    network: () => inner!.network(),
    async pay(request) {
      asked.open();
      await open.opened;
      return inner!.pay(request);
    },
    find: (hash) => inner!.find(hash),
  };
  return {
    asked,
    open,
    wallet,
    connect: (world: Town) => (inner = devWallet(world.network.account("treasury").url)),
  };
}

test("a service that hangs up after it was paid and then asks again is paid once, then not at all [cases 62, 72]", async () => {
  const world = await town();
  let asked = 0;
  const cheat = await site(async (request, response, url) => {
    const isPaid = request.headers.authorization !== undefined;
    if (isPaid && asked++ < 3) return void response.destroy();
    ask402(response, await challenger(world, url).demand({ enforced: undefined }));
  });
  const root = world.mint();
  for (let times = 0; times < 6; times++)
    expect(await failure(buy(world, root, `${cheat.url}/a`))).toMatchObject({
      name: "PaymentError",
    });
  expect(world.network.payments()).toHaveLength(1);
  // The owner is told, without an accusation: a link that broke looks the same.
  expect(world.alarms).toEqual([
    expect.stringMatching(/a broken link, a gateway, or a service that hangs up/),
  ]);
});

test("one hash under two intents: the second one, refused, does not free the first, which is being paid [cases 59, 64]", async () => {
  const { asked, open, wallet, connect } = gatedWallet();
  const world = await town({ wallet });
  connect(world);
  let challenge: Awaited<ReturnType<ReturnType<typeof challenger>["demand"]>> | undefined;
  const hostile = await site(async (_request, response, url) => {
    challenge ??= await challenger(world, url).demand();
    ask402(response, challenge);
  });
  const root = world.mint();
  const first = buy(world, root, `${hostile.url}/a`).catch((error: unknown) => error);
  await asked.opened;
  // A payee that is known, so that the second one is not kept waiting for the first.
  await world.treasury.owner.allowPayee(hostile.url, Invoice.decode(challenge!.invoice).payee);
  expect(await failure(buy(world, root, `${hostile.url}/b`))).toMatchObject({
    code: "ERR_PAYMENT_REPEATED",
  });
  expect(await world.treasury.reconcile()).toEqual({ stillOpen: 1 });
  open.open();
  await first;
  expect(await world.spent(root)).toBe(world.paid().msat);
  expect(world.paid().count).toBe(1);
});

test("an agent's claim about a credential that another request is using does not take it away [case 88]", async () => {
  const store = new MemoryStore();
  const world = await town({ store });
  const [asked, go] = [gate(), gate()];
  const shop = await site(async (request, response, url) => {
    const { authorization } = request.headers;
    if (authorization === undefined)
      return ask402(
        response,
        await challenger(world, url).demand({
          enforced: undefined,
          scope: { endpoints: [`* ${url}/**`], expiresIn: "1h", maxUses: 1 },
        }),
      );
    asked.open();
    await go.opened;
    response.end("served");
  });
  const root = world.mint();
  const first = buy(world, root, `${shop.url}/a`);
  await asked.opened;
  const [record] = await store.payments({ limit: 1 });
  const second = world.treasury.buy({
    id: crypto.randomUUID(),
    credential: root.toString(),
    method: "GET",
    url: `${shop.url}/b`,
    headers: [],
    refused: { paymentHash: record!.paymentHash, mayBeUsed: true },
  });
  await expect.poll(() => world.paid().count).toBe(2);
  go.open();
  await Promise.all([first, second]);
  const used = shop.received.flatMap(({ headers }) => headers.authorization ?? []);
  expect(new Set(used.map((text) => text.slice(-64))).size).toBe(2);
  expect(world.alarms).toEqual([]);
});

test("a payment that is being made cannot be given up", async () => {
  const { asked, open, wallet, connect } = gatedWallet();
  const store = new MemoryStore();
  const world = await town({ wallet, store });
  connect(world);
  const shop = await world.openShop();
  const root = world.mint();
  const buying = buy(world, root, `${shop.url}/a`);
  await asked.opened;
  const [record] = await store.openPayments();
  await expect(world.treasury.owner.giveUp(record!.paymentHash, "I say so")).rejects.toMatchObject({
    code: "ERR_REQUEST",
  });
  open.open();
  expect(await buying).toHaveProperty("payment");
});

describe("an agent that is revoked or frozen while an invoice is checked does not pay [cases 50, 111]", () => {
  test.each(["freeze", "revoke"] as const)("%s", async (verb) => {
    const [reached, go] = [gate(), gate()];
    class Slow extends MemoryStore {
      override async payees(origin: string) {
        reached.open();
        await go.opened;
        return super.payees(origin);
      }
    }
    const world = await town({ store: new Slow() });
    const shop = await world.openShop();
    const child = world.mint().delegate({ agent: "scout" });
    const buying = failure(buy(world, child, `${shop.url}/a`) as Promise<unknown>);
    await reached.opened;
    const [, { id }] = (await world.treasury.standing(child.toString())) as [
      unknown,
      { id: string },
    ];
    await world.treasury.owner[verb](id);
    go.open();
    expect(await buying).toMatchObject({ code: verb === "freeze" ? "ERR_FROZEN" : "ERR_REVOKED" });
    expect(world.network.payments()).toEqual([]);
    expect(await world.treasury.owner.health()).toMatchObject({ openPayments: 0 });
  });
});

test("forty first payments at once are one first payment, so maxFirstPayment holds [cases 70, 86]", async () => {
  const world = await town({ maxFirstPayment: "10 sat" });
  let asked = 0;
  const riser = await site(async (request, response, url) => {
    if (request.headers.authorization !== undefined) return void response.end("served");
    ask402(
      response,
      await challenger(world, url).demand({
        enforced: undefined,
        amountMsat: asked++ === 0 ? 10_000n : 500_000n,
      }),
    );
  });
  const root = world.mint({ maxPrice: "20 sat" });
  const answers = await Promise.allSettled(
    Array.from({ length: 40 }, (_, at) => buy(world, root, `${riser.url}/${at}`)),
  );
  expect(answers.filter(({ status }) => status === "fulfilled").length).toBeLessThanOrEqual(1);
  expect(world.paid().msat).toBeLessThanOrEqual(10_010n);
});

test("a use that cannot be written down does not take away what was bought [case 108]", async () => {
  class Failing extends MemoryStore {
    fails = false;
    override commit(id: string, amount: Amount, at: number) {
      return this.fails
        ? Promise.reject(new Error("the disk is full"))
        : super.commit(id, amount, at);
    }
  }
  const store = new Failing();
  const world = await town({ store });
  const shop = await world.openShop();
  const counted = world.mint().delegate({ agent: "counted", maxUses: 5 });
  store.fails = true;
  const bought = await buy(world, counted, `${shop.url}/a`);
  expect(bought.kind === "response" && (await bought.response.text())).toContain("served");
  expect(world.alarms).toEqual([expect.stringContaining("a use could not be written down")]);
});

test("a relayed body that nobody reads ends at its time-out", async () => {
  const ended = gate();
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (sink) => sink.enqueue(new Uint8Array(10)),
  });
  const body = limited(endless, { maxBytes: 1000, idleSeconds: 3600, totalSeconds: 0 }, ended.open);
  await ended.opened;
  await expect(body.getReader().read()).rejects.toMatchObject({ code: "ERR_SERVICE_UNREACHABLE" });
});

test("a late answer about the first attempt at a hash does not end the second attempt", async () => {
  const [asked, answer] = [gate(), gate()];
  let inner: Payer | undefined;
  let isSlow = false;
  const wallet: Payer = {
    network: () => inner!.network(),
    pay: (request) => inner!.pay(request),
    async find(hash) {
      if (!isSlow) return inner!.find(hash);
      asked.open();
      await answer.opened;
      return { status: "never-sent", reason: "as far as it knew" };
    },
  };
  const store = new MemoryStore();
  const world = await town({ wallet, store });
  inner = devWallet(world.network.account("treasury").url);
  let challenge: Awaited<ReturnType<ReturnType<typeof challenger>["demand"]>> | undefined;
  const service = await site(async (_request, response, url) => {
    challenge ??= await challenger(world, url).demand();
    ask402(response, challenge);
  });
  const root = world.mint();
  world.network.fault({ kind: "stuck", delayMs: 0 });
  await failure(buy(world, root, `${service.url}/a`));
  isSlow = true;
  const late = world.treasury.reconcile();
  await asked.opened;
  // Meanwhile the owner gives the first attempt up, the network ends it, and the same hash is begun
  // anew, and stays open.
  const { paymentHash, attemptId } = (await store.openPayments())[0]!;
  await store.settle(paymentHash, attemptId, { status: "failed", at: world.clock() });
  world.network.fail(paymentHash);
  world.network.fault({ kind: "stuck", delayMs: 0 });
  await failure(buy(world, root, `${service.url}/a`));
  answer.open();
  expect(await late).toEqual({ stillOpen: 1 });
  expect(await world.spent(root)).toBe(13_000n);
});

test("an alarm that throws, the clock's included, stops nothing", async () => {
  const store = new MemoryStore();
  await store.note("from the future", 2_000_000_500);
  const world = await town({
    store,
    alarm: () => {
      throw new Error("nobody listens");
    },
  });
  const shop = await world.openShop();
  world.clock.set(world.clock() - 200);
  expect(
    await failure(buy(world, world.mint({ expiresIn: "1m" }), `${shop.url}/a`)),
  ).not.toMatchObject({
    message: "nobody listens",
  });
  world.clock.advance("2000s");
  expect(await buy(world, world.mint(), `${(await world.openShop()).url}/a`)).toHaveProperty(
    "payment",
  );
});
