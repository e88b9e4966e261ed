/** Amounts: which texts are read, to what, and how an amount is written. Hand-written tables. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAmount, MAX_VALUE, parseAmount, readAmountOption, UNITS } from "./amount.ts";

describe("an amount is a number and its unit", () => {
  test.each<[string, "msat" | "usd_micro", bigint]>([
    ["0 sat", "msat", 0n],
    ["10 sat", "msat", 10_000n],
    ["10 sats", "msat", 10_000n],
    ["10sat", "msat", 10_000n],
    ["10 SAT", "msat", 10_000n],
    ["1.5 sat", "msat", 1500n],
    ["0.001 sat", "msat", 1n],
    ["1000 msat", "msat", 1000n],
    ["0.001 btc", "msat", 100_000_000n],
    ["0.00000000001 btc", "msat", 1n],
    ["21000000 btc", "msat", 2_100_000_000_000_000_000n],
    ["0 usd", "usd_micro", 0n],
    ["5 usd", "usd_micro", 5_000_000n],
    ["5.00 USD", "usd_micro", 5_000_000n],
    ["0.25 usd", "usd_micro", 250_000n],
    ["0.000001 usd", "usd_micro", 1n],
    ["1000000000000 usd", "usd_micro", 1_000_000_000_000_000_000n],
  ])("%j", (text, unit, value) => {
    expect(parseAmount(text)).toEqual({ unit, value });
    expect(readAmountOption(text, "price")).toEqual({ unit, value });
  });

  test.each<[unknown]>([
    [""],
    ["10"],
    ["sat"],
    ["-1 sat"],
    ["+1 sat"],
    ["01 sat"],
    ["1e3 sat"],
    ["1,000 sat"],
    ["1. sat"],
    [".5 usd"],
    [" 1 sat"],
    ["1 sat "],
    ["1  sat"],
    ["1 sat\n"],
    ["0.0001 sat"],
    ["0.5 msat"],
    ["0.0000001 usd"],
    ["21000001 btc"],
    ["1000000000000.000001 usd"],
    ["$5"],
    ["5 eur"],
    ["5 cents"],
    ["5 usd_micro"],
    ["١ sat"],
    [10],
    [10n],
    [null],
    [undefined],
    [{ unit: "msat", value: 1n }],
    [["1 sat"]],
  ])("%s is none", (text) => {
    expect(parseAmount(text)).toBeUndefined();
    expect(() => readAmountOption(text, "price")).toThrow(
      new TypeError('price must be an amount with its unit, such as "500 sat" or "5 usd"'),
    );
  });
});

test.each([
  ["msat", 0n, "0 sat"],
  ["msat", 1n, "0.001 sat"],
  ["msat", 12_345n, "12.345 sat"],
  ["msat", 1_000_000n, "1,000 sat"],
  ["msat", -1500n, "-1.5 sat"],
  ["usd_micro", 0n, "0 usd"],
  ["usd_micro", 1n, "0.000001 usd"],
  ["usd_micro", 250_000n, "0.25 usd"],
  ["usd_micro", 5_000_000n, "5 usd"],
  ["usd_micro", 1_234_567_000_000n, "1,234,567 usd"],
] as const)("%s %d is written %j", (unit, value, text) => {
  expect(formatAmount({ unit, value })).toBe(text);
});

test("what is written is read back to the same amount", () => {
  const amounts = fc
    .constantFrom(...UNITS)
    .chain((unit) => fc.record({ unit: fc.constant(unit), value: fc.bigInt(0n, MAX_VALUE[unit]) }));
  fc.assert(
    fc.property(amounts, (amount) => {
      expect(parseAmount(formatAmount(amount).replaceAll(",", ""))).toEqual(amount);
    }),
  );
});
