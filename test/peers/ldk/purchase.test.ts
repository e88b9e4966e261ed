/**
 * Twenty purchases that LDK pays and LDK takes: what the books say is what the nodes say, to the
 * msat.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { auditLedger } from "../../../packages/l8nt/src/ledger/index.ts";
import { market } from "./support/market.ts";

const PURCHASES = 20;

/** No two alike, and none in whole satoshi. */
const priceOf = (url: string | URL) =>
  10_001n + 137n * BigInt(new URL(url).pathname.slice("/forecast/".length));

const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

const hashOf = (preimage: string) =>
  createHash("sha256").update(Buffer.from(preimage, "hex")).digest("hex");

test("an agent buys twenty times, and every book agrees with the nodes", async () => {
  const world = await market({ terms: { price: ({ url }) => `${priceOf(url)} msat` } });
  const { road, shop, store, treasury } = world;
  const before = { hop: road.hop.balanceMsat(), payee: road.payee.balanceMsat() };
  const root = world.root();
  const scout = root.delegate({ agent: "scout", budget: "2000 sat" });
  const client = world.client(scout);
  const urls = Array.from({ length: PURCHASES }, (_, at) => `${shop.url}/forecast/${at}`);
  for (const url of urls) expect((await client.get(url)).status).toBe(200);

  // The service served each of them, once.
  expect(shop.served).toEqual(urls.map((url) => new URL(url).pathname));

  // The nodes: as many payments as purchases, each proven, and what one sent the other has.
  const sent = world.sent();
  expect(road.payer.endings).toHaveLength(PURCHASES);
  expect(new Set(sent.map(({ paymentHash }) => paymentHash)).size).toBe(PURCHASES);
  for (const { paymentHash, preimage } of sent) expect(hashOf(preimage)).toBe(paymentHash);
  const gone = await world.gone();
  const hashes = sent.map(({ paymentHash }) => paymentHash);
  expect(road.payee.claims).toEqual(
    urls.map((url, at) => ({ paymentHash: hashes[at], amountMsat: priceOf(url) })),
  );
  const prices = sum(urls.map(priceOf));
  const fees = sum(sent.map(({ feeMsat }) => feeMsat!));
  expect(road.payee.balanceMsat() - before.payee).toBe(prices);
  expect(road.hop.balanceMsat() - before.hop).toBe(fees);
  expect(fees).toBeGreaterThan(0n);
  expect(gone).toBe(prices + fees);

  // The books: one record a payment with the node's own figures, and totals that are what left the
  // node.
  const records = (await store.payments({ limit: 100 })).toReversed();
  const payee = Buffer.from(road.payee.id).toString("hex");
  for (const [at, record] of records.entries()) {
    const { paymentHash, feeMsat } = sent[at]!;
    expect(record).toMatchObject({
      paymentHash,
      // Wrapped: the books alone present nothing.
      preimage: expect.stringMatching(/^sigil:/),
      fee: { unit: "msat", value: feeMsat },
      amount: { unit: "msat", value: priceOf(urls[at]!) },
      payee,
    });
    expect(["paid", "used"]).toContain(record.status);
  }
  expect(records).toHaveLength(PURCHASES);
  expect(await world.spent(root)).toBe(gone);
  expect(await world.spent(scout)).toBe(gone);
  expect((await auditLedger(store)).faults).toEqual([]);
  expect(await treasury.owner.health()).toEqual({
    spending: true,
    openPayments: 0,
    stuckPayments: 0,
    unexplainedPayments: 0,
    pendingRecalls: 0,
    previousSecretsNeeded: false,
  });
  expect(world.alarms).toEqual([]);
});

test("five at once are five payments, and the budget that they share is what they cost", async () => {
  const world = await market();
  const root = world.root();
  const client = world.client(root);
  const urls = Array.from({ length: 5 }, (_, at) => `${world.shop.url}/${at}`);
  const answers = await Promise.all(urls.map((url) => client.get(url)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(world.shop.served.toSorted()).toEqual(["/0", "/1", "/2", "/3", "/4"]);
  expect(world.sent()).toHaveLength(5);
  const gone = await world.gone();
  expect(gone).toBe(5n * 11_000n);
  expect(await world.spent(root)).toBe(gone);
});
