/**
 * Which line of a payment's stream ends it: a complete line about this payment, with possible
 * amounts.
 */
import { expect, test } from "vitest";
import { endOf, isOnRecord } from "./lnd-answers.ts";

const HASH = "cd".repeat(32);
const PREIMAGE = "ab".repeat(32);
const PAID = {
  payment_hash: HASH,
  status: "SUCCEEDED",
  payment_preimage: PREIMAGE,
  fee_msat: "12",
};

test.each([
  ["paid", {}, { status: "paid", preimage: PREIMAGE, feeMsat: 12n }],
  ["failed", { status: "FAILED", failure_reason: "FAILURE_REASON_NO_ROUTE" }, { status: "failed" }],
  ["in flight", { status: "IN_FLIGHT" }, undefined],
  ["another payment that failed", { status: "FAILED", payment_hash: "ef".repeat(32) }, undefined],
  ["another payment that was made", { payment_hash: "ef".repeat(32) }, undefined],
  ["no hash", { status: "FAILED", payment_hash: undefined }, undefined],
  ["no preimage", { payment_preimage: "" }, undefined],
  ["a fee below zero", { fee_msat: "-1" }, undefined],
  ["a fee above 21 million bitcoin", { fee_msat: "2100000000000000001" }, undefined],
  ["a fee that is not a whole number", { fee_msat: 1.5 }, undefined],
])("%s", (_, change, expected) => {
  const end = endOf({ result: { ...PAID, ...change } }, HASH);
  if (expected === undefined) expect(end).toBeUndefined();
  else expect(end).toMatchObject(expected);
});

test("a line about another payment does not show that this one is on record", () => {
  expect(isOnRecord({ result: { status: "IN_FLIGHT", payment_hash: HASH } }, HASH)).toBe(true);
  expect(isOnRecord({ result: { status: "IN_FLIGHT", payment_hash: "ef".repeat(32) } }, HASH)).toBe(
    false,
  );
  expect(isOnRecord({ result: {} }, HASH)).toBe(false);
});
