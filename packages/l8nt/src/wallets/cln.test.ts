/**
 * The Core Lightning wallet against a stand-in for clnrest: the wallet contract, and its own laws.
 */
import { describe, expect, test } from "vitest";
import { clnWallet } from "./cln.ts";
import { ClnStandIn } from "./fixtures/stand-ins/cln.ts";
import { StandInBank } from "./fixtures/stand-ins/stand-in.ts";
import { ANOTHER, CERT, EXPIRED, KEY } from "./fixtures/tls.ts";
import {
  BALANCE_MSAT,
  lawsOf,
  order,
  standInContract,
  stop,
  thrown,
  timeOut,
  type World,
} from "./fixtures/world.ts";

const TREASURY = ["getinfo", "listpays", "xpay", "pay", "listpeerchannels"];
const SERVICE = ["getinfo", "invoice"];

const open = ({ url, shared }: ClnStandIn, rune: string, cert?: string) =>
  clnWallet(
    `cln+${url}?rune=${encodeURIComponent(rune)}${cert === undefined ? "" : `&cert=${encodeURIComponent(cert)}`}`,
    shared.time,
  );

async function start(options: object = {}): Promise<World<ClnStandIn>> {
  const shared = new StandInBank();
  const paying = await ClnStandIn.start({
    shared,
    account: "agent",
    balanceMsat: BALANCE_MSAT,
    ...options,
  });
  const receiving = await ClnStandIn.start({
    shared,
    account: "service",
    balanceMsat: BALANCE_MSAT,
  });
  const runes = [paying.createRune(TREASURY), receiving.createRune(SERVICE)] as const;
  const [payer, invoicer] = [open(paying, runes[0]), open(receiving, runes[1])];
  return { shared, paying, receiving, payer, invoicer, secrets: runes };
}

const law = lawsOf(start);

standInContract("the Core Lightning wallet", start);
describe("on a node before v24.11, which does not have xpay", () => {
  standInContract("the Core Lightning wallet", () => start({ hasXpay: false }));
});

describe("an error is judged by its code and by the node's records", () => {
  const codes: [number | null, number, string][] = [
    [-32602, 500, "failed"],
    [-1, 500, "failed"],
    [-4, 500, "failed"],
    [203, 500, "failed"],
    [205, 500, "failed"],
    [206, 500, "failed"],
    [207, 500, "failed"],
    [209, 500, "failed"],
    [219, 500, "failed"],
    [4711, 500, "failed"],
    [1501, 401, "failed"],
    [1502, 401, "failed"],
    [1503, 401, "failed"],
    // clnrest lost its connection to the node: the command may go on.
    [null, 500, "unknown"],
  ];
  const failing = (code: number | null, status: number, world: World<ClnStandIn>) =>
    world.paying.instead.push({
      to: "POST /v1/xpay",
      answer: { status, body: { code, message: `secret ${world.secrets[0]}`, data: null } },
    });

  test.each(codes)(
    "code %s (HTTP %i) for a payment without a record is %s",
    async (code, status, expected) => {
      const world = await start();
      const request = await order(world);
      failing(code, status, world);
      const outcome = await world.payer.pay(request);
      expect(outcome).toMatchObject({ status: expected });
      expect(JSON.stringify(outcome)).not.toContain(world.secrets[0]);
      // The node has no record, and a new wallet cannot know what an earlier process sent.
      expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "unknown" });
      await stop(world);
    },
  );

  law("an error while a part is in flight is unknown", async (world) => {
    const request = await order(world);
    world.shared.faults.add({ kind: "stuck" });
    const paying = world.payer.pay({ ...request, timeoutSeconds: 1 });
    await timeOut(world.shared, request.paymentHash);
    expect(await paying).toMatchObject({ status: "unknown" });
    const other = open(world.paying, world.secrets[0]!);
    expect(await other.pay(request)).toEqual({
      status: "unknown",
      reason: "the payment is in flight",
    });
    expect(world.paying.requests.filter((call) => call === "POST /v1/xpay")).toHaveLength(1);
  });

  law("an error for a payment that the node has made is paid", async (world) => {
    const request = await order(world);
    const first = await world.payer.pay(request);
    world.paying.instead.push({
      to: "POST /v1/listpays",
      answer: { status: 201, body: { pays: [] } },
    });
    expect(await world.payer.pay(request)).toEqual(first);
  });

  law("a payment that cannot be looked up after an error is unknown", async (world) => {
    const request = await order(world);
    failing(205, 500, world);
    world.paying.instead.push(
      { to: "POST /v1/listpays", answer: { status: 201, body: { pays: [] } } },
      { to: "POST /v1/listpays", answer: { status: 500, body: { code: null, message: "" } } },
    );
    expect(await world.payer.pay(request)).toMatchObject({ status: "unknown" });
  });
});

describe("a record does not end a payment that the node may still try:", () => {
  const row = (payment_hash: string, status: string) => ({
    status: 201,
    body: { pays: [{ payment_hash, status }] },
  });

  law("a failure on record is unknown for as long as another attempt may last", async (world) => {
    const request = await order(world);
    world.paying.instead.push({
      to: "POST /v1/listpays",
      answer: row(request.paymentHash, "failed"),
    });
    expect(await world.payer.find(request.paymentHash)).toMatchObject({ status: "unknown" });
  });

  law("a row of another payment proves nothing", async (world) => {
    const request = await order(world);
    world.paying.instead.push({
      to: "POST /v1/listpays",
      answer: row("ab".repeat(32), "complete"),
    });
    expect(await world.payer.pay(request)).toMatchObject({ status: "never-sent" });
    expect(world.paying.requests).not.toContain("POST /v1/xpay");
  });

  law("of a failed row and an open row, the open one counts", async (world) => {
    const request = await order(world);
    const pays = ["failed", "pending"].map((status) => ({
      payment_hash: request.paymentHash,
      status,
    }));
    world.paying.instead.push({ to: "POST /v1/listpays", answer: { status: 201, body: { pays } } });
    expect(await world.payer.pay(request)).toMatchObject({ status: "unknown" });
  });
});

describe("the rights of a rune", () => {
  law("the runes of a treasury and a service are told apart, and no money moves", async (world) => {
    expect(await world.payer.examine!()).toEqual({
      software: "Core Lightning v25.12",
      network: "bcrt",
      identity: world.paying.nodeId,
      rights: { pay: true, find: true, invoice: false },
      synced: true,
      clock: expect.closeTo(Date.now() / 1000, -1),
      spendableMsat: BALANCE_MSAT,
      receivableMsat: 5_000_000n,
      limits: [expect.stringContaining("300 seconds")],
    });
    const service = await world.invoicer.examine!();
    expect(service.rights).toEqual({ pay: false, find: false, invoice: true });
    expect(service.spendableMsat).toBeUndefined();
    expect(world.shared.bank.payments()).toEqual([]);
    expect(world.paying.balanceMsat).toBe(BALANCE_MSAT);
  });

  law("a rune for every method is reported as excess", async ({ paying }) => {
    const facts = await open(paying, paying.createRune()).examine!();
    expect(facts.rights).toEqual({ pay: true, find: true, invoice: true });
    expect(facts.excess).toEqual(["everything: the rune has no restrictions"]);
    const more = await open(paying, paying.createRune([...TREASURY, "withdraw"])).examine!();
    expect(more.excess).toEqual(["method=withdraw"]);
  });

  law("a rune for small invoices has the right to pay, and pays no larger one", async (world) => {
    const rune = world.paying.createRune(["getinfo", "listpays", "xpay"], 60_000n);
    const payer = open(world.paying, rune);
    const { rights, excess } = await payer.examine!();
    expect(rights.pay).toBe(true);
    expect(excess).toBeUndefined();
    expect(await payer.pay(await order(world, 59_000n))).toMatchObject({ status: "paid" });
    expect(await payer.pay(await order(world, 60_000n))).toEqual({
      status: "failed",
      reason: expect.stringContaining("does not permit"),
    });
  });

  law("on a node without xpay, a rune for pay has the right to pay", async (world) => {
    const old = await ClnStandIn.start({ shared: world.shared, account: "old", hasXpay: false });
    const facts = await open(old, old.createRune(TREASURY)).examine!();
    expect(facts.rights.pay).toBe(true);
    await old.down();
  });

  law("a rune without listpays pays nothing", async (world) => {
    const { paying } = world;
    const payer = open(paying, paying.createRune(["getinfo", "xpay"]));
    const outcome = await payer.pay(await order(world));
    expect(outcome).toEqual({
      status: "never-sent",
      reason: expect.stringContaining("does not permit"),
    });
    expect(paying.requests).not.toContain("POST /v1/xpay");
  });

  law("a wrong rune is refused in one line that does not repeat the rune", async (world) => {
    const rune = `${"A".repeat(43)}=`;
    const payer = open(world.paying, rune);
    const message = await thrown(payer.network());
    expect(message).toMatch(/^The wallet cannot be used: Core Lightning does not know the rune/);
    expect(message).not.toContain(rune);
    expect(await payer.pay(await order(world))).toMatchObject({ status: "never-sent" });
    expect(await payer.find("ab".repeat(32))).toMatchObject({ status: "unknown" });
  });
});

describe("a node", () => {
  test.each([
    ["bitcoin", "bc"],
    ["testnet", "tb"],
    ["testnet4", "tb"],
    ["signet", "tbs"],
    ["regtest", "bcrt"],
  ])("on %s has the network %s", async (network, expected) => {
    const world = await start({ info: { network } });
    expect(await world.payer.network()).toBe(expected);
    await stop(world);
  });

  test("on a chain other than Bitcoin is refused", async () => {
    const world = await start({ info: { network: "liquid" } });
    expect(await thrown(world.payer.network())).toContain("on an unknown chain");
    await stop(world);
  });

  test.each(["warning_bitcoind_sync", "warning_lightningd_sync"])(
    "with %s is not synced",
    async (warning) => {
      const world = await start({ info: { [warning]: "still loading" } });
      expect((await world.payer.examine!()).synced).toBe(false);
      await stop(world);
    },
  );

  law("makes invoices of single msat", async ({ invoicer, payer, ...world }) => {
    const request = await order({ invoicer }, 1_234_567n);
    expect(await payer.pay(request)).toMatchObject({ status: "paid" });
    expect(world.receiving.balanceMsat).toBe(BALANCE_MSAT + 1_234_567n);
  });
});

describe("a certificate of the node", () => {
  const secure = async (cert: string) => {
    const shared = new StandInBank();
    const node = await ClnStandIn.start({ shared, account: "agent", tls: { cert, key: KEY } });
    return { node, rune: node.createRune(TREASURY) };
  };

  test("is trusted if the URL names it", async () => {
    const { node, rune } = await secure(CERT);
    expect(await open(node, rune, CERT).network()).toBe("bcrt");
    await node.down();
  });

  test.each([
    [
      "that is self-signed, without cert=",
      CERT,
      undefined,
      /self-signed TLS certificate.*add cert=/,
    ],
    ["other than in cert=", CERT, ANOTHER, /TLS certificate/],
    ["that has expired", EXPIRED, EXPIRED, /expired: renew it there/],
  ])("%s is refused, and nothing is sent", async (_, shown, named, message) => {
    const { node, rune } = await secure(shown);
    const wallet = open(node, rune, named);
    const text = await thrown(wallet.network());
    expect(text).toMatch(message);
    expect(text).not.toContain(rune);
    const request = {
      invoice: "x",
      paymentHash: "ab".repeat(32),
      amountMsat: 1n,
      maxFeeMsat: 1n,
      timeoutSeconds: 1,
    };
    expect(await wallet.pay(request)).toMatchObject({ status: "never-sent" });
    expect(node.requests).toEqual([]);
    await node.down();
  });
});
