/** Amounts of both units in what the program prints. */
import { expect, test } from "vitest";
import { amountJson, formatPaid, formatSum, readAmountJson, withFee } from "./amounts.ts";
import { Sums } from "./receipts/sums.ts";

const sats = (value: bigint) => ({ unit: "msat", value }) as const;
const dollars = (value: bigint) => ({ unit: "usd_micro", value }) as const;

test("a sum keeps the units apart", () => {
  expect(formatSum([sats(10_000n), dollars(500_000n), sats(10_500n)])).toBe("20.5 sat and 0.5 usd");
  expect(formatSum([dollars(1n)])).toBe("0.000001 usd");
});

test("a fee is added in the unit of its amount, and shown with it", () => {
  expect(withFee(dollars(20_000n), dollars(5n))).toEqual(dollars(20_005n));
  expect(withFee(sats(7n), undefined)).toEqual(sats(7n));
  expect(formatPaid(sats(10_000n), sats(12n))).toBe("10 sat and 0.012 sat of routing fee");
});

test("an amount is the same after JSON, also one that a number would round", () => {
  const most = sats(2_100_000_000_000_000_000n);
  const json = JSON.stringify(amountJson(most));
  expect(json).toBe('{"unit":"msat","value":"2100000000000000000"}');
  expect(readAmountJson(JSON.parse(json))).toEqual(most);
});

test("receipts of one agent at one origin are summed up for each unit", () => {
  const sums = new Sums();
  const receipt = {
    type: "receipt",
    version: 1,
    seq: 1,
    previous: "",
    keyId: "",
    paymentHash: "",
    nodeIds: [],
    lineage: ["scout"],
    method: "GET",
    origin: "https://api.example",
    pathClass: "/",
    settledAt: 1_893_456_000,
  } as const;
  sums.add({ ...receipt, amount: sats(10_000n), fee: sats(10n) });
  sums.add({ ...receipt, amount: dollars(20_000n), fee: dollars(0n) });
  sums.add({ ...receipt, amount: sats(5_000n), fee: sats(5n) });
  expect(sums.rows().map(({ payments, amount, fee }) => [payments, amount, fee])).toEqual([
    [2, sats(15_000n), sats(15n)],
    [1, dollars(20_000n), dollars(0n)],
  ]);
  expect(sums.lines().join("\n")).toContain("15 sat, fees 0.015 sat");
  expect(sums.lines().join("\n")).toContain("0.02 usd, fees 0 usd");
});
