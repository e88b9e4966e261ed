/**
 * The dev network: its sums, its faults, its HTTP API, and its end.
 */
import { channel } from "node:diagnostics_channel";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { Invoice } from "../invoice/index.ts";
import type { PaymentRequest, Wallet } from "../ports/wallet.ts";
import { devWallet } from "../wallets/dev.ts";
import { DevNetwork, type DevNetworkOptions } from "./dev-network.ts";

async function order(invoicer: Wallet, amountMsat: bigint): Promise<PaymentRequest> {
  const invoice = await invoicer.createInvoice({ amountMsat, expirySeconds: 600 });
  const { paymentHash } = Invoice.decode(invoice);
  return { invoice, paymentHash, amountMsat, maxFeeMsat: 10_000n, timeoutSeconds: 30 };
}

function law(
  name: string,
  body: (network: DevNetwork) => Promise<void>,
  options?: DevNetworkOptions,
) {
  test(name, async () => {
    await using network = await DevNetwork.start(options);
    await body(network);
  });
}

function sound(network: DevNetwork): void {
  const { fundedMsat, balancesMsat, inFlightMsat, feesMsat } = network.totals();
  expect(balancesMsat + inFlightMsat + feesMsat).toBe(fundedMsat);
}

describe("money", () => {
  law("goes to the payee, and a fee of 0.1 %, rounded up, to the network", async (network) => {
    const alice = network.account("alice", { balanceMsat: 1_000_000n });
    const bob = network.account("bob", { balanceMsat: 5n });
    const request = await order(devWallet(bob.url), 20_001n);
    await devWallet(alice.url).pay(request);
    expect([alice.balanceMsat(), bob.balanceMsat(), network.totals().feesMsat]).toEqual([
      979_978n,
      20_006n,
      21n,
    ]);
    expect(network.payments()).toEqual([
      {
        paymentHash: request.paymentHash,
        payer: "alice",
        payee: "bob",
        amountMsat: 20_001n,
        feeMsat: 21n,
        status: "paid",
      },
    ]);
    sound(network);
  });

  law("in flight belongs to no account, and is counted in the totals", async (network) => {
    const alice = devWallet(network.account("alice", { balanceMsat: 1_000_000n }).url);
    const bob = devWallet(network.account("bob", { balanceMsat: 0n }).url);
    network.fault({ kind: "stuck", delayMs: 0, times: 2 });
    const first = await order(bob, 1_000n);
    const second = await order(bob, 2_000n);
    await alice.pay(first);
    await alice.pay(second);
    expect(network.totals()).toMatchObject({ inFlightMsat: 3_003n, feesMsat: 0n });
    sound(network);
    network.settle(first.paymentHash);
    network.fail(second.paymentHash);
    expect(network.totals()).toMatchObject({ inFlightMsat: 0n, feesMsat: 1n });
    sound(network);
    expect(() => network.settle(second.paymentHash)).toThrow(TypeError);
  });

  law("pays an invoice once, from one account", async (network) => {
    const alice = devWallet(network.account("alice", { balanceMsat: 1_000_000n }).url);
    const carol = devWallet(network.account("carol", { balanceMsat: 1_000_000n }).url);
    const request = await order(devWallet(network.account("bob", { balanceMsat: 0n }).url), 1_000n);
    const outcomes = await Promise.all(
      [alice, carol, alice, carol].map((wallet) => wallet.pay(request)),
    );
    expect(outcomes.filter(({ status }) => status === "paid")).toHaveLength(1);
    expect(
      outcomes.filter((outcome) => "reason" in outcome && outcome.reason === "already paid"),
    ).toHaveLength(3);
    sound(network);
  });

  law("never goes from a node to itself [case 74]", async (network) => {
    const alice = devWallet(network.account("alice", { balanceMsat: 1_000_000n }).url);
    const request = await order(alice, 1_000n);
    expect(await alice.pay(request)).toEqual({
      status: "failed",
      reason: "the invoice is the payer's own",
    });
    expect(await alice.find(request.paymentHash)).toMatchObject({ status: "failed" });
  });

  law(
    "does not move for another amount than the invoice's, which is a definite failure",
    async (network) => {
      const alice = devWallet(network.account("alice", { balanceMsat: 1_000_000n }).url);
      const request = await order(
        devWallet(network.account("bob", { balanceMsat: 0n }).url),
        1_000n,
      );
      expect(await alice.pay({ ...request, amountMsat: 999n })).toMatchObject({ status: "failed" });
      expect(await alice.pay({ ...request, invoice: "lnbcrt1nonsense" })).toMatchObject({
        status: "failed",
      });
      sound(network);
    },
  );

  law(
    "moves under a fee cap of zero on a network without routing fees",
    async (network) => {
      const alice = devWallet(network.account("alice", { balanceMsat: 1_000n }).url);
      const request = await order(
        devWallet(network.account("bob", { balanceMsat: 0n }).url),
        1_000n,
      );
      expect(await alice.pay({ ...request, maxFeeMsat: 0n })).toMatchObject({
        status: "paid",
        feeMsat: 0n,
      });
    },
    { routingFeePpm: 0 },
  );
});

describe("a fault", () => {
  law("applies to its account and its payment, as often as it says", async (network) => {
    const bob = devWallet(network.account("bob", { balanceMsat: 0n }).url);
    const [alice, carol] = ["alice", "carol"].map((name) =>
      devWallet(network.account(name, { balanceMsat: 1_000_000n }).url),
    ) as [Wallet, Wallet];
    const marked = await order(bob, 1_000n);
    network.fault({ kind: "fails", account: "carol" });
    network.fault({ kind: "fails", paymentHash: marked.paymentHash, times: 2 });
    expect(await alice.pay(await order(bob, 1_000n))).toMatchObject({ status: "paid" });
    expect(await carol.pay(await order(bob, 1_000n))).toMatchObject({ status: "failed" });
    expect(await carol.pay(await order(bob, 1_000n))).toMatchObject({ status: "paid" });
    expect(await alice.pay(marked)).toMatchObject({ status: "failed" });
    expect(await alice.pay(marked)).toMatchObject({ status: "failed" });
    expect(await alice.pay(marked)).toMatchObject({ status: "paid" });
  });

  law("can apply to a look-up and to making an invoice", async (network) => {
    const alice = devWallet(network.account("alice", { balanceMsat: 1_000_000n }).url);
    const bob = devWallet(network.account("bob", { balanceMsat: 0n }).url);
    const request = await order(bob, 1_000n);
    await alice.pay(request);
    network.fault({ kind: "half-json", on: "find" });
    network.fault({ kind: "reply-lost", on: "invoice" });
    expect(await alice.find(request.paymentHash)).toMatchObject({ status: "unknown" });
    expect(await alice.find(request.paymentHash)).toMatchObject({ status: "paid" });
    await expect(order(bob, 1_000n)).rejects.toMatchObject({ code: "ERR_WALLET" });
    network.fault({ kind: "fails", times: 9 });
    network.clearFaults();
    expect(await alice.pay(await order(bob, 1_000n))).toMatchObject({ status: "paid" });
  });

  law("that the network cannot carry out is refused", async (network) => {
    for (const wrong of [
      { kind: "no-such" },
      { kind: "fails", on: "find" },
      { kind: "slow", delayMs: 1e9 },
      { kind: "slow", times: 0 },
    ])
      expect(() => network.fault(wrong as never)).toThrow(TypeError);
  });
});

describe("the HTTP API, for other processes", () => {
  const control = (
    network: DevNetwork,
    method: string,
    path: string,
    body?: object,
    key = network.controlKey,
  ) =>
    fetch(`${network.url}/control/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

  law("opens accounts, adds faults, ends stuck payments, lists payments", async (network) => {
    const open = async (name: string, balanceMsat: string) =>
      (await control(network, "POST", "accounts", { name, balanceMsat })).json() as Promise<{
        url: string;
      }>;
    const alice = devWallet((await open("alice", "1000000")).url);
    const request = await order(devWallet((await open("bob", "0")).url), 1_000n);
    await control(network, "POST", "faults", { kind: "stuck", account: "alice", delayMs: 0 });
    expect(await alice.pay(request)).toMatchObject({ status: "unknown" });
    expect((await control(network, "POST", `payments/${request.paymentHash}/settle`)).status).toBe(
      200,
    );
    expect(await alice.find(request.paymentHash)).toMatchObject({ status: "paid" });
    expect((await control(network, "POST", `payments/${request.paymentHash}/fail`)).status).toBe(
      400,
    );
    expect(await (await control(network, "GET", "payments")).json()).toMatchObject({
      payments: [
        { payer: "alice", payee: "bob", amountMsat: "1000", feeMsat: "1", status: "paid" },
      ],
      totals: { fundedMsat: "1000000", balancesMsat: "999999", inFlightMsat: "0", feesMsat: "1" },
    });
  });

  law("requires the control key, and refuses malformed requests", async (network) => {
    const { url } = network.account("alice", { balanceMsat: 0n });
    const key = url.slice(url.indexOf("key=") + 4);
    expect((await control(network, "GET", "payments", undefined, key)).status).toBe(401);
    expect((await control(network, "POST", "accounts", { name: "x", balanceMsat: 5 })).status).toBe(
      400,
    );
    expect(
      (await control(network, "POST", "accounts", { name: "control", balanceMsat: "5" })).status,
    ).toBe(400);
    expect((await control(network, "POST", "faults", { kind: "no-such" })).status).toBe(400);
    expect((await control(network, "POST", "down", {})).status).toBe(400);
    expect((await control(network, "POST", "nothing", {})).status).toBe(404);
    expect((await fetch(`${network.url}/alice`)).status).toBe(401);
    expect((await fetch(`${network.url}/%E0%A4%A`)).status).toBe(401);
    const huge = {
      method: "POST",
      body: "x".repeat(70_000),
      headers: { authorization: `Bearer ${key}` },
    };
    expect((await fetch(`${network.url}/alice/payments`, huge)).status).toBe(413);
  });

  law("keeps its connections over ten requests of wallets", async (network) => {
    const alice = devWallet(network.account("alice", { balanceMsat: 1_000_000n }).url);
    const bob = devWallet(network.account("bob", { balanceMsat: 0n }).url);
    const opened = channel("undici:client:connected");
    const ports: unknown[] = [];
    const count = (event: unknown) => {
      const { port } = (event as { connectParams: { port: string } }).connectParams;
      if (port === new URL(network.url).port) ports.push(port);
    };
    opened.subscribe(count);
    onTestFinished(() => void opened.unsubscribe(count));
    for (let nth = 0; nth < 5; nth++)
      expect(await alice.pay(await order(bob, 1_000n))).toMatchObject({ status: "paid" });
    expect(ports.length).toBeLessThanOrEqual(2);
  });

  law("refuses a wallet that paid before, once it is down", async (network) => {
    const alice = devWallet(network.account("alice", { balanceMsat: 1_000_000n }).url);
    const bob = devWallet(network.account("bob", { balanceMsat: 0n }).url);
    for (let nth = 0; nth < 20; nth++) {
      const [first, second] = [await order(bob, 1_000n), await order(bob, 1_000n)];
      expect(await alice.pay(first)).toMatchObject({ status: "paid" });
      await network.down();
      expect(await alice.pay(second)).toMatchObject({ status: "never-sent" });
      await network.up();
    }
  });

  law("goes down on request, after it has answered", async (network) => {
    const alice = devWallet(network.account("alice", { balanceMsat: 0n }).url);
    expect((await control(network, "POST", "down", { forMs: 600_000 })).status).toBe(200);
    await expect(alice.network()).rejects.toMatchObject({ code: "ERR_WALLET" });
    await network.up();
    expect(await alice.network()).toBe("bcrt");
  });
});

describe("a network", () => {
  test("with the same seed has the same nodes and preimages; without a seed, others", async () => {
    const hash = async (options: DevNetworkOptions) => {
      await using network = await DevNetwork.start({ ...options, clock: () => 1_700_000_000 });
      const wallet = devWallet(network.account("alice", { balanceMsat: 0n }).url);
      return await wallet.createInvoice({ amountMsat: 1_000n, expirySeconds: 60 });
    };
    expect(await hash({ seed: "a" })).toBe(await hash({ seed: "a" }));
    expect(await hash({ seed: "a" })).not.toBe(await hash({ seed: "b" }));
    expect(await hash({})).not.toBe(await hash({}));
  });

  test("that stops cuts its connections, and payments that wait", async () => {
    const network = await DevNetwork.start();
    const alice = devWallet(network.account("alice", { balanceMsat: 1_000_000n }).url);
    const request = await order(devWallet(network.account("bob", { balanceMsat: 0n }).url), 1_000n);
    network.fault({ kind: "stuck" });
    const paying = alice.pay(request);
    const idle = connect(Number(new URL(network.url).port), "127.0.0.1");
    const closed = new Promise((resolve) => idle.once("close", resolve));
    idle.on("error", () => {});
    while (network.payments().length === 0) await new Promise(setImmediate);
    await network.stop();
    expect(await paying).toMatchObject({ status: "unknown" });
    await closed;
    await network.stop();
    await expect(network.up()).rejects.toThrow(TypeError);
  });

  law("opens an account once, by a valid name", async (network) => {
    network.account("alice", { balanceMsat: 1n });
    expect(network.account("alice").url).toBe(network.account("alice").url);
    expect(() => network.account("alice", { balanceMsat: 1n })).toThrow(TypeError);
    for (const name of ["", "A", "a/b", "../a", "control", "a b"])
      expect(() => network.account(name, { balanceMsat: 1n })).toThrow(TypeError);
    expect(() => network.account("bob")).toThrow(TypeError);
    expect(() => network.account("bob", { balanceMsat: -1n })).toThrow(TypeError);
  });
});
