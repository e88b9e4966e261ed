/** The clerk: every settled payment gets one receipt, in order, also through failures. */

import { expect, test } from "vitest";
import { msat } from "../amount.ts";
import { MemoryStore } from "../stores/memory.ts";
import { beginPayment, buy, paymentOf } from "../testing/payment-laws.ts";
import { verifyChain } from "./chain.ts";
import { ReceiptClerk } from "./clerk.ts";
import { NOW, otherSigner, PUBLIC_KEY, paidStore, receipt, signer } from "./fixtures/books.ts";

const unwanted = (error: unknown): void => expect.unreachable(String(error));

const textsIn = async (store: MemoryStore) =>
  (await store.receipts(0, 10_000)).map(({ text }) => text);

const hashesIn = async (store: MemoryStore) =>
  (await store.receipts(0, 10_000)).map(({ paymentHash }) => paymentHash);

async function chainOf(store: MemoryStore) {
  const verdict = await verifyChain(await textsIn(store), PUBLIC_KEY);
  if (!verdict.holds) throw verdict.fault;
  return verdict.receipts;
}

test("a receipt names payer, amount and kind of request, and contains no secret", async () => {
  const store = new MemoryStore();
  const paid = await buy(
    store,
    { path: "/orders/1042?token=x", lineage: ["planner", "scout"], nodeIds: ["r", "p", "s"] },
    NOW + 0.9,
  );
  await receipt(store);
  expect(await chainOf(store)).toEqual([
    {
      type: "receipt",
      version: 1,
      seq: 1,
      previous: "0".repeat(64),
      keyId: signer.keyId,
      paymentHash: paid.paymentHash,
      nodeIds: ["r", "p", "s"],
      lineage: ["planner", "scout"],
      method: "GET",
      origin: "https://api.example",
      pathClass: "/orders/*",
      amount: msat(10_000n),
      fee: msat(17n),
      settledAt: NOW,
    },
  ]);
  const [text] = await textsIn(store);
  for (const secret of [paid.preimage!, paid.invoice, paid.token, "token"])
    expect(text).not.toContain(secret);
});

test("receipts are made in the order of settling, across batches, and only of paid payments", async () => {
  const store = new MemoryStore();
  const records = Array.from({ length: 7 }, () => paymentOf());
  for (const record of records) await beginPayment(store, record);
  const settled = [5, 0, 3, 6, 1].map((at) => records[at]!.paymentHash);
  for (const hash of settled)
    await store.settle(hash, records.find(({ paymentHash }) => paymentHash === hash)!.attemptId, {
      status: "paid",
      preimage: "ab".repeat(32),
      fee: msat(0n),
      at: NOW,
    });
  await store.settle(records[2]!.paymentHash, records[2]!.attemptId, { status: "failed", at: NOW });
  await store.mark(settled[1]!, { status: "undelivered" });
  const clerk = new ReceiptClerk({ book: store, signer, alarm: unwanted, batch: 2 });
  clerk.wake();
  await clerk.idle();
  expect((await chainOf(store)).map(({ paymentHash }) => paymentHash)).toEqual(settled);
  expect(await hashesIn(store)).toEqual(settled);
});

test("a payment that settles while the clerk works gets its receipt", async () => {
  const store = await paidStore(3);
  let late = 2;
  const book: MemoryStore = Object.assign(Object.create(store), {
    lastReceipt: () => store.lastReceipt(),
    appendReceipts: store.appendReceipts.bind(store),
    unreceipted: async (limit: number) => {
      const found = await store.unreceipted(limit);
      if (found.length === 0 && late-- > 0) {
        await buy(store);
        clerk.wake();
      }
      return found;
    },
  });
  const clerk = new ReceiptClerk({ book, signer, alarm: unwanted });
  clerk.wake();
  await clerk.idle();
  expect(await chainOf(store)).toHaveLength(5);
});

test("a clerk that is woken repeatedly runs once at a time", async () => {
  const store = await paidStore(10);
  let drains = 0;
  const book = {
    lastReceipt: () => {
      expect(++drains).toBe(1);
      return store.lastReceipt();
    },
    unreceipted: async (limit: number) => {
      const found = await store.unreceipted(limit);
      if (found.length === 0) drains--;
      else clerk.wake();
      return found;
    },
    appendReceipts: store.appendReceipts.bind(store),
  };
  const clerk = new ReceiptClerk({ book, signer, alarm: unwanted, batch: 3 });
  for (let time = 0; time < 20; time++) clerk.wake();
  await Promise.all([clerk.idle(), clerk.idle()]);
  expect(await chainOf(store)).toHaveLength(10);
  expect(drains).toBe(0);
});

test("several processes make one chain, and no payment has two receipts", async () => {
  const store = await paidStore(40);
  const clerks = [1, 2, 3, 5].map(
    (batch) => new ReceiptClerk({ book: store, signer, alarm: unwanted, batch }),
  );
  for (const clerk of clerks) clerk.wake();
  await Promise.all(clerks.map((clerk) => clerk.idle()));
  expect(await chainOf(store)).toHaveLength(40);
  expect(await store.unreceipted(1)).toEqual([]);
});

test("a race with another process costs a second attempt, and never a second receipt", async () => {
  for (const moment of ["lastReceipt", "unreceipted", "appendReceipts"] as const) {
    const store = await paidStore(4);
    let faster = 0;
    const overtake = async (name: typeof moment) => {
      if (name === moment && faster++ === 0) await receipt(store);
    };
    const book = {
      lastReceipt: async () => {
        await overtake("lastReceipt");
        return store.lastReceipt();
      },
      unreceipted: async (limit: number) => {
        await overtake("unreceipted");
        return store.unreceipted(limit);
      },
      appendReceipts: async (rows: Parameters<MemoryStore["appendReceipts"]>[0]) => {
        await overtake("appendReceipts");
        return store.appendReceipts(rows);
      },
    };
    const clerk = new ReceiptClerk({ book, signer, alarm: unwanted });
    clerk.wake();
    await clerk.idle();
    expect(faster, moment).toBeGreaterThan(0);
    expect(await chainOf(store), moment).toHaveLength(4);
  }
});

test("a clerk that is paused finishes its batch, and another one makes the rest, each once", async () => {
  for (const moment of ["lastReceipt", "unreceipted", "appendReceipts"] as const) {
    const store = await paidStore(50);
    const seen = { lastReceipt: 0, unreceipted: 0, appendReceipts: 0 };
    let paused: Promise<void> | undefined;
    const pauseAt = async (name: typeof moment) => {
      await undefined;
      const isThen = name === moment && ++seen[name] === (name === "lastReceipt" ? 1 : 3);
      if (isThen) paused = clerk.pause();
    };
    const book = {
      lastReceipt: async () => {
        await pauseAt("lastReceipt");
        return store.lastReceipt();
      },
      unreceipted: async (limit: number) => {
        await pauseAt("unreceipted");
        return store.unreceipted(limit);
      },
      appendReceipts: async (rows: Parameters<MemoryStore["appendReceipts"]>[0]) => {
        await pauseAt("appendReceipts");
        return store.appendReceipts(rows);
      },
    };
    const clerk = new ReceiptClerk({ book, signer, alarm: unwanted, batch: 5 });
    // Woken twice: what comes in meanwhile is left to the next wake as well.
    clerk.wake();
    clerk.wake();
    await clerk.idle();
    await paused;
    const made = { lastReceipt: 0, unreceipted: 15, appendReceipts: 15 }[moment];
    expect(await hashesIn(store), moment).toHaveLength(made);
    await receipt(store);
    expect(await chainOf(store), moment).toHaveLength(50);
    expect(new Set(await hashesIn(store)).size, moment).toBe(50);
    await buy(store);
    clerk.wake();
    await clerk.idle();
    expect(await chainOf(store), moment).toHaveLength(51);
  }
});

test("a clerk with a backlog asks for its full batches to be written at once", async () => {
  const store = await paidStore(9);
  const paces: unknown[] = [];
  const book = {
    lastReceipt: () => store.lastReceipt(),
    unreceipted: (limit: number) => store.unreceipted(limit),
    appendReceipts: (
      rows: Parameters<MemoryStore["appendReceipts"]>[0],
      pace?: "patient" | "urgent",
    ) => {
      paces.push(pace);
      return store.appendReceipts(rows);
    },
  };
  const clerk = new ReceiptClerk({ book, signer, alarm: unwanted, batch: 4 });
  clerk.wake();
  await clerk.idle();
  expect(paces).toEqual(["urgent", "urgent", "patient"]);
});

test("a clerk lets other work of the thread in while it signs a large batch", async () => {
  const store = await paidStore(64);
  let turns = 0;
  let isOver = false;
  const others = (async () => {
    for (; !isOver; turns++) await new Promise((next) => setTimeout(next));
  })();
  const clerk = new ReceiptClerk({ book: store, signer, alarm: unwanted });
  clerk.wake();
  await clerk.idle();
  isOver = true;
  await others;
  expect(turns).toBeGreaterThanOrEqual(3);
  expect(await chainOf(store)).toHaveLength(64);
});

test("a failing store raises one alarm, and the next wake makes the receipts", async () => {
  const store = await paidStore(3);
  const alarms: unknown[] = [];
  const down = new Error("the disk is full");
  let broken = true;
  const book = {
    lastReceipt: () => store.lastReceipt(),
    unreceipted: (limit: number) => store.unreceipted(limit),
    appendReceipts: async (rows: Parameters<MemoryStore["appendReceipts"]>[0]) => {
      if (broken) throw down;
      return store.appendReceipts(rows);
    },
  };
  const clerk = new ReceiptClerk({ book, signer, alarm: (error) => alarms.push(error) });
  clerk.wake();
  await clerk.idle();
  expect(alarms).toEqual([down]);
  expect(await store.lastReceipt()).toBeUndefined();
  broken = false;
  clerk.wake();
  await clerk.idle();
  expect(await chainOf(store)).toHaveLength(3);
  expect(alarms).toHaveLength(1);
});

test("a store that appends nothing raises the alarm, and is not asked forever", async () => {
  const store = await paidStore(1);
  const alarms: unknown[] = [];
  const book = {
    lastReceipt: () => store.lastReceipt(),
    unreceipted: (limit: number) => store.unreceipted(limit),
    appendReceipts: async () => false,
  };
  const clerk = new ReceiptClerk({ book, signer, alarm: (error) => alarms.push(error) });
  clerk.wake();
  await clerk.idle();
  expect(alarms).toEqual([
    expect.objectContaining({ message: expect.stringContaining("took no receipt") }),
  ]);
});

test("a chain that was continued with a second key is not valid", async () => {
  const store = await paidStore(1);
  await receipt(store);
  await buy(store);
  await receipt(store, otherSigner);
  const verdict = await verifyChain(await textsIn(store), PUBLIC_KEY);
  expect(verdict).toMatchObject({ holds: false, fault: { line: 2, code: "ERR_RECEIPT_KEY" } });
});
