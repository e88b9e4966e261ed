/** What a payment is across HTTP, on an answer that a service gave. */
import { expect, test } from "vitest";
import type { Amount } from "../amount.ts";
import { readPurchase, writePurchase } from "./purchase.ts";

const origin = "https://api.example";
const paymentHash = "4f".repeat(32);
const relayed = (amount: Amount, fee: Amount, more: { earlier?: true }) =>
  writePurchase({
    kind: "response",
    response: new Response("served"),
    payment: { origin, paymentHash, amount, fee, ...more },
  });

test.each<[string, Amount, Amount, { earlier?: true }?]>([
  ["msat 10000 12", { unit: "msat", value: 10_000n }, { unit: "msat", value: 12n }],
  ["usd_micro 20000 0", { unit: "usd_micro", value: 20_000n }, { unit: "usd_micro", value: 0n }],
  [
    "msat 10000 12 earlier",
    { unit: "msat", value: 10_000n },
    { unit: "msat", value: 12n },
    { earlier: true },
  ],
])("a payment is the field 'sigil-payment: <hash> %s', and is read as it was", async (...row) => {
  const [field, amount, fee, more = {}] = row;
  const response = relayed(amount, fee, more);
  expect(response.headers.get("sigil-payment")).toBe(`${paymentHash} ${field}`);
  const purchase = await readPurchase(response, origin);
  expect(purchase).toMatchObject({ payment: { origin, paymentHash, amount, fee, ...more } });
});

test.each([
  `${paymentHash} 10000 12`,
  `${paymentHash} eur 10000 12`,
  `${paymentHash} msat 10000`,
  `${paymentHash} msat -1 12`,
  `${paymentHash} msat 10000 12 1`,
  `${paymentHash} msat 10000 12 later`,
  "4f msat 10000 12",
])("the field %s is refused", async (field) => {
  const headers = { "sigil-relayed": "1", "sigil-payment": field };
  await expect(readPurchase(new Response("served", { headers }), origin)).rejects.toMatchObject({
    code: "ERR_TREASURY",
    message: expect.stringContaining("a unit, an amount and a fee"),
  });
});
