/** The LNbits wallet against a stand-in: the wallet contract, and its own laws. */
import { describe, expect, test, vi } from "vitest";
import { LnbitsStandIn } from "./fixtures/stand-ins/lnbits.ts";
import { type StandInAnswer, StandInBank } from "./fixtures/stand-ins/stand-in.ts";
import { CERT, KEY } from "./fixtures/tls.ts";
import {
  BALANCE_MSAT,
  lawsOf,
  order,
  standInContract,
  stop,
  thrown,
  type World,
} from "./fixtures/world.ts";
import { lnbitsWallet } from "./lnbits.ts";

const open = ({ url, shared }: LnbitsStandIn, key: string) =>
  lnbitsWallet(`lnbits+${url}?key=${key}`, shared.time);

async function start(options: object = {}): Promise<World<LnbitsStandIn>> {
  const shared = new StandInBank();
  const paying = await LnbitsStandIn.start({
    shared,
    account: "agent",
    balanceMsat: BALANCE_MSAT,
    ...options,
  });
  const receiving = await LnbitsStandIn.start({ shared, account: "service" });
  const payer = open(paying, paying.adminKey);
  const invoicer = open(receiving, receiving.invoiceKey);
  return {
    shared,
    paying,
    receiving,
    payer,
    invoicer,
    secrets: [paying.adminKey, receiving.invoiceKey],
  };
}

const law = lawsOf(start);
const refused = (status: number, detail: string, state?: string): StandInAnswer => ({
  status,
  body: { detail, ...(state !== undefined && { status: state }) },
});

/** Waits until LNbits has answered `pending`, and the wallet pauses before it asks again. */
const asksAgain = ({ shared: { time } }: World<LnbitsStandIn>) =>
  vi.waitUntil(() => time.wakesIn(0.5), { interval: 5, timeout: 10_000 });

standInContract("the LNbits wallet", start);

describe("the answer to a payment is read:", () => {
  const answers: [string, StandInAnswer, string, RegExp][] = [
    [
      "too small a balance",
      refused(520, "Insufficient balance.", "failed"),
      "failed",
      /balance .* too small/,
    ],
    [
      "too small a balance for the fee",
      refused(520, "You must reserve at least (2  sat)", "failed"),
      "failed",
      /reserves/,
    ],
    [
      "a failure of the node",
      refused(520, "Payment failed: SECRET", "failed"),
      "failed",
      /node behind LNbits could not pay/,
    ],
    [
      "a daily limit",
      refused(400, "Daily withdrawal limit of 5 sats reached."),
      "failed",
      /daily limit/,
    ],
    [
      "an unreadable invoice",
      refused(520, "Bolt11 decoding failed.", "failed"),
      "failed",
      /cannot read/,
    ],
    ["an invoice key", refused(403, "Invoice (or Admin) key required."), "failed", /invoice key/],
    ["an unknown key", refused(404, "Wallet not found."), "failed", /does not know the key/],
    ["an unknown text", refused(520, "SECRET", "failed"), "failed", /refused \(HTTP 520\)/],
    [
      "a payment under way",
      refused(520, "Payment is still pending.", "pending"),
      "unknown",
      /already paying/,
    ],
    // Cloudflare also answers 520, for an answer of LNbits that it could not read.
    ["a 520 of a proxy", refused(520, "SECRET"), "unknown", /HTTP 520/],
    ["a time-out of a proxy", refused(408, "SECRET"), "unknown", /HTTP 408/],
    ["an error of the server", refused(500, "SECRET"), "unknown", /HTTP 500/],
    [
      "a success without a fee",
      { status: 201, body: { status: "success" } },
      "unknown",
      /cannot be read/,
    ],
    ["an empty object", { status: 201, body: {} }, "unknown", /cannot be read/],
  ];
  test.each(answers)("%s", async (_, answer, expected, reason) => {
    const world = await start();
    const request = await order(world);
    world.paying.instead.push({ to: "POST /api/v1/payments", answer });
    const outcome = await world.payer.pay(request);
    expect(outcome).toEqual({ status: expected, reason: expect.stringMatching(reason) });
    expect(JSON.stringify(outcome)).not.toContain("SECRET");
    await stop(world);
  });

  law("an error that says that the payment was made is paid", async (world) => {
    const request = await order(world);
    const first = await world.payer.pay(request);
    const path = "GET /api/v1/payments/paginated";
    world.paying.instead.push({ to: path, answer: { status: 200, body: { data: [], total: 0 } } });
    expect(await world.payer.pay(request)).toEqual(first);
  });

  law(
    "a payment that is pending in LNbits' answer is followed until its time-out [case 57]",
    async (world) => {
      const request = await order(world);
      const { bank, faults, time } = world.shared;
      faults.add({ kind: "stuck" });
      const paying = world.payer.pay(request);
      await asksAgain(world);
      time.advance(0.5);
      await asksAgain(world);
      bank.settle(bank.inFlight(request.paymentHash));
      time.advance(0.5);
      expect(await paying).toMatchObject({ status: "paid", feeMsat: 50n });
    },
  );
});

describe("a node behind LNbits that gives no preimages", () => {
  test("leaves a paid payment unknown, with the reason", async () => {
    const world = await start({ givesPreimages: false });
    const request = await order(world);
    const outcome = { status: "unknown", reason: expect.stringContaining("gave no preimage") };
    expect(await world.payer.pay(request)).toEqual(outcome);
    expect(await world.payer.find(request.paymentHash)).toEqual(outcome);
    expect(await thrown(world.payer.examine!())).toContain("gives no preimages");
    await stop(world);
  });

  law("is recognized by past payments, and unknown without any", async (world) => {
    expect(await world.payer.examine!()).toMatchObject({ preimagesUntried: true });
    await world.payer.pay(await order(world));
    expect((await world.payer.examine!()).preimagesUntried).toBeUndefined();
  });
});

describe("the fee cap", () => {
  test.each([
    [50_000n, 1_999n, "never-sent"],
    [50_000n, 2_000n, "paid"],
    [900_000n, 8_999n, "never-sent"],
    [900_000n, 9_000n, "paid"],
  ])("for an invoice of %d msat is %d msat: %s", async (amountMsat, maxFeeMsat, expected) => {
    const world = await start();
    const request = { ...(await order(world, amountMsat)), maxFeeMsat };
    expect(await world.payer.pay(request)).toMatchObject({ status: expected });
    expect(world.paying.requests.includes("POST /api/v1/payments")).toBe(expected === "paid");
    await stop(world);
  });

  law("is not met by a fee that LNbits does not state: nothing is sent", async (world) => {
    const path = "GET /api/v1/payments/fee-reserve";
    world.paying.instead.push({ to: path, answer: { status: 200, body: { fee_reserve: "?" } } });
    expect(await world.payer.pay(await order(world))).toMatchObject({ status: "never-sent" });
  });
});

describe("the record of a payment is read:", () => {
  const hash = "cd".repeat(32);
  const row = {
    payment_hash: hash,
    amount: -1_000,
    fee: -1,
    status: "success",
    preimage: "ab".repeat(32),
  };
  const pages: [string, unknown, string][] = [
    ["paid", { data: [row], total: 1 }, "paid"],
    ["failed", { data: [{ ...row, status: "failed" }], total: 1 }, "failed"],
    ["in flight", { data: [{ ...row, status: "pending" }], total: 1 }, "unknown"],
    [
      "paid with a preimage of 63 digits",
      { data: [{ ...row, preimage: "a".repeat(63) }], total: 1 },
      "unknown",
    ],
    ["an invoice of this wallet's own", { data: [{ ...row, amount: 1_000 }], total: 1 }, "unknown"],
    ["another payment", { data: [{ ...row, payment_hash: "ab".repeat(32) }], total: 1 }, "unknown"],
    ["a page that leaves rows out", { data: [], total: 3 }, "unknown"],
    ["unreadable", null, "unknown"],
  ];
  test.each(pages)("%s", async (_, body, expected) => {
    const world = await start();
    if (expected === "failed") world.shared.time.advance(61);
    world.paying.instead.push({
      to: "GET /api/v1/payments/paginated",
      answer: { status: 200, body },
    });
    expect(await world.payer.find(hash)).toMatchObject({ status: expected });
    await stop(world);
  });

  law(
    "a payment is not sent if the list leaves rows out, because the payment may be among them",
    async (world) => {
      const page = { status: 200, body: { data: [], total: 3 } };
      world.paying.instead.push({ to: "GET /api/v1/payments/paginated", answer: page });
      expect(await world.payer.pay(await order(world))).toMatchObject({ status: "never-sent" });
      expect(world.paying.requests).not.toContain("POST /api/v1/payments");
    },
  );

  law("a payment that fails after it was sent is failed", async (world) => {
    const request = await order(world);
    world.shared.faults.add({ kind: "stuck" });
    const paying = world.payer.pay({ ...request, timeoutSeconds: 1 });
    await asksAgain(world);
    world.shared.time.advance(1);
    expect(await paying).toMatchObject({ status: "unknown" });
    world.shared.bank.fail(world.shared.bank.inFlight(request.paymentHash), "no route");
    expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "failed" });
    expect(world.paying.balanceMsat).toBe(BALANCE_MSAT);
  });
});

describe("the rights of a key", () => {
  law("the admin key and the invoice key are told apart, and no money moves", async (world) => {
    expect(await world.payer.examine!()).toEqual({
      software: expect.stringContaining("LNbits"),
      network: "bcrt",
      identity: world.paying.walletId,
      rights: { pay: true, find: true, invoice: true },
      clock: expect.closeTo(Date.now() / 1000, -1),
      spendableMsat: BALANCE_MSAT,
      preimagesUntried: true,
      limits: expect.arrayContaining([
        expect.stringContaining("fee cap"),
        expect.stringContaining("time-out"),
      ]),
    });
    const service = await world.invoicer.examine!();
    expect(service.rights).toEqual({ pay: false, find: true, invoice: true });
    expect(service.identity).toBeUndefined();
    expect(world.shared.bank.payments()).toEqual([]);
  });

  law("a payment with the invoice key has failed", async (world) => {
    const request = await order(world);
    const service = open(world.paying, world.paying.invoiceKey);
    expect(await service.pay(request)).toEqual({
      status: "failed",
      reason: expect.stringContaining("invoice key"),
    });
    expect(await thrown(service.identity!())).toContain("invoice key");
    expect(world.paying.balanceMsat).toBe(BALANCE_MSAT);
  });

  law(
    "a wrong key is refused in one line that does not repeat the key, and proves nothing about a payment",
    async (world) => {
      const key = "5ec4e7".repeat(5);
      const wrong = open(world.paying, key);
      const message = await thrown(wrong.network());
      expect(message).toMatch(/^The wallet cannot be used: LNbits does not know the key/);
      expect(message).not.toContain(key);
      const request = await order(world);
      await world.payer.pay(request);
      expect(await wrong.find(request.paymentHash)).toMatchObject({ status: "unknown" });
    },
  );
});

describe("the server", () => {
  law(
    "is asked for its network once, by an invoice that is given to no one",
    async ({ payer, paying }) => {
      expect(await Promise.all([payer.network(), payer.network()])).toEqual(["bcrt", "bcrt"]);
      await payer.network();
      expect(paying.requests).toEqual(["POST /api/v1/payments"]);
    },
  );

  law("without its node says so, and is asked again", async ({ payer, paying }) => {
    const answer = refused(520, "VoidWallet cannot create invoices.", "pending");
    paying.instead.push({ to: "POST /api/v1/payments", answer });
    expect(await thrown(payer.network())).toContain("LNbits has lost its own node");
    expect(await payer.network()).toBe("bcrt");
  });

  law("makes invoices of whole satoshi only", async ({ invoicer, receiving }) => {
    for (const amountMsat of [1_500n, 999n, 0n, -1_000n])
      expect(await thrown(invoicer.createInvoice({ amountMsat, expirySeconds: 60 }))).toContain(
        "whole satoshi",
      );
    expect(receiving.requests).toEqual([]);
  });

  law(
    "that makes an invoice of another amount is an error",
    async ({ invoicer, receiving, shared }) => {
      const bolt11 = shared.bank.createInvoice("service", {
        amountMsat: 2_000n,
        expirySeconds: 60,
      });
      receiving.instead.push({
        to: "POST /api/v1/payments",
        answer: { status: 201, body: { bolt11 } },
      });
      expect(
        await thrown(invoicer.createInvoice({ amountMsat: 1_000n, expirySeconds: 60 })),
      ).toContain("of this amount");
    },
  );
});

test("a self-signed certificate is trusted if the URL names it, and else refused", async () => {
  const shared = new StandInBank();
  const server = await LnbitsStandIn.start({
    shared,
    account: "agent",
    tls: { cert: CERT, key: KEY },
  });
  const url = `lnbits+${server.url}?key=${server.adminKey}`;
  expect(await lnbitsWallet(`${url}&cert=${encodeURIComponent(CERT)}`).network()).toBe("bcrt");
  expect(await thrown(lnbitsWallet(url).network())).toContain("self-signed TLS certificate");
  await server.down();
});
