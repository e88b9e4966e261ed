/**
 * The main job with real nodes: a service is paid at one, a treasury pays from another, and lnd's
 * own books are the judge.
 */

import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Credential } from "l8nt";
import { lndWallet } from "l8nt/wallets/lnd";
import { expect, onTestFinished, test } from "vitest";
import type { Invoicer } from "../../packages/l8nt/src/ports/wallet.ts";
import { town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { freePort } from "../e2e/support/free-port.ts";
import { daemon, sigil } from "../e2e/support/sigil.ts";
import { until } from "./support/program.ts";
import {
  paidSince,
  payee,
  payer,
  SERVICE_METHODS,
  settled,
  TREASURY_METHODS,
} from "./support/stage.ts";

const now = () => Date.now() / 1000;
const treasuryUrl = payer.walletUrl(await payer.bake(...TREASURY_METHODS));
const serviceWallet = lndWallet(payee.walletUrl(await payee.bake(...SERVICE_METHODS)));

/** A treasury in this process, paying from the payer's node; its shops are paid at the payee's. */
async function market(options: Parameters<typeof town>[0] = {}) {
  await settled();
  const world = await town({ clock: now, wallet: lndWallet(treasuryUrl), ...options });
  world.clock.set(now());
  const { length: before } = await payer.payments();
  const shop = (price: string, invoicer: Invoicer = serviceWallet) =>
    world.openShop(
      { price, grants: { validFor: "1h", endpoints: ["GET /**"] } } as Parameters<
        typeof world.openShop
      >[0],
      {
        invoicer,
      },
    );
  return { ...world, shop, before };
}

test("an agent buys 10 times; what the books say was spent is what lnd says it paid, fees included", async () => {
  const { mint, connect, shop, spent, before } = await market();
  const credential = mint({ budget: "1000 sat" });
  const agent = connect(credential);
  for (let nth = 1; nth <= 10; nth++) {
    const { url } = await shop(`${nth} sat`);
    expect(await (await agent.get(`${url}/forecast`)).json()).toEqual({ served: 1 });
    expect((await agent.get(`${url}/again`)).status, "what is bought serves again").toBe(200);
  }
  const { count, msat } = await paidSince(before);
  expect(count).toBe(10);
  expect(msat).toBeGreaterThan(55_000n);
  expect(await spent(credential)).toBe(msat);
});

test("ten agents at once, for one thing each: ten payments, and a budget that holds over all of them [case 43]", async () => {
  const { mint, connect, shop, spent, before } = await market();
  const family = mint({ budget: "50 sat" });
  const shops = await Promise.all(Array.from({ length: 10 }, () => shop("10 sat")));
  const results = await Promise.allSettled(
    shops.map(({ url }, at) => connect(family.delegate({ agent: `agent-${at}` })).get(`${url}/x`)),
  );
  const served = results.filter((result) => result.status === "fulfilled");
  const { count, msat } = await paidSince(before);
  expect(count).toBe(served.length);
  // Each reserves its price and 3 sat for the fee, and pays 1 sat of it.
  expect(count).toBeGreaterThanOrEqual(3);
  expect(await spent(family)).toBe(msat);
  expect(msat).toBeLessThanOrEqual(50_000n);
  for (const result of results)
    if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "ERR_BUDGET" });
});

test("too little in the node's channels: failed for certain, nothing spent, nothing held [case 45]", async () => {
  const { mint, connect, shop, spent, before } = await market();
  const credential = mint({ budget: "30000000 sat", maxPrice: "20000000 sat" });
  const { url } = await shop("15000000 sat");
  await expect(connect(credential).get(url)).rejects.toMatchObject({
    code: "ERR_PAYMENT_FAILED",
    spent: "no",
  });
  expect(await spent(credential)).toBe(0n);
  expect(await paidSince(before)).toEqual({ count: 0, msat: 0n });
});

test("a fee cap below what the way costs reaches the node: failed for certain, and paid once it is enough [case 46]", async () => {
  const { before, ...low } = await market({ maxFee: "0 msat" });
  const credential = low.mint({ budget: "100 sat" });
  const { url } = await low.shop("10 sat");
  await expect(low.connect(credential).get(url)).rejects.toMatchObject({
    code: "ERR_PAYMENT_FAILED",
    spent: "no",
  });
  expect(await low.spent(credential)).toBe(0n);
  const enough = await market({ maxFee: "1 sat" });
  const other = enough.mint({ budget: "100 sat" });
  expect((await enough.connect(other).get(url)).status).toBe(200);
  expect(await paidSince(before)).toEqual({ count: 1, msat: 11_000n });
});

/**
 * Invoices whose payment the payee's node keeps in flight, until it is told what to do with the one
 * that is.
 */
function holdInvoices() {
  const preimages = new Map<string, Buffer>();
  const held = async () => {
    const { payment_hash: hash } = (await payer.payments()).findLast(
      ({ status }) => status === "IN_FLIGHT",
    )!;
    return {
      hash: Buffer.from(hash, "hex").toString("base64"),
      preimage: preimages.get(hash)!.toString("base64"),
    };
  };
  const invoicer: Invoicer = {
    async createInvoice({ amountMsat, expirySeconds }) {
      const preimage = randomBytes(32);
      const hash = createHash("sha256").update(preimage).digest();
      preimages.set(hash.toString("hex"), preimage);
      const terms = { value_msat: amountMsat.toString(), expiry: expirySeconds.toString() };
      const invoice = await payee.post("/v2/invoices/hodl", {
        hash: hash.toString("base64"),
        ...terms,
      });
      return invoice.payment_request;
    },
  };
  const settle = async () =>
    payee.post("/v2/invoices/settle", { preimage: (await held()).preimage }).then(settled);
  const cancel = async () =>
    payee.post("/v2/invoices/cancel", { payment_hash: (await held()).hash }).then(settled);
  return { invoicer, settle, cancel };
}

test("a hold invoice stays in flight: its amount stays reserved, it is not paid again, and it is found once it lands [cases 52, 57, 71]", async () => {
  const { mint, connect, shop, spent, before } = await market({ paymentTimeout: "1s" });
  const { invoicer, settle } = holdInvoices();
  const credential = mint({ budget: "100 sat" });
  const agent = connect(credential);
  const { url } = await shop("10 sat", invoicer);
  await expect(agent.get(`${url}/held`)).rejects.toMatchObject({
    code: "ERR_PAYMENT_UNKNOWN",
    spent: "unknown",
  });
  expect(await spent(credential), "the fee cap is held as well").toBe(13_000n);
  await expect(agent.get(`${url}/held`)).rejects.toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
  expect((await payer.payments()).length - before).toBe(1);

  await settle();
  expect((await agent.get(`${url}/held`)).status).toBe(200);
  expect(await paidSince(before)).toEqual({ count: 1, msat: 11_000n });
  expect(await spent(credential)).toBe(11_000n);
});

test("a hold invoice that its owner cancels: failed for certain, and everything is given back", async () => {
  const { mint, connect, shop, treasury, spent } = await market({ paymentTimeout: "1s" });
  const { invoicer, cancel } = holdInvoices();
  const credential = mint({ budget: "100 sat" });
  const { url } = await shop("10 sat", invoicer);
  await expect(connect(credential).get(`${url}/held`)).rejects.toMatchObject({ spent: "unknown" });
  await cancel();
  expect(await treasury.reconcile()).toEqual({ stillOpen: 0 });
  expect(await spent(credential)).toBe(0n);
});

test("a treasury killed with a payment in flight finds it after its restart, and pays nothing again [cases 56, 63]", async () => {
  const { shop, before } = await market();
  const folder = mkdtempSync(join(tmpdir(), "sigil-lnd-treasury-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dir = join(folder, "treasury");
  const location = `http://127.0.0.1:${await freePort()}`;
  const made = await sigil([
    "treasury",
    "init",
    "--dir",
    dir,
    "--location",
    location,
    "--budget",
    "100 sat",
  ]);
  expect(made).toMatchObject({ code: 0 });
  const credential = Credential.parse(readFileSync(join(dir, "agent.credential"), "utf8").trim());
  const agent = new Client({ credential });
  const { invoicer, settle } = holdInvoices();
  const { url } = await shop("10 sat", invoicer);

  const first = await daemon(dir, treasuryUrl);
  // The node paid for other tests in the minutes before, and new books ask what that was.
  expect(await sigil(["treasury", "explain", "all", "--own", "--dir", dir])).toMatchObject({
    code: 0,
  });
  const asked = agent.get(`${url}/forecast`).catch((error: unknown) => error);
  await until(
    "a payment in flight",
    async () => (await payer.payments()).at(-1)?.status === "IN_FLIGHT",
  );
  first.child.kill("SIGKILL");
  await once(first.child, "close");
  expect(await asked).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });

  await daemon(dir, treasuryUrl);
  const open = await sigil(["payments", "--dir", dir, "--status", "open", "--json"]);
  expect(JSON.parse(open.stdout).payments).toHaveLength(1);
  await settle();
  expect((await agent.get(`${url}/forecast`)).status).toBe(200);
  expect(await paidSince(before)).toEqual({ count: 1, msat: 11_000n });
  expect((await sigil(["tree", "--dir", dir])).stdout).toMatch(
    /root +● active +spent 11 of 100 sat/,
  );
  expect(await sigil(["ledger", "verify", "--dir", dir])).toMatchObject({ code: 0 });
});
