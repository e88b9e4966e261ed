/** A payment whose record a wallet's adapter cannot read is listed all the same. [case 105] */
import { expect, test } from "vitest";
import type { WalletPayment } from "../ports/wallet.ts";
import { paymentsOf as clnPayments } from "./cln-answers.ts";
import { paymentsOf as lnbitsPayments } from "./lnbits-answers.ts";
import { paymentOf as nwcPayment } from "./nwc-transaction.ts";
import { paymentOf as phoenixdPayment } from "./phoenixd-answers.ts";

type Row = Record<string, unknown>;
const HASH = "ab".repeat(32);

const PHOENIXD: Row = {
  ...{ paymentId: "an-id", paymentHash: HASH, isPaid: true },
  ...{ sent: 11, fees: 1000, completedAt: 2_000_000_000_500 },
};
const LNBITS: Row = {
  ...{ checking_id: "an-id", payment_hash: HASH, status: "success" },
  ...{ amount: -10_000, fee: -1000, time: "2033-05-18T03:33:20Z" },
};
const CLN: Row = {
  ...{ payment_hash: HASH, status: "complete", preimage: HASH, groupid: 7 },
  ...{ amount_msat: 10_000, amount_sent_msat: 11_000, created_at: 2_000_000_000 },
};
const NWC: Row = {
  ...{ payment_hash: HASH, type: "outgoing", state: "settled" },
  ...{ amount: 10_000, fees_paid: 1000, created_at: 2_000_000_000 },
};
const READERS: Readonly<Record<string, (row: Row) => readonly WalletPayment[]>> = {
  phoenixd: (row) => phoenixdPayment(row, 1000),
  lnbits: (row) => lnbitsPayments([row], 1),
  cln: (row) => clnPayments([row], 1),
  nwc: (row) => [nwcPayment(row)].filter((payment) => payment !== undefined),
};
const AMOUNTS = { amountMsat: 10_000n, feeMsat: 1000n };
const UNREAD = { amountMsat: undefined, feeMsat: undefined };

test.for([
  ["phoenixd", PHOENIXD, {}, { ...AMOUNTS, paymentHash: HASH, id: "an-id", at: 2_000_000_000.5 }],
  ["phoenixd", PHOENIXD, { fees: "much" }, UNREAD],
  ["phoenixd", PHOENIXD, { fees: 2 ** 62 }, UNREAD],
  ["phoenixd", PHOENIXD, { sent: null }, { ...AMOUNTS, amountMsat: undefined }],
  ["phoenixd", PHOENIXD, { invoice: "no invoice" }, AMOUNTS],
  ["phoenixd", PHOENIXD, { completedAt: null }, { ...AMOUNTS, at: Number.NaN }],
  ["phoenixd", PHOENIXD, { paymentHash: 5 }, { ...AMOUNTS, paymentHash: "5" }],
  ["phoenixd", PHOENIXD, { paymentId: undefined }, { id: "2000000000500" }],
  ["lnbits", LNBITS, {}, { ...AMOUNTS, paymentHash: HASH, id: "an-id", at: 2_000_000_000 }],
  ["lnbits", LNBITS, { amount: "much" }, { ...AMOUNTS, amountMsat: undefined }],
  ["lnbits", LNBITS, { fee: "much" }, { ...AMOUNTS, feeMsat: undefined }],
  ["lnbits", LNBITS, { time: 5 }, { ...AMOUNTS, at: Number.NaN }],
  ["lnbits", LNBITS, { payment_hash: null }, { ...AMOUNTS, paymentHash: "null" }],
  ["cln", CLN, {}, { ...AMOUNTS, paymentHash: HASH, id: "7", at: 2_000_000_000 }],
  ["cln", CLN, { amount_msat: undefined }, { amountMsat: 11_000n, feeMsat: 0n }],
  ["cln", CLN, { amount_sent_msat: "much" }, { ...AMOUNTS, feeMsat: undefined }],
  ["cln", CLN, { preimage: undefined }, AMOUNTS],
  ["cln", CLN, { created_at: undefined }, { ...AMOUNTS, at: Number.NaN }],
  ["nwc", NWC, {}, { ...AMOUNTS, paymentHash: HASH, at: 2_000_000_000 }],
  ["nwc", NWC, { amount: "much" }, { ...AMOUNTS, amountMsat: undefined }],
  ["nwc", NWC, { fees_paid: -5 }, { ...AMOUNTS, feeMsat: undefined }],
  ["nwc", NWC, { fees_paid: undefined }, { ...AMOUNTS, feeMsat: 0n }],
  ["nwc", NWC, { created_at: "then" }, { ...AMOUNTS, at: Number.NaN }],
  ["nwc", NWC, { payment_hash: "5" }, { ...AMOUNTS, paymentHash: "5" }],
] as const)(
  "%s: a row with %o is listed, and what cannot be read is left open",
  ([name, whole, part, expected]) => {
    const listed = READERS[name]!({ ...(whole as Row), ...part });
    expect(listed).toHaveLength(1);
    expect(listed[0]).toMatchObject(expected);
  },
);

test.for([
  ["an on-chain payment", "phoenixd", PHOENIXD, { paymentHash: undefined }],
  ["a payment that came in", "lnbits", LNBITS, { amount: 10_000 }],
  ["a payment that failed", "nwc", NWC, { state: "failed" }],
  ["a payment that came in", "nwc", NWC, { type: "incoming" }],
  ["an older payment", "cln", CLN, { created_at: 0 }],
] as const)("%s is not listed: %s", ([, name, whole, part]) => {
  expect(READERS[name]!({ ...(whole as Row), ...part })).toEqual([]);
});
