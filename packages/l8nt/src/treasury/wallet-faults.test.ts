/**
 * What a wallet does to a payment: a reservation is kept as long as money may have moved, and
 * nothing is paid twice.
 */

import { describe, expect, test } from "vitest";
import { msat } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import type { Payer, PaymentOutcome, PaymentRequest } from "../ports/wallet.ts";
import { MemoryStore } from "../stores/memory.ts";
import { failure, gate, introduce, type Shop, type Town, town } from "../testing/fixtures/town.ts";
import type { FaultKind } from "../testing/index.ts";
import { devWallet } from "../wallets/dev.ts";

const buyer = (world: Town, shop: Shop, credential = world.mint()) => ({
  credential,
  buy: (path = "/forecast") =>
    world.treasury.buy({
      id: crypto.randomUUID(),
      credential: credential.toString(),
      method: "GET",
      url: shop.url + path,
      headers: [],
    }),
  spent: () => world.spent(credential),
});

/** 10 sat, and the most that routing may cost. */
const RESERVED = 13_000n;

/** The network's own books: nothing appears and nothing is lost. */
function expectSound({ network }: Town) {
  const { fundedMsat, balancesMsat, inFlightMsat, feesMsat } = network.totals();
  expect(balancesMsat + inFlightMsat + feesMsat).toBe(fundedMsat);
}

describe("a payment whose reply is lost is found again", () => {
  test.each<FaultKind>(["reply-lost", "half-json", "server-error"])(
    "%s: held until the wallet is asked, then used without paying again [cases 56, 75]",
    async (kind) => {
      const world = await town();
      const shop = await world.openShop();
      const { buy, spent } = buyer(world, shop);
      world.network.fault({ kind });
      expect(await failure(buy())).toMatchObject({
        name: "PaymentError",
        code: "ERR_PAYMENT_UNKNOWN",
        spent: "unknown",
      });
      expect(await spent()).toBe(RESERVED);
      expect(world.paid().count).toBe(1);
      // The same intent: the wallet is asked first, and what was bought is used. [case 63]
      expect(await buy()).toMatchObject({ kind: "credential" });
      expect(world.network.payments()).toHaveLength(1);
      expect(await spent()).toBe(world.paid().msat);
      expectSound(world);
    },
  );

  test("while the wallet cannot say, nothing is paid for that intent [cases 57, 63]", async () => {
    const world = await town();
    const { buy, spent } = buyer(world, await world.openShop());
    world.network.fault({ kind: "reply-lost" });
    world.network.fault({ kind: "server-error", on: "find", times: 3 });
    for (let asked = 0; asked < 4; asked++)
      expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
    expect(await spent()).toBe(RESERVED);
    expect(world.network.payments()).toHaveLength(1);
    await buy();
    expect(world.network.payments()).toHaveLength(1);
  });

  test("another intent of the same agent may pay, within what the open one leaves [case 52]", async () => {
    const world = await town();
    const { buy, spent } = buyer(world, await world.openShop(), world.mint({ budget: "25 sat" }));
    world.network.fault({ kind: "reply-lost" });
    await failure(buy("/a"));
    expect(await failure(buy("/b"))).toMatchObject({
      name: "BudgetError",
      code: "ERR_BUDGET",
      spent: "no",
    });
    await buy("/a");
    expect(await spent()).toBe(world.paid().msat);
    await buy("/b");
    expect(world.paid().count).toBe(2);
  });
});

describe("a payment that is stuck [case 58]", () => {
  test("stays reserved for ever, until the network knows: then it is used [cases 52, 57]", async () => {
    const world = await town();
    const { buy, spent } = buyer(world, await world.openShop(), world.mint({ expiresIn: "365d" }));
    world.network.fault({ kind: "stuck", delayMs: 0 });
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
    world.clock.advance("1800s");
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
    expect(await spent()).toBe(RESERVED);
    expect(await world.treasury.reconcile()).toEqual({ stillOpen: 1 });
    world.network.settle(world.network.payments()[0]!.paymentHash);
    expect(await world.treasury.reconcile()).toEqual({ stillOpen: 0 });
    expect(await buy()).toMatchObject({ kind: "credential" });
    expect(world.network.payments()).toHaveLength(1);
    expect(await spent()).toBe(world.paid().msat);
  });

  test("is not given up after 30 days, and counts if it lands then [cases 52, 57]", async () => {
    const world = await town();
    const { buy, spent } = buyer(world, await world.openShop(), world.mint({ expiresIn: "365d" }));
    world.network.fault({ kind: "stuck", delayMs: 0 });
    await failure(buy());
    world.clock.advance("2592000s");
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
    expect(await world.treasury.owner.health()).toMatchObject({
      openPayments: 1,
      stuckPayments: 1,
    });
    expect(await spent()).toBe(RESERVED);
    world.network.settle(world.network.payments()[0]!.paymentHash);
    expect(await world.treasury.reconcile()).toEqual({ stillOpen: 0 });
    expect(await spent()).toBe(world.paid().msat);
  });

  test("is given up only if the owner says so, and that is in the journal [case 58]", async () => {
    const store = new MemoryStore({ journal: true });
    const world = await town({ store });
    const { buy, spent } = buyer(world, await world.openShop());
    world.network.fault({ kind: "stuck", delayMs: 0 });
    await failure(buy());
    const { paymentHash } = world.network.payments()[0]!;
    await world.treasury.owner.giveUp(paymentHash, "the channel was closed by force");
    expect(await spent()).toBe(0n);
    expect(await failure(world.treasury.owner.giveUp(paymentHash, "again"))).toMatchObject({
      code: "ERR_REQUEST",
    });
    const notes = (await store.journal(0, 100)).flatMap(({ event }) =>
      event.type === "note" ? event.text : [],
    );
    expect(notes).toEqual([
      `override: payment ${paymentHash} was given up: the channel was closed by force`,
    ]);
  });

  test("is given back once the network says that it failed, and may then be paid anew", async () => {
    const world = await town();
    const { buy, spent } = buyer(world, await world.openShop());
    world.network.fault({ kind: "stuck", delayMs: 0 });
    await failure(buy());
    world.network.fail(world.network.payments()[0]!.paymentHash);
    expect(await world.treasury.reconcile()).toEqual({ stillOpen: 0 });
    expect(await spent()).toBe(0n);
    await buy();
    expect(world.paid().count).toBe(1);
    expect(await spent()).toBe(world.paid().msat);
    expectSound(world);
  });
});

describe("a failure that is certain gives everything back", () => {
  test("no route [case 75]", async () => {
    const world = await town();
    const { buy, spent } = buyer(world, await world.openShop());
    world.network.fault({ kind: "fails" });
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_FAILED", spent: "no" });
    expect(await spent()).toBe(0n);
    expect(world.paid().count).toBe(0);
    await buy();
    expect(await spent()).toBe(world.paid().msat);
  });

  test("a network that cannot be reached when the payment is sent: nothing was sent [case 75]", async () => {
    const world = await town();
    const shop = await world.openShop();
    const { buy, spent } = buyer(world, shop);
    await buy("/first");
    const before = await spent();
    // The service has its invoice, and then the network goes down.
    const invoiced = await downAfterInvoice(world);
    expect(await failure(invoiced.buy())).toMatchObject({
      code: "ERR_PAYMENT_FAILED",
      spent: "no",
    });
    await world.network.up();
    expect(await spent()).toBe(before);
    expect(world.paid().count).toBe(1);
  });

  async function downAfterInvoice(world: Town) {
    const shop = await world.openShop(undefined, {
      invoicer: {
        async createInvoice(request) {
          const invoice = await devWallet(
            world.network.account("shop").invoiceOnlyUrl,
          ).createInvoice(request);
          await world.network.down();
          return invoice;
        },
      },
    });
    return buyer(world, shop);
  }

  test("a wallet that never saw it, asked at the next start [case 59]", async () => {
    const world = await town({ wallet: lossy("before") });
    const { buy, spent } = buyer(world, await world.openShop());
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
    expect(await spent()).toBe(RESERVED);
    expect(await world.treasury.reconcile()).toEqual({ stillOpen: 0 });
    expect(await spent()).toBe(0n);
  });

  test("but a wallet that cannot know keeps the reservation: another node, another key [case 59]", async () => {
    const world = await town({ wallet: lossy("unknown") });
    const { buy, spent } = buyer(world, await world.openShop());
    await failure(buy());
    expect(await world.treasury.reconcile()).toEqual({ stillOpen: 1 });
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
    expect(await spent()).toBe(RESERVED);
  });
});

test("only the node that a payment was begun from can prove that it was never made [case 59]", async () => {
  const node = { name: "the first" };
  const world = await town({ wallet: { ...lossy("before"), identity: async () => node.name } });
  const { buy, spent } = buyer(world, await world.openShop());
  await failure(buy());
  node.name = "another, behind the same URL";
  expect(await world.treasury.reconcile()).toEqual({ stillOpen: 1 });
  expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
  expect(await spent()).toBe(RESERVED);
  node.name = "the first";
  expect(await world.treasury.reconcile()).toEqual({ stillOpen: 0 });
  expect(await spent()).toBe(0n);
});

test("a payment is begun from the node that answers now, not from the one that did at first [case 59]", async () => {
  const node = { name: "the first" };
  const world = await town({ wallet: { ...lossy("before"), identity: async () => node.name } });
  const shop = await world.openShop();
  await introduce(world, shop);
  const { buy, spent } = buyer(world, shop);
  await failure(buy("/one"));
  node.name = "another, behind the same URL";
  await failure(buy("/two"));
  node.name = "the first";
  // It never saw the second payment, which the other one may have made.
  expect(await world.treasury.reconcile()).toEqual({ stillOpen: 1 });
  expect(await spent()).toBe(RESERVED);
});

test("the wallet learns that a payment was tried before, by whichever process [case 56]", async () => {
  const requests: PaymentRequest[] = [];
  const wallet: Payer = {
    ...lossy("before"),
    pay: async (request) => {
      requests.push(request);
      return { status: "failed", reason: "no way" };
    },
  };
  const world = await town({ wallet });
  const invoicer = devWallet(world.network.account("shop").invoiceOnlyUrl);
  let invoice: Promise<string> | undefined;
  const shop = await world.openShop(undefined, {
    // One challenge can be paid by any agent until it is paid. [case 113]
    invoicer: { createInvoice: (request) => (invoice ??= invoicer.createInvoice(request)) },
  });
  const { buy } = buyer(world, shop);
  for (let at = 0; at < 2; at++)
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_FAILED" });
  expect(requests.map(({ again }) => again)).toEqual([undefined, true]);
  expect(requests[0]!.paymentHash).toBe(requests[1]!.paymentHash);
});

/** A wallet whose `pay` is lost without a trace, and what it says when it is asked. */
const lossy = (found: "before" | "unknown" | "throws"): Payer => ({
  network: async () => "bcrt",
  pay: async () => {
    throw new Error("the connection broke");
  },
  find: async (): Promise<PaymentOutcome> => {
    if (found === "throws") throw new Error("the connection broke");
    return { status: found === "before" ? "never-sent" : "unknown", reason: "asked" };
  },
});

describe("a wallet that breaks its contract", () => {
  test("a wallet that throws leaves the outcome unknown: the amount stays reserved [case 75]", async () => {
    const world = await town({ wallet: lossy("throws") });
    const { buy, spent } = buyer(world, await world.openShop());
    for (let asked = 0; asked < 2; asked++)
      expect(await failure(buy())).toMatchObject({
        name: "PaymentError",
        code: "ERR_PAYMENT_UNKNOWN",
        spent: "unknown",
      });
    expect(await spent()).toBe(RESERVED);
    expect(await world.treasury.reconcile()).toEqual({ stillOpen: 1 });
  });

  test("a preimage that proves nothing keeps the amount reserved, and raises an alarm", async () => {
    const world = await town();
    const { buy, spent } = buyer(world, await world.openShop());
    world.network.fault({ kind: "wrong-preimage" });
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_PREIMAGE", spent: "unknown" });
    expect(await spent()).toBe(RESERVED);
    expect(world.alarms).toHaveLength(1);
    // Asked again, it says the same again: still held, still not paid twice.
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_PREIMAGE", spent: "unknown" });
    expect(await spent()).toBe(RESERVED);
    expect(world.network.payments()).toHaveLength(1);
  });

  test("a fee over its cap is counted as it was spent, even over the budget, and raises an alarm [case 46]", async () => {
    const world = await town();
    const { buy, spent } = buyer(world, await world.openShop(), world.mint({ budget: "13 sat" }));
    world.network.fault({ kind: "fee-over-cap" });
    expect(await buy()).toMatchObject({
      kind: "credential",
      payment: { amount: msat(10_000n), fee: msat(3_001n) },
    });
    expect(await spent()).toBe(13_001n);
    expect(world.paid().msat).toBe(13_001n);
    expect(world.alarms).toEqual([expect.stringContaining("over its cap of 3 sat")]);
    // The next one's fee would be no safer: nothing is spent until its owner has looked.
    expect(await failure(buy("/other"))).toMatchObject({ code: "ERR_FROZEN" });
    expect(await world.treasury.owner.health()).toMatchObject({ spending: false });
    await world.treasury.owner.thaw();
    expect(await failure(buy("/other"))).toMatchObject({ code: "ERR_BUDGET" });
  });

  test("a fee over its cap raises an alarm even if the store fails when it is written [case 46]", async () => {
    const store = new MemoryStore();
    const settle = store.settle.bind(store);
    store.settle = async (...settlement) => {
      store.settle = settle;
      await settle(...settlement);
      throw new AdapterError("ERR_STORE", "its answer was lost");
    };
    const world = await town({ store });
    const { buy } = buyer(world, await world.openShop());
    world.network.fault({ kind: "fee-over-cap" });
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "yes" });
    await world.treasury.reconcile();
    expect(world.alarms).toContainEqual(expect.stringContaining("over its cap of 3 sat"));
    expect(await failure(buy("/other"))).toMatchObject({ code: "ERR_FROZEN" });
  });

  test("the fee cap reaches the node, which takes no dearer route [case 46]", async () => {
    const world = await town({ maxFee: "9 msat" });
    const { buy, spent } = buyer(world, await world.openShop());
    // The network's fee is 0.1 %: 10 msat.
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_FAILED", spent: "no" });
    expect(await spent()).toBe(0n);
  });

  test("less fee than reserved gives the rest back [case 46]", async () => {
    const world = await town();
    const { buy, spent } = buyer(world, await world.openShop());
    await buy();
    expect(await spent()).toBe(10_010n);
    expect(world.paid().msat).toBe(10_010n);
  });
});

describe("a reconciliation while a payment is being made", () => {
  test("does not free its amount, although the wallet has not seen it yet [cases 56, 59]", async () => {
    const arrived = gate();
    const go = gate();
    let real!: Payer;
    const slow: Payer = {
      network: async () => "bcrt",
      find: (hash) => real.find(hash),
      async pay(request) {
        arrived.open();
        await go.opened;
        return real.pay(request);
      },
    };
    const world = await town({ wallet: slow });
    real = devWallet(world.network.account("treasury").url);
    const { buy, spent } = buyer(world, await world.openShop());
    const buying = buy();
    await arrived.opened;
    expect(await world.treasury.reconcile()).toEqual({ stillOpen: 1 });
    go.open();
    await buying;
    expect(world.paid().count).toBe(1);
    expect(await spent()).toBe(world.paid().msat);
  });
});

test("an alarm that throws does not lose a payment", async () => {
  const world = await town({
    alarm: () => {
      throw new Error("the pager is off");
    },
  });
  const { buy, spent } = buyer(world, await world.openShop());
  world.network.fault({ kind: "fee-over-cap" });
  expect(await buy()).toMatchObject({ kind: "credential" });
  expect(await spent()).toBe(world.paid().msat);
  expect(world.paid().count).toBe(1);
});
