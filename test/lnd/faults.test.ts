/**
 * What is wrong with a node, its certificate or its macaroon is said in one line, with what to do,
 * and never with the secret.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { Macaroon } from "l8nt/macaroon";
import { lndWallet } from "l8nt/wallets/lnd";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { freePort } from "../e2e/support/free-port.ts";
import { sigil } from "../e2e/support/sigil.ts";
import { LndProcess } from "./support/node.ts";
import { until } from "./support/program.ts";
import { hexOf, payee, payer, SERVICE_METHODS, TREASURY_METHODS } from "./support/stage.ts";

const admin = hexOf(payer.macaroonPath("admin"));
const treasury = await payer.bake(...TREASURY_METHODS);
const service = await payee.bake(...SERVICE_METHODS);

/** Narrowed by us, offline, with a caveat of lnd's own. */
const narrowed = (caveat: string): string => {
  const macaroon = Macaroon.decode(Uint8Array.from(Buffer.from(treasury, "hex")));
  return Buffer.from(Macaroon.encode(Macaroon.attenuate(macaroon, caveat))).toString("hex");
};

const withoutCert = (url: string) => url.replace(/&cert=.*$/, "");

const FAULTS: readonly (readonly [what: string, url: string, message: RegExp])[] = [
  [
    "another node's macaroon",
    payer.walletUrl(hexOf(payee.macaroonPath("admin"))),
    /belongs to another node, or was revoked/,
  ],
  ["what is no macaroon", payer.walletUrl("00"), /macaroon= .*is not a macaroon/],
  [
    "a macaroon that has expired",
    payer.walletUrl(narrowed("time-before 2020-01-01T00:00:00Z")),
    /has expired: bake a new one/,
  ],
  ["no cert=", withoutCert(payer.walletUrl(admin)), /self-signed TLS certificate .*add cert=/],
  [
    "another node's certificate",
    payer.walletUrl(admin).replace(/&cert=.*/, `&cert=${payee.certPath}`),
    /TLS certificate/,
  ],
  ["a node that is gone", payer.walletUrl(admin, await freePort()), /nothing listens there/],
];

describe("says what is wrong, and moves nothing", () => {
  test.each(FAULTS)("%s", async (_, url, message) => {
    const secrets = [
      admin,
      treasury,
      hexOf(payee.macaroonPath("admin")),
      narrowed("x").slice(0, 80),
    ];
    const shown: unknown[] = [];
    try {
      const wallet = lndWallet(url);
      for (const attempt of [
        () => wallet.examine!(),
        () => wallet.network(),
        () => wallet.createInvoice(INVOICE),
      ]) {
        const error = await attempt().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({
          code: "ERR_WALLET",
          message: expect.stringMatching(message),
        });
        expect((error as Error).message).not.toContain("\n");
        shown.push(error);
      }
      const { payment_request: invoice, r_hash } = await payee.post("/v1/invoices", {
        value_msat: "21000",
      });
      const paymentHash = Buffer.from(r_hash, "base64").toString("hex");
      const outcome = await wallet.pay({
        invoice,
        paymentHash,
        amountMsat: 21_000n,
        maxFeeMsat: 5_000n,
        timeoutSeconds: 5,
      });
      expect(["failed", "never-sent"]).toContain(outcome.status);
      expect(await wallet.find(paymentHash)).toMatchObject({ status: "unknown" });
      expect(
        (await payer.payments()).some(({ payment_hash }) => payment_hash === paymentHash),
      ).toBe(false);
      shown.push(outcome);
    } catch (error) {
      // A URL that is refused before anything is sent.
      if (!(error instanceof Error && "code" in error)) throw error;
      shown.push(error);
      expect(error).toMatchObject({ code: "ERR_WALLET", message: expect.stringMatching(message) });
    }
    for (const secret of secrets)
      expect(inspect(shown, { depth: 9, showHidden: true })).not.toContain(secret);
  });
});

const INVOICE = { amountMsat: 1_000n, expirySeconds: 60 };

test("a macaroon that we narrowed by lnd's own caveats is good as long as they hold", async () => {
  const wallet = lndWallet(payer.walletUrl(narrowed("time-before 2100-01-01T00:00:00Z")));
  expect(await wallet.network()).toBe("bcrt");
  await expect(wallet.createInvoice(INVOICE)).rejects.toThrow("does not allow it");
});

test("a service's macaroon cannot pay: refused for certain, and nothing is on the node's books", async () => {
  const wallet = lndWallet(payee.walletUrl(service));
  const { payment_request: invoice, r_hash } = await payer.post("/v1/invoices", {
    value_msat: "21000",
  });
  const paymentHash = Buffer.from(r_hash, "base64").toString("hex");
  const request = {
    invoice,
    paymentHash,
    amountMsat: 21_000n,
    maxFeeMsat: 5_000n,
    timeoutSeconds: 5,
  };
  expect(await wallet.pay(request)).toMatchObject({ status: "never-sent" });
  expect((await payee.payments()).length).toBe(0);
});

test("the node's own books say who it is: one that never saw a payment is not taken for the one that made it [case 59]", async () => {
  expect(await lndWallet(payer.walletUrl(treasury)).identity!()).toBe(payer.publicKey);
  expect(payer.publicKey).not.toBe(payee.publicKey);
});

describe("sigil doctor", () => {
  const run = async (url: string, ...args: readonly string[]) => {
    const told = await sigil(["doctor", "--json", ...args], { SIGIL_WALLET: url });
    const { ok, findings } = JSON.parse(told.stdout) as {
      ok: boolean;
      findings: { point: string; state: string; found: string }[];
    };
    return {
      ok,
      states: Object.fromEntries(findings.map(({ point, state }) => [point, state])),
      findings,
    };
  };

  test("finds nothing wrong with a treasury's macaroon, and makes no use of it", async () => {
    const before = (await payer.payments()).length;
    const { ok, findings } = await run(payer.walletUrl(treasury), "--for", "treasury");
    expect(findings.filter(({ state }) => state !== "ok")).toEqual([]);
    expect(ok).toBe(true);
    expect((await payer.payments()).length).toBe(before);
  });

  test("finds nothing wrong with a service's, and warns where it can pay, or more than that", async () => {
    const least = await run(payee.walletUrl(service), "--for", "service");
    expect(least.findings.filter(({ state }) => state === "failing")).toEqual([]);
    const most = await run(payee.walletUrl(hexOf(payee.macaroonPath("admin"))), "--for", "service");
    expect(most.ok).toBe(true);
    expect(most.findings.filter(({ state }) => state === "warning").length).toBeGreaterThanOrEqual(
      1,
    );
  });

  test("fails on another network, on a treasury's wallet that cannot pay, and on lnd's own invoice macaroon for a treasury", async () => {
    expect(await run(payer.walletUrl(treasury), "--network", "bc")).toMatchObject({ ok: false });
    expect(await run(payee.walletUrl(service), "--for", "treasury")).toMatchObject({ ok: false });
    expect(
      await run(payee.walletUrl(payee.macaroonPath("invoice")), "--for", "treasury"),
    ).toMatchObject({
      ok: false,
    });
    expect(
      await run(payee.walletUrl(payee.macaroonPath("invoice")), "--for", "service"),
    ).toMatchObject({
      ok: true,
    });
  });
});

test("a node without a wallet, locked, and unlocked again: each says what to do", async () => {
  const { lnd, args, folder } = inject("lnd").bare;
  const ports = { rest: await freePort(), rpc: await freePort(), peer: await freePort() };
  const process = new LndProcess("bare", folder, ports, lnd, args);
  onTestFinished(() => process.stop());
  let node = await process.start();
  const wallet = () => lndWallet(node.walletUrl(admin));
  const reaches = (wanted: string) =>
    until(`the state ${wanted}`, async () => (await node.get("/v1/state")).state === wanted);
  await reaches("NON_EXISTING");
  await expect(wallet().examine!()).rejects.toThrow(
    "lnd does not have a wallet yet: create one (lncli create)",
  );
  const { cipher_seed_mnemonic } = await node.get("/v1/genseed");
  const password = Buffer.from("a long password").toString("base64");
  await node.post("/v1/initwallet", { wallet_password: password, cipher_seed_mnemonic });
  const own = () =>
    lndWallet(node.walletUrl(join(node.folder, "data/chain/bitcoin/regtest/admin.macaroon")));
  await until("the new wallet", async () => (await own().examine!()).rights.pay);
  await process.stop();

  node = await process.start();
  await reaches("LOCKED");
  await expect(wallet().network()).rejects.toThrow("lnd is locked: unlock it (lncli unlock)");
  expect(await wallet().find("ab".repeat(32))).toMatchObject({ status: "unknown" });
  await node.post("/v1/unlockwallet", { wallet_password: password });
  const facts = await until("the unlocked wallet", async () => own().examine!());
  expect(facts).toMatchObject({
    network: "bcrt",
    spendableMsat: 0n,
    software: expect.stringMatching(/^lnd 0\./),
  });
  expect(readFileSync(join(node.folder, "tls.cert"), "utf8")).toContain("BEGIN CERTIFICATE");
});
