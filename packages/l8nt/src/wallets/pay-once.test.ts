/**
 * Each hash is sent at most once, and a payment that may still be tried is not reported as ended.
 */
import { expect, test } from "vitest";
import type { PaymentOutcome } from "../ports/wallet.ts";
import { type OnRecord, payOnce, type Sent } from "./pay-once.ts";

const HASH = "ab".repeat(32);
const REQUEST = {
  invoice: "x",
  paymentHash: HASH,
  amountMsat: 1n,
  maxFeeMsat: 0n,
  timeoutSeconds: 10,
};
const PAID = { status: "paid", preimage: "cd".repeat(32), feeMsat: 1n } as const;
const ABSENT: OnRecord = { status: "never-sent", reason: "not known" };
const FAILED = { status: "failed", reason: "it failed" } as const;
const UNKNOWN = { status: "unknown", reason: "no answer" } as const;

/** A wallet whose backend has `record` on record, and answers `sent` to a payment. */
function world(sent: Sent, options: { refusesTwice?: true } = {}) {
  const state = { now: 1_000, record: ABSENT, sent, times: 0 };
  const wallet = payOnce({
    look: async () => state.record,
    send: async () => {
      state.times++;
      return state.sent;
    },
    lingerSeconds: (timeoutSeconds) => Math.min(timeoutSeconds, 300) + 60,
    clock: () => state.now,
    ...options,
  });
  return { state, wallet };
}

test("a hash without a record is never-sent only once no earlier process can have sent it", async () => {
  const { state, wallet } = world(PAID);
  expect(await wallet.find(HASH)).toMatchObject({ status: "unknown", askAgainInSeconds: 360 });
  state.now += 359;
  expect(await wallet.find(HASH)).toMatchObject({ status: "unknown" });
  state.now += 2;
  expect(await wallet.find(HASH)).toEqual(ABSENT);
});

test("a payment without an answer is neither sent again nor never-sent until it can no longer begin", async () => {
  const { state, wallet } = world(UNKNOWN);
  state.now += 1_000;
  expect(await wallet.pay(REQUEST)).toEqual(UNKNOWN);
  expect(await wallet.find(HASH)).toMatchObject({ status: "unknown" });
  expect(await wallet.pay(REQUEST)).toMatchObject({ status: "unknown" });
  expect(state.times).toBe(1);
  state.now += 71;
  expect(await wallet.find(HASH)).toEqual(ABSENT);
  state.sent = PAID;
  expect(await wallet.pay(REQUEST)).toEqual(PAID);
  expect(state.times).toBe(2);
});

test("a failure in the answer ends a payment at once; one on record only once no attempt is on its way", async () => {
  const { state, wallet } = world(FAILED);
  state.now += 1_000;
  expect(await wallet.pay(REQUEST)).toEqual(FAILED);
  state.record = FAILED;
  expect(await wallet.find(HASH)).toEqual(FAILED);
  state.sent = UNKNOWN;
  await wallet.pay(REQUEST);
  expect(await wallet.find(HASH)).toMatchObject({ status: "unknown" });
  state.now += 71;
  expect(await wallet.find(HASH)).toEqual(FAILED);
});

test("once a payment has arrived at the backend, its records count at once", async () => {
  const { state, wallet } = world({ ...UNKNOWN, arrived: true });
  state.now += 1_000;
  expect(await wallet.pay(REQUEST)).toEqual(UNKNOWN);
  state.record = FAILED;
  expect(await wallet.find(HASH)).toEqual(FAILED);
});

test("a failure on record is no end while the last attempt of an earlier process may still arrive [case 56]", async () => {
  const { state, wallet } = world(PAID);
  // The record is of an earlier attempt at the same hash; the last one is not recorded yet.
  state.record = FAILED;
  expect(await wallet.find(HASH)).toMatchObject({ status: "unknown", askAgainInSeconds: 360 });
  state.record = PAID;
  expect(await wallet.find(HASH)).toEqual(PAID);
});

test.each<[string, OnRecord, PaymentOutcome["status"]]>([
  ["paid", PAID, "paid"],
  ["in flight", UNKNOWN, "unknown"],
  ["failed", FAILED, "failed"],
  ["absent", ABSENT, "failed"],
  ["unreadable", { status: "unseen", reason: "no answer" }, "unknown"],
])("after an answer of failure, a record that is %s decides", async (_, record, expected) => {
  const { state, wallet } = world(FAILED);
  let looks = 0;
  const once = payOnce({
    look: async () => (looks++ === 0 ? ABSENT : record),
    send: async () => state.sent,
    lingerSeconds: () => 60,
    clock: () => state.now,
  });
  expect(await once.pay(REQUEST)).toMatchObject({ status: expected });
  expect(wallet).toBeDefined();
});

test.each<[string, OnRecord, PaymentOutcome["status"]]>([
  ["paid", PAID, "paid"],
  ["in flight", UNKNOWN, "unknown"],
  ["unreadable", { status: "unseen", reason: "no answer" }, "never-sent"],
])("a payment whose record is %s is not sent", async (_, record, expected) => {
  const { state, wallet } = world(PAID);
  state.record = record;
  expect(await wallet.pay(REQUEST)).toMatchObject({ status: expected });
  expect(state.times).toBe(0);
});

test("a backend that refuses a second payment is asked first only if an earlier request may be on its way", async () => {
  const { state, wallet } = world(UNKNOWN, { refusesTwice: true });
  state.record = PAID;
  expect(await wallet.pay(REQUEST)).toEqual(UNKNOWN);
  expect(await wallet.pay(REQUEST)).toEqual(PAID);
  expect(state.times).toBe(1);
});

test("concurrent requests for one hash share one payment", async () => {
  const { state, wallet } = world(PAID);
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => wallet.pay(REQUEST)));
  expect(outcomes).toEqual(Array.from({ length: 5 }, () => PAID));
  expect(state.times).toBe(1);
});
