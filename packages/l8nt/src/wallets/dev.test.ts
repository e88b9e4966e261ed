/** The dev wallet: the wallet contract, and how it reads the faults of the network. */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { Invoice } from "../invoice/index.ts";
import type { PaymentRequest, Wallet } from "../ports/wallet.ts";
import { type DevAccount, DevNetwork, type FaultKind, walletContract } from "../testing/index.ts";
import { devWallet } from "./dev.ts";

interface World {
  readonly dev: DevNetwork;
  readonly agent: DevAccount;
  readonly payer: Wallet;
  readonly invoicer: Wallet;
  readonly time: { now: number };
}

async function start(): Promise<World> {
  const time = { now: Date.now() / 1000 };
  const dev = await DevNetwork.start({ clock: () => time.now });
  const agent = dev.account("agent", { balanceMsat: 10_000_000n });
  const service = dev.account("service", { balanceMsat: 0n });
  return {
    dev,
    agent,
    time,
    payer: devWallet(agent.url),
    invoicer: devWallet(service.invoiceOnlyUrl),
  };
}

const keyOf = (url: string) => url.slice(url.indexOf("key=") + 4);

walletContract(test, {
  name: "the dev wallet",
  setup: async () => {
    const world = await start();
    const secrets = [keyOf(world.agent.url), keyOf(world.dev.account("service").invoiceOnlyUrl)];
    return { ...world, network: "bcrt" as const, secrets, teardown: () => world.dev.stop() };
  },
  powers: {
    routingFees: true,
    balanceMsat: async ({ agent }) => agent.balanceMsat(),
    expireInvoices: async ({ time }) => {
      time.now += 601;
    },
    loseReply: async ({ dev }) => dev.fault({ kind: "reply-lost" }),
    stick: async ({ dev }) => {
      dev.fault({ kind: "stuck", delayMs: 0 });
      return { arrive: async (paymentHash) => dev.settle(paymentHash) };
    },
    unplug: async ({ dev }) => {
      await dev.down();
      return () => dev.up();
    },
  },
});

async function order({ invoicer }: World, amountMsat = 50_000n): Promise<PaymentRequest> {
  const invoice = await invoicer.createInvoice({ amountMsat, expirySeconds: 600 });
  const { paymentHash } = Invoice.decode(invoice);
  return { invoice, paymentHash, amountMsat, maxFeeMsat: 1_000n, timeoutSeconds: 30 };
}

/** Registers a law with its own world. */
const law = (name: string, body: (world: World) => Promise<void>) =>
  test(name, async () => {
    const world = await start();
    await body(world).finally(() => world.dev.stop());
  });

describe("a payment without a clear answer is unknown, and can be found [cases 56, 75]", () => {
  test.each<FaultKind>(["reply-lost", "half-json", "server-error"])("%s", async (kind) => {
    const world = await start();
    const request = await order(world);
    world.dev.fault({ kind });
    expect(await world.payer.pay(request)).toMatchObject({ status: "unknown" });
    expect(world.agent.balanceMsat()).toBe(10_000_000n - 50_000n - 50n);
    expect(await world.payer.find(request.paymentHash)).toMatchObject({
      status: "paid",
      feeMsat: 50n,
    });
    await world.dev.stop();
  });

  const answers: [string, () => Promise<Response>][] = [
    ["HTTP 500", async () => new Response('{"status":"failed","reason":""}', { status: 500 })],
    ["HTTP 429", async () => new Response('{"status":"failed","reason":""}', { status: 429 })],
    ["HTTP 302", async () => Response.redirect("http://127.0.0.1/", 302)],
    ["HTML", async () => new Response("<html>")],
    ["null", async () => new Response("null")],
    ["an unknown status", async () => Response.json({ status: "PAID" })],
    ["paid without a preimage", async () => Response.json({ status: "paid", feeMsat: "0" })],
    [
      "paid with 63 digits",
      async () => Response.json({ status: "paid", preimage: "a".repeat(63), feeMsat: "0" }),
    ],
    [
      "paid with letters past f",
      async () => Response.json({ status: "paid", preimage: "g".repeat(64), feeMsat: "0" }),
    ],
    [
      "a fee that is a float",
      async () => Response.json({ status: "paid", preimage: "a".repeat(64), feeMsat: 1.5 }),
    ],
    [
      "a negative fee",
      async () => Response.json({ status: "paid", preimage: "a".repeat(64), feeMsat: "-1" }),
    ],
    [
      "a reset",
      async () => Promise.reject(new TypeError("fetch failed", { cause: coded("ECONNRESET") })),
    ],
    ["a time-out", async () => Promise.reject(new DOMException("timed out", "TimeoutError"))],
    [
      "a broken TLS handshake",
      async () => Promise.reject(new TypeError("fetch failed", { cause: coded("EPROTO") })),
    ],
  ];
  const request = {
    invoice: "x",
    paymentHash: "",
    amountMsat: 1n,
    maxFeeMsat: 0n,
    timeoutSeconds: 1,
  };
  const coded = (code: string) => Object.assign(new Error(code), { code });

  test.each(answers)("%s", async (_, fetch) => {
    const wallet = devWallet("dev+http://127.0.0.1:1/alice?key=ab", { fetch });
    expect(await wallet.pay(request)).toMatchObject({ status: "unknown" });
    expect(await wallet.find("ab".repeat(32))).toMatchObject({ status: "unknown" });
  });

  test.each(["ECONNREFUSED", "ConnectionRefused", "ENOTFOUND"])(
    "%s is never-sent for a payment, and unknown for a look-up",
    async (code) => {
      const fetch = async () =>
        Promise.reject(new TypeError("fetch failed", { cause: coded(code) }));
      const wallet = devWallet("dev+http://127.0.0.1:1/alice?key=ab", { fetch });
      expect(await wallet.pay(request)).toMatchObject({ status: "never-sent" });
      expect(await wallet.find("ab".repeat(32))).toMatchObject({ status: "unknown" });
    },
  );
});

describe("faults of the payment itself", () => {
  law(
    "a definite failure moves no money, and the invoice can be paid afterwards",
    async (world) => {
      const request = await order(world);
      world.dev.fault({ kind: "fails" });
      expect(await world.payer.pay(request)).toEqual({ status: "failed", reason: "no route" });
      expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "failed" });
      expect(world.agent.balanceMsat()).toBe(10_000_000n);
      expect(await world.payer.pay(request)).toMatchObject({ status: "paid" });
    },
  );

  law("a wrong preimage is passed on unchanged, for the treasury to judge", async (world) => {
    const request = await order(world);
    world.dev.fault({ kind: "wrong-preimage" });
    const outcome = await world.payer.pay(request);
    expect(outcome).toMatchObject({
      status: "paid",
      preimage: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await world.payer.find(request.paymentHash)).toEqual(outcome);
  });

  law("a fee above the cap is reported as charged [case 46]", async (world) => {
    const request = await order(world);
    world.dev.fault({ kind: "fee-over-cap" });
    expect(await world.payer.pay(request)).toMatchObject({ status: "paid", feeMsat: 1_001n });
    expect(world.agent.balanceMsat()).toBe(10_000_000n - 50_000n - 1_001n);
  });

  law(
    "a stuck payment becomes failed only when it fails and the money comes back [case 58]",
    async (world) => {
      const request = await order(world);
      world.dev.fault({ kind: "stuck", delayMs: 0 });
      expect(await world.payer.pay(request)).toMatchObject({ status: "unknown" });
      expect(await world.payer.pay({ ...request, timeoutSeconds: 0 })).toMatchObject({
        status: "unknown",
      });
      expect(world.agent.balanceMsat()).toBe(10_000_000n - 50_050n);
      world.dev.fail(request.paymentHash);
      expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "failed" });
      expect(world.agent.balanceMsat()).toBe(10_000_000n);
    },
  );

  law(
    "a payment slower than its time-out is unknown, and still happens [case 57]",
    async (world) => {
      const request = await order(world);
      world.dev.fault({ kind: "slow", delayMs: 600_000 });
      expect(await world.payer.pay({ ...request, timeoutSeconds: 0 })).toMatchObject({
        status: "unknown",
      });
      expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "unknown" });
      world.dev.settle(request.paymentHash);
      expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "paid" });
    },
  );
});

describe("a service cannot pay", () => {
  law("an invoice-only key is refused payments and look-ups, and no money moves", async (world) => {
    const request = await order(world);
    const receiver = devWallet(world.agent.invoiceOnlyUrl);
    expect(await receiver.pay(request)).toEqual({
      status: "failed",
      reason: "this wallet's URL can only make invoices (HTTP 403)",
    });
    expect(await receiver.find(request.paymentHash)).toMatchObject({ status: "unknown" });
    expect(world.dev.payments()).toEqual([]);
    expect(await receiver.network()).toBe("bcrt");
  });

  law(
    "a network that was restarted does not know the old keys: a payment is unknown, not never-sent [case 59]",
    async (world) => {
      const request = await order(world);
      await world.payer.pay(request);
      const { port } = new URL(world.dev.url);
      await world.dev.stop();
      const again = await DevNetwork.start({ port: Number(port) });
      again.account("agent", { balanceMsat: 1_000_000n });
      expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "unknown" });
      expect(await world.payer.pay(request)).toMatchObject({ status: "failed" });
      await again.stop();
    },
  );
});

describe("a wallet does not show its key", () => {
  const key = "ab".repeat(16);

  test("printed, as JSON, or in an error", async () => {
    const fetch = async () => Promise.reject(new TypeError("fetch failed"));
    const wallet = devWallet(`dev+http://127.0.0.1:1/alice?key=${key}`, { fetch });
    const error = await wallet.network().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "AdapterError", code: "ERR_WALLET" });
    expect(
      inspect([wallet, error], { depth: 9, showHidden: true }) + JSON.stringify([wallet, error]),
    ).not.toContain(key);
  });

  test.each([
    `dev+http://example.com/alice?key=${key}`,
    `dev+http://127.0.0.1@example.com/alice?key=${key}`,
    `dev+http://127.0.0.1.example.com/alice?key=${key}`,
    `http://127.0.0.1:1/alice?key=${key}`,
    `dev+http://127.0.0.1:1/?key=${key}`,
    `lnd+http://127.0.0.1:1/alice?key=${key}`,
    `dev+http://127.0.0.1:1/alice?key=${key}&x=1`,
    "",
  ])("in the refusal of a malformed URL: %#", (url) => {
    let error: unknown;
    try {
      devWallet(url);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ name: "AdapterError", code: "ERR_WALLET" });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(key);
  });
});

describe("a wallet examines the rights of its key, and moves no money", () => {
  law("for the full key and the invoice-only key of one account", async ({ dev, agent, time }) => {
    const common = {
      software: "the dev network of l8nt",
      network: "bcrt",
      clock: time.now,
      limits: [],
    };
    const rights = { pay: true, find: true, invoice: true };
    expect(await devWallet(agent.url).examine!()).toEqual({
      ...common,
      rights,
      spendableMsat: 10_000_000n,
    });
    expect(await devWallet(agent.invoiceOnlyUrl).examine!()).toEqual({
      ...common,
      rights: { pay: false, find: false, invoice: true },
    });
    expect(dev.payments()).toEqual([]);
    expect(agent.balanceMsat()).toBe(10_000_000n);
  });

  law("an examination does not use up a fault of a payment or an invoice", async (world) => {
    world.dev.fault({ kind: "fails" });
    world.dev.fault({ kind: "server-error", on: "invoice" });
    await world.payer.examine!();
    await expect(order(world)).rejects.toMatchObject({ code: "ERR_WALLET" });
    expect(await world.payer.pay(await order(world))).toMatchObject({ status: "failed" });
  });

  law(
    "an unknown key, a network that is down, and one that answers with errors are reported",
    async ({ dev, agent }) => {
      const examined = (url: string) => devWallet(url).examine!();
      await expect(examined(agent.url.replace(/key=.*/, "key=ab"))).rejects.toMatchObject({
        message: "The wallet cannot be used: the dev network refused (HTTP 401).",
      });
      dev.fault({ kind: "server-error", on: "find" });
      await expect(examined(agent.url)).rejects.toMatchObject({
        message: "The wallet cannot be used: the dev network refused (HTTP 500).",
      });
      await dev.down();
      await expect(examined(agent.url)).rejects.toMatchObject({
        code: "ERR_WALLET",
        message: expect.stringContaining("nothing listens there"),
      });
    },
  );
});
