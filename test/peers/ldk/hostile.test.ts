/**
 * What can go wrong between a treasury and real nodes: held, refused, expired, too dear, too much.
 */
import { Invoice } from "l8nt/invoice";
import { describe, expect, test } from "vitest";
import type { Payer } from "../../../packages/l8nt/src/ports/wallet.ts";
import { LdkInvoicer } from "./support/invoicer.ts";
import { bytesOf } from "./support/ldk.ts";
import { type Market, type MarketOptions, market } from "./support/market.ts";
import { LdkPayer } from "./support/payer.ts";
import type { Road } from "./support/road.ts";

const AMOUNT_MSAT = 10_000n;
/** The treasury's own cap: the larger of 3 sat and 1 %. */
const RESERVED = AMOUNT_MSAT + 3_000n;
/** What the hop takes: LDK's default. */
const FEE_MSAT = 1_000n;

async function buyer(options: MarketOptions = {}) {
  const world = await market({
    ...options,
    treasury: { paymentTimeout: "1s", ...options.treasury },
  });
  const root = world.root();
  const client = world.client(root);
  return {
    world,
    buy: () => client.get(`${world.shop.url}/forecast`),
    spent: () => world.spent(root),
  };
}

const failure = (act: Promise<unknown>) =>
  act.then(
    () => undefined,
    (error: unknown) => error,
  );

/** The payment hashes that LDK was ever told to pay. */
const handedOver = ({ road }: Market) => road.payer.manager.list_recent_payments().length;

describe("a payee that holds the payment", () => {
  test("keeps it reserved and unknown; once it is claimed it is settled, and serves without a second payment [cases 57, 71]", async () => {
    const { world, buy, spent } = await buyer();
    const { road, treasury } = world;
    road.payee.hold();
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
    expect(await spent()).toBe(RESERVED);
    expect(await treasury.owner.health()).toMatchObject({ openPayments: 1 });
    // In flight on the node as well: neither had nor paid.
    expect(await world.gone()).toBe(AMOUNT_MSAT + FEE_MSAT);
    expect(road.payer.endings).toEqual([]);
    // Asked again, it waits for the same payment.
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
    expect(await treasury.reconcile()).toEqual({ stillOpen: 1 });
    expect(handedOver(world)).toBe(1);
    expect(await spent()).toBe(RESERVED);

    const [open] = await world.store.openPayments();
    road.payee.release(open!.paymentHash);
    await road.rest();
    expect(await treasury.reconcile()).toEqual({ stillOpen: 0 });
    expect(await spent()).toBe(AMOUNT_MSAT + FEE_MSAT);
    expect((await buy()).status).toBe(200);
    expect(world.sent()).toHaveLength(1);
    expect(await world.gone()).toBe(await spent());
    expect(world.shop.served).toEqual(["/forecast"]);
  });

  test("and refuses it in the end: everything is given back, and it may be bought anew [case 58]", async () => {
    const { world, buy, spent } = await buyer();
    const { road, treasury } = world;
    road.payee.hold();
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
    const [open] = await world.store.openPayments();
    road.payee.refuse(open!.paymentHash);
    await road.rest();
    expect(await treasury.reconcile()).toEqual({ stillOpen: 0 });
    expect(await spent()).toBe(0n);
    expect(await world.gone()).toBe(0n);
    expect((await buy()).status).toBe(200);
    expect(await spent()).toBe(AMOUNT_MSAT + FEE_MSAT);
    expect(await world.gone()).toBe(AMOUNT_MSAT + FEE_MSAT);
  });
});

test("a payment that somebody else abandons on the same node is not settled for a fee that nobody knows", async () => {
  const { world, buy, spent } = await buyer();
  const { road, treasury } = world;
  road.payee.hold();
  expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
  const [open] = await world.store.openPayments();
  road.payer.manager.abandon_payment(bytesOf(open!.paymentHash));
  road.payee.release(open!.paymentHash);
  await road.rest();
  expect(road.payer.endings).toMatchObject([{ kind: "sent", feeMsat: undefined }]);
  expect(await treasury.reconcile()).toEqual({ stillOpen: 1 });
  expect(await spent()).toBe(RESERVED);
});

describe("an invoice that expired", () => {
  test("before it was offered is not paid by the treasury [case 67]", async () => {
    // The payee's invoices are two hours old when they are made.
    const { world, buy, spent } = await buyer({ time: Date.now() / 1000 - 7200 });
    expect(await failure(buy())).toMatchObject({ code: "ERR_INVOICE_EXPIRED" });
    expect(await spent()).toBe(0n);
    expect(handedOver(world)).toBe(0);
  });

  test("nor by the wallet, though LDK would send it", async () => {
    const { world } = await buyer({ time: Date.now() / 1000 - 7200 });
    const { road } = world;
    const invoice = await new LdkInvoicer(road.payee).createInvoice({
      amountMsat: AMOUNT_MSAT,
      expirySeconds: 600,
    });
    const { paymentHash } = Invoice.decode(invoice);
    const request = {
      ...{ invoice, paymentHash, amountMsat: AMOUNT_MSAT, maxFeeMsat: 3_000n },
      timeoutSeconds: 5,
    };
    expect(await new LdkPayer(road).pay(request)).toMatchObject({ status: "failed" });
    expect(handedOver(world)).toBe(0);
    // With a clock that has not come so far, it is sent, and taken: LDK gives two hours more than
    // it says.
    const slow = new LdkPayer(road, () => road.chain.time);
    expect(await slow.pay(request)).toMatchObject({ status: "paid" });
  });

  test("on the way, by the payee's clock, is refused by the payee: a definite failure, nothing moved", async () => {
    const { world, buy, spent } = await buyer({ payer: late });
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_FAILED", spent: "no" });
    expect(world.road.payer.endings).toMatchObject([
      { kind: "failed", reason: "RecipientRejected" },
    ]);
    expect(await spent()).toBe(0n);
    expect(await world.gone()).toBe(0n);
    expect(world.shop.served).toEqual([]);
  });

  /**
   * By the time that the payment arrives, the chain is past the end of its invoice, and past the
   * two hours that LDK adds.
   */
  const late = (own: Payer, { chain }: Road): Payer => ({
    network: () => own.network(),
    find: (paymentHash) => own.find(paymentHash),
    pay(request) {
      chain.mine([], Invoice.decode(request.invoice).expiresAt + 7201);
      return own.pay(request);
    },
  });
});

describe("no way within the limits is a definite failure, and nothing moves", () => {
  test("the hop asks for more than the fee cap [case 46]", async () => {
    const { world, buy, spent } = await buyer({ treasury: { maxFee: `${FEE_MSAT - 1n} msat` } });
    expect(await failure(buy())).toMatchObject({ code: "ERR_PAYMENT_FAILED", spent: "no" });
    expect(await spent()).toBe(0n);
    expect(await world.gone()).toBe(0n);
  });

  test("and one msat more pays it", async () => {
    const { world, buy, spent } = await buyer({ treasury: { maxFee: `${FEE_MSAT} msat` } });
    expect((await buy()).status).toBe(200);
    expect(await spent()).toBe(AMOUNT_MSAT + FEE_MSAT);
    expect(await world.gone()).toBe(AMOUNT_MSAT + FEE_MSAT);
  });

  test("the price is more than the node has", async () => {
    const { world, buy, spent } = await buyer({
      terms: { price: "700000 sat" },
      treasury: { maxFee: "10000 sat" },
    });
    const rich = world.client(world.root({ budget: "1000000 sat" }));
    expect(await failure(rich.get(`${world.shop.url}/forecast`))).toMatchObject({
      code: "ERR_PAYMENT_FAILED",
      spent: "no",
    });
    // And for an agent with less, it ends at the budget.
    expect(await failure(buy())).toMatchObject({ code: "ERR_BUDGET" });
    expect(await spent()).toBe(0n);
    expect(await world.gone()).toBe(0n);
  });
});
