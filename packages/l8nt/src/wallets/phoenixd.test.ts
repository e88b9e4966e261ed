/** The phoenixd wallet against a stand-in: the wallet contract, and its own laws. */
import { describe, expect, test } from "vitest";
import { PhoenixdStandIn } from "./fixtures/stand-ins/phoenixd.ts";
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
import { phoenixdWallet } from "./phoenixd.ts";

const open = ({ url, shared }: PhoenixdStandIn, password: string) =>
  phoenixdWallet(`phoenixd+${url}?password=${password}`, shared.time);

async function start(options: object = {}): Promise<World<PhoenixdStandIn>> {
  const shared = new StandInBank();
  const paying = await PhoenixdStandIn.start({
    shared,
    account: "agent",
    balanceMsat: BALANCE_MSAT,
    ...options,
  });
  const receiving = await PhoenixdStandIn.start({ shared, account: "service" });
  const payer = open(paying, paying.fullPassword);
  const invoicer = open(receiving, receiving.limitedPassword);
  const secrets = [paying.fullPassword, receiving.limitedPassword].flatMap((password) => [
    password,
    Buffer.from(`:${password}`).toString("base64"),
  ]);
  return { shared, paying, receiving, payer, invoicer, secrets };
}

const law = lawsOf(start);

standInContract("the phoenixd wallet", start);

describe("the answer to a payment is read:", () => {
  const answers: [string, StandInAnswer, string][] = [
    [
      "a failure",
      {
        status: 200,
        body: { paymentHash: "", reason: "not enough funds in wallet to afford payment" },
      },
      "failed",
    ],
    ["a failure for an unknown reason", { status: 200, body: { reason: "SECRET" } }, "failed"],
    [
      "an unreadable invoice",
      { status: 400, body: "Request parameter invoice couldn't be parsed: SECRET" },
      "failed",
    ],
    [
      "a password without the right to pay",
      { status: 401, body: "Invalid authentication" },
      "failed",
    ],
    ["neither a preimage nor a reason", { status: 200, body: {} }, "unknown"],
    [
      "a preimage of 63 digits",
      { status: 200, body: { paymentPreimage: "a".repeat(63), routingFeeSat: 4 } },
      "unknown",
    ],
    ["an error of phoenixd", { status: 500, body: "SECRET" }, "unknown"],
    ["an unknown endpoint", { status: 404, body: "Unknown endpoint (check api doc)" }, "unknown"],
    ["an error of a proxy", { status: 502, body: "<html>SECRET</html>" }, "unknown"],
  ];
  test.each(answers)("%s", async (_, answer, expected) => {
    const world = await start();
    const request = await order(world);
    world.paying.instead.push({ to: "POST /payinvoice", answer });
    const outcome = await world.payer.pay(request);
    expect(outcome).toMatchObject({ status: expected });
    expect(JSON.stringify(outcome)).not.toContain("SECRET");
    await stop(world);
  });

  // The texts of lightning-kmp's FinalFailure, and the reasons for the owner.
  test.each([
    ["not enough funds in wallet to afford payment", "the balance of phoenixd is too small"],
    ["this invoice has already been paid", "phoenixd has paid the invoice before"],
    ["another payment is in progress for that invoice", "phoenixd is already paying the invoice"],
    [
      "channel is not connected yet, please retry when connected",
      "phoenixd is not connected to its peer yet",
    ],
    [
      "channel creation is in progress, please retry when ready",
      "the channel of phoenixd is still being opened",
    ],
    ["payment attempts exhausted without success", "phoenixd tried every route without success"],
    ["constructor", "phoenixd could not pay"],
  ])("%s", async (text, reason) => {
    const world = await start();
    const answer = { status: 200, body: { paymentHash: "", reason: text } };
    world.paying.instead.push({ to: "POST /payinvoice", answer });
    expect(await world.payer.pay(await order(world))).toEqual({ status: "failed", reason });
    await stop(world);
  });

  law(
    "the fee is exact, although the answer to a payment rounds it down to whole satoshi",
    async (world) => {
      const request = await order(world, 51_000n);
      const outcome = await world.payer.pay(request);
      expect(outcome).toMatchObject({ status: "paid", feeMsat: 4_204n });
      expect(world.paying.balanceMsat).toBe(BALANCE_MSAT - 51_000n - 4_204n);
    },
  );

  // A guess above the cap would freeze a treasury whose wallet kept to the cap.
  test.each([
    ["the published fee, if it rounds to the answer", 4, 4_204n],
    ["the largest fee that rounds to the answer otherwise", 5, 5_999n],
  ])(
    "a fee that cannot be looked up exactly is %s [case 46]",
    async (_, routingFeeSat, feeMsat) => {
      const world = await start();
      const request = await order(world, 51_000n);
      const paths = `GET /payments/outgoingbyhash/${request.paymentHash}`;
      const body = {
        paymentHash: request.paymentHash,
        paymentPreimage: "ab".repeat(32),
        routingFeeSat,
      };
      world.paying.instead.push(
        { to: paths, answer: { status: 404, body: "Not found" } },
        { to: "POST /payinvoice", answer: { status: 200, body } },
        { to: paths, answer: { status: 500, body: "" } },
      );
      expect(await world.payer.pay({ ...request, maxFeeMsat: 4_204n })).toMatchObject({
        status: "paid",
        feeMsat,
      });
      await stop(world);
    },
  );
});

describe("the fee cap", () => {
  test.each([
    [50_000n, 4_199n, "never-sent"],
    [50_000n, 4_200n, "paid"],
    [1_000n, 4_003n, "never-sent"],
    [1_000n, 4_004n, "paid"],
  ])("for an invoice of %d msat is %d msat: %s", async (amountMsat, maxFeeMsat, expected) => {
    const world = await start();
    const request = { ...(await order(world, amountMsat)), maxFeeMsat };
    expect(await world.payer.pay(request)).toMatchObject({ status: expected });
    expect(world.paying.requests.includes("POST /payinvoice")).toBe(expected === "paid");
    await stop(world);
  });
});

describe("the record of a payment is read:", () => {
  const at = (paymentHash: string, world: World<PhoenixdStandIn>, answer: StandInAnswer) =>
    world.paying.instead.push({ to: `GET /payments/outgoingbyhash/${paymentHash}`, answer });

  law("a version without a look-up by hash pays nothing", async (world) => {
    const request = await order(world);
    at(request.paymentHash, world, { status: 404, body: "Unknown endpoint (check api doc)" });
    expect(await world.payer.pay(request)).toMatchObject({ status: "never-sent" });
    expect(world.paying.requests).not.toContain("POST /payinvoice");
  });

  const rows: [string, object, string][] = [
    ["failed", { isPaid: false, completedAt: 1 }, "failed"],
    ["in flight", { isPaid: false }, "unknown"],
    ["paid without a preimage", { isPaid: true, completedAt: 1, fees: 1 }, "unknown"],
    ["paid without a fee", { isPaid: true, completedAt: 1, preimage: "ab".repeat(32) }, "unknown"],
    ["paid with a negative fee", { isPaid: true, fees: -1, preimage: "ab".repeat(32) }, "unknown"],
    ["another payment", { isPaid: false, completedAt: 1, paymentHash: "ab".repeat(32) }, "unknown"],
    ["unreadable", {}, "unknown"],
  ];
  test.each(rows)("%s", async (_, body, expected) => {
    const world = await start();
    world.shared.time.advance(61);
    at("cd".repeat(32), world, { status: 200, body: { paymentHash: "cd".repeat(32), ...body } });
    expect(await world.payer.find("cd".repeat(32))).toMatchObject({ status: expected });
    await stop(world);
  });

  law("a payment that fails after it was sent is failed", async (world) => {
    const request = await order(world);
    world.shared.faults.add({ kind: "stuck" });
    const paying = world.payer.pay(request);
    while (!world.shared.bank.payments().some(({ status }) => status === "in-flight"))
      await new Promise(setImmediate);
    world.shared.bank.fail(world.shared.bank.inFlight(request.paymentHash), "no route");
    expect(await paying).toMatchObject({ status: "failed" });
    expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "failed" });
    expect(world.paying.balanceMsat).toBe(BALANCE_MSAT);
  });
});

describe("the rights of a password", () => {
  law("the full and the limited password are told apart, and no money moves", async (world) => {
    expect(await world.payer.examine!()).toEqual({
      software: "phoenixd 0.8.0-d7ac83b",
      network: "bcrt",
      identity: world.paying.nodeId,
      rights: { pay: true, find: true, invoice: true },
      synced: true,
      clock: expect.closeTo(Date.now() / 1000, -1),
      spendableMsat: BALANCE_MSAT,
      receivableMsat: 7_000_000n,
      limits: [
        expect.stringContaining("fee cap"),
        expect.stringContaining("time-out"),
        expect.stringContaining("whole satoshi"),
      ],
    });
    expect((await world.invoicer.examine!()).rights).toEqual({
      pay: false,
      find: true,
      invoice: true,
    });
    expect(world.shared.bank.payments()).toEqual([]);
  });

  law("a payment with the limited password has failed", async (world) => {
    const request = await order(world);
    const limited = open(world.paying, world.paying.limitedPassword);
    expect(await limited.pay(request)).toEqual({
      status: "failed",
      reason: expect.stringContaining("not the full password"),
    });
    expect(world.paying.balanceMsat).toBe(BALANCE_MSAT);
  });

  law(
    "a wrong password is refused in one line that does not repeat the password",
    async (world) => {
      const password = "5ec4e7".repeat(10);
      const wrong = open(world.paying, password);
      const message = await thrown(wrong.network());
      expect(message).toMatch(
        /^The wallet cannot be used: phoenixd refused the password: take http-password/,
      );
      expect(message).not.toContain(password);
      expect(await wrong.pay(await order(world))).toMatchObject({ status: "never-sent" });
      expect(await wrong.find("ab".repeat(32))).toMatchObject({ status: "unknown" });
    },
  );
});

describe("a node", () => {
  test.each([
    ["mainnet", "bc"],
    ["testnet", "tb"],
    ["testnet3", "tb"],
    ["testnet4", "tb"],
    ["signet", "tbs"],
    ["regtest", "bcrt"],
  ])("on %s has the network %s", async (chain, expected) => {
    const world = await start({ info: { chain } });
    expect(await world.payer.network()).toBe(expected);
    await stop(world);
  });

  test("on an unknown chain is refused", async () => {
    const world = await start({ info: { chain: "constructor" } });
    expect(await thrown(world.payer.network())).toContain("on an unknown chain");
    await stop(world);
  });

  test("without a block height is not synced", async () => {
    const world = await start({ info: { blockHeight: undefined } });
    expect((await world.payer.examine!()).synced).toBe(false);
    await stop(world);
  });

  law(
    "makes invoices of whole satoshi only, with short descriptions",
    async ({ invoicer, receiving }) => {
      for (const amountMsat of [1_500n, 999n, 0n, -1_000n])
        expect(await thrown(invoicer.createInvoice({ amountMsat, expirySeconds: 60 }))).toContain(
          "whole satoshi",
        );
      const description = "x".repeat(129);
      expect(
        await thrown(
          invoicer.createInvoice({ amountMsat: 1_000n, expirySeconds: 60, description }),
        ),
      ).toContain("128 characters");
      expect(receiving.requests).toEqual([]);
    },
  );

  law("lists its payments without those on chain", async (world) => {
    await world.payer.pay(await order(world));
    expect(await world.payer.paidSince!(0)).toHaveLength(1);
  });
});

test("a self-signed certificate is trusted if the URL names it, and else refused", async () => {
  const shared = new StandInBank();
  const node = await PhoenixdStandIn.start({
    shared,
    account: "agent",
    tls: { cert: CERT, key: KEY },
  });
  const url = `phoenixd+${node.url}?password=${node.fullPassword}`;
  expect(await phoenixdWallet(`${url}&cert=${encodeURIComponent(CERT)}`).network()).toBe("bcrt");
  expect(await thrown(phoenixdWallet(url).network())).toContain("self-signed TLS certificate");
  await node.down();
});
