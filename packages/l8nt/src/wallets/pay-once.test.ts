/** No hash is handed over twice, and nothing counts as ended that may still be tried. */
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

/** A wallet over what is on record now, and what it says when it is told to pay. */
function world(sent: Sent, options: { refusesTwice?: true } = {}) {
  const state = { now: 1_000, record: ABSENT, sent, times: 0 };
  const wallet = payOnce({
    look: async () => state.record,
    send: async () => {
      state.times++;
      return state.sent;
    },
    lingerSeconds: (timeoutSeconds) => Math.min(timeoutSeconds, 300) + 60,
    now: () => state.now,
    ...options,
  });
  return { state, wallet };
}

test("what is not on record is never-sent only once no process before this one can have asked for it", async () => {
  const { state, wallet } = world(PAID);
  expect(await wallet.find(HASH)).toMatchObject({ status: "unknown", askAgainInSeconds: 360 });
  state.now += 359;
  expect(await wallet.find(HASH)).toMatchObject({ status: "unknown" });
  state.now += 2;
  expect(await wallet.find(HASH)).toEqual(ABSENT);
});

test("what was handed over and not answered is neither handed over again nor never-sent, until it can no longer begin", async () => {
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

test("a failure that the backend answered with is an end at once; one on record once no other try of it can be on its way", async () => {
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

test("what the backend has taken is not on its way any more: its records are believed at once", async () => {
  const { state, wallet } = world({ ...UNKNOWN, arrived: true });
  state.now += 1_000;
  expect(await wallet.pay(REQUEST)).toEqual(UNKNOWN);
  state.record = FAILED;
  expect(await wallet.find(HASH)).toEqual(FAILED);
});

test("a failure on record is no end while what the process before this one handed over last may still arrive [case 56]", async () => {
  const { state, wallet } = world(PAID);
  // Of an earlier try of the same hash: the last one is not on record yet.
  state.record = FAILED;
  expect(await wallet.find(HASH)).toMatchObject({ status: "unknown", askAgainInSeconds: 360 });
  state.record = PAID;
  expect(await wallet.find(HASH)).toEqual(PAID);
});

test.each<[string, OnRecord, PaymentOutcome["status"]]>([
  ["paid", PAID, "paid"],
  ["in flight", UNKNOWN, "unknown"],
  ["failed", FAILED, "failed"],
  ["not there", ABSENT, "failed"],
  ["not to be read", { status: "unseen", reason: "no answer" }, "unknown"],
])("after an answer that it failed, a record that is %s decides", async (_, record, expected) => {
  const { state, wallet } = world(FAILED);
  let looks = 0;
  const once = payOnce({
    look: async () => (looks++ === 0 ? ABSENT : record),
    send: async () => state.sent,
    lingerSeconds: () => 60,
  });
  expect(await once.pay(REQUEST)).toMatchObject({ status: expected });
  expect(wallet).toBeDefined();
});

test.each<[string, OnRecord, PaymentOutcome["status"]]>([
  ["paid", PAID, "paid"],
  ["in flight", UNKNOWN, "unknown"],
  ["not to be read", { status: "unseen", reason: "no answer" }, "never-sent"],
])("what is %s before it is handed over is not handed over", async (_, record, expected) => {
  const { state, wallet } = world(PAID);
  state.record = record;
  expect(await wallet.pay(REQUEST)).toMatchObject({ status: expected });
  expect(state.times).toBe(0);
});

test("a backend that refuses twice itself is asked beforehand only where an earlier request may still be on its way", async () => {
  const { state, wallet } = world(UNKNOWN, { refusesTwice: true });
  state.record = PAID;
  expect(await wallet.pay(REQUEST)).toEqual(UNKNOWN);
  expect(await wallet.pay(REQUEST)).toEqual(PAID);
  expect(state.times).toBe(1);
});

test("many who ask at once share one payment", async () => {
  const { state, wallet } = world(PAID);
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => wallet.pay(REQUEST)));
  expect(outcomes).toEqual(Array.from({ length: 5 }, () => PAID));
  expect(state.times).toBe(1);
});
