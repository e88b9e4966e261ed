/** The laws of payments in a store, part of the store contract. */

import assert from "node:assert/strict";
import { type Amount, msat } from "../amount.ts";
import type { Usage } from "../ports/ledger.ts";
import type { PaymentRecord, Settlement } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import { dollars, type Law, newId, order, START, spend } from "./store-laws.ts";

const budget = spend("wallet", 1_000_000n);
const PREIMAGE = "ab".repeat(32);
let payments = 0;

export function paymentOf(more: Partial<PaymentRecord> = {}): PaymentRecord {
  const serial = ++payments;
  return {
    paymentHash: serial.toString(16).padStart(64, "0"),
    intent: `node GET https://api.example /forecast/${serial}`,
    nodeIds: ["root", "scout"],
    lineage: ["scout"],
    method: "GET",
    origin: "https://api.example",
    path: "/forecast",
    invoice: "lnbcrt10n1…",
    payee: `02${"ab".repeat(32)}`,
    amount: msat(10_000n),
    maxFee: msat(100n),
    attemptId: newId(),
    order: `scout order-${serial}`,
    request: serial.toString(16).padStart(64, "0"),
    anyPath: false,
    limitIds: ["wallet"],
    token: "AgE=",
    enforced: ["endpoints", "valid_until"],
    status: "open",
    createdAt: START,
    delivered: false,
    ...more,
  };
}

export const beginPayment = (store: Store, record: PaymentRecord, counted = [budget]) =>
  store.begin(
    order(counted, record.amount.value + record.maxFee.value, record.createdAt, record.attemptId),
    record,
  );

export const settle = async (
  store: Store,
  { paymentHash, attemptId }: PaymentRecord,
  settlement: Settlement,
): Promise<PaymentRecord> => (await store.settle(paymentHash, attemptId, settlement)).payment;

export async function buy(
  store: Store,
  more: Partial<PaymentRecord> = {},
  at = START,
): Promise<PaymentRecord> {
  const record = paymentOf(more);
  assert.deepEqual(await beginPayment(store, record), { reserved: true });
  return settle(store, record, {
    status: "paid",
    preimage: PREIMAGE,
    fee: msat(17n),
    at,
  });
}

const standing = async (store: Store): Promise<Usage> => (await store.usage([budget], START))[0]!;

export function paymentLaws(law: Law): void {
  law(
    "writes a payment and its reservation in one step, before the payment is sent [case 56]",
    async (store, handles) => {
      const record = paymentOf();
      assert.deepEqual(await beginPayment(store, record), { reserved: true });
      assert.equal((await standing(store)).used, 10_100n);
      for (const handle of handles) {
        assert.deepEqual(await handle.payment(record.paymentHash), record);
        assert.deepEqual(await handle.openPayments(), [record]);
      }
      assert.equal(await store.payment("ff".repeat(32)), undefined);
    },
  );

  law("writes no payment that a limit refuses", async (store) => {
    const record = paymentOf({ amount: msat(2_000_000n) });
    const refused: Usage[] = [{ id: "wallet", used: 0n, reserved: 0n }];
    assert.deepEqual(await beginPayment(store, record), { reserved: false, refused });
    assert.equal(await store.payment(record.paymentHash), undefined);
    assert.deepEqual(await store.openPayments(), []);
    assert.deepEqual(await store.purchases(["scout"], record), []);
  });

  law("returns a record as it was written", async (store) => {
    const record = paymentOf({
      enforced: undefined,
      lineage: [],
      nodeIds: ["root"],
      limitIds: [],
      path: "/ümläut/%2F",
      createdAt: START + 0.25,
      amount: msat(0n),
      maxFee: msat(999_999n),
    });
    await beginPayment(store, record);
    assert.deepEqual(await store.payment(record.paymentHash), record);
  });

  law(
    "settles a payment and its reservation once, in one step [cases 46, 51]",
    async (store, handles) => {
      const record = paymentOf();
      await beginPayment(store, record);
      const settlement = {
        status: "paid",
        preimage: PREIMAGE,
        fee: msat(17n),
        at: START + 5,
      } as const;
      const paid = {
        ...record,
        status: "paid",
        preimage: PREIMAGE,
        fee: msat(17n),
        settledAt: START + 5,
      } as const;
      assert.deepEqual(await settle(store, record, settlement), paid);
      assert.deepEqual(await standing(store), { id: "wallet", used: 10_017n, reserved: 0n });
      for (const handle of handles) {
        assert.deepEqual(
          await settle(handle, record, { ...settlement, fee: msat(90n), at: START + 9 }),
          paid,
        );
        assert.deepEqual(await settle(handle, record, { status: "failed", at: START + 9 }), paid);
        assert.deepEqual(await handle.payment(record.paymentHash), paid);
      }
      assert.deepEqual(await store.commit(record.attemptId, msat(1n), START), {
        outcome: "committed",
        amount: msat(10_017n),
        uses: 1n,
      });
      assert.deepEqual(await standing(store), { id: "wallet", used: 10_017n, reserved: 0n });
      assert.deepEqual(await store.openPayments(), []);
    },
  );

  law("releases the amount of a failed payment, once", async (store) => {
    const record = paymentOf();
    await beginPayment(store, record);
    const failed = { ...record, status: "failed", settledAt: START + 1 } as const;
    assert.deepEqual(await settle(store, record, { status: "failed", at: START + 1 }), failed);
    assert.deepEqual(await standing(store), { id: "wallet", used: 0n, reserved: 0n });
    assert.deepEqual(await settle(store, record, { status: "failed", at: START + 2 }), failed);
    assert.deepEqual(await standing(store), { id: "wallet", used: 0n, reserved: 0n });
  });

  law("records a fee above its cap as paid [case 46]", async (store) => {
    const record = paymentOf();
    await beginPayment(store, record);
    await settle(store, record, {
      status: "paid",
      preimage: PREIMAGE,
      fee: msat(5000n),
      at: START,
    });
    assert.deepEqual(await standing(store), { id: "wallet", used: 15_000n, reserved: 0n });
  });

  law("begins and settles a payment in one unit only", async (store) => {
    const wallet = spend("dollars", 1_000_000n, undefined, "usd_micro");
    const record = paymentOf({ amount: dollars(40n), maxFee: dollars(2n) });
    const begin = (payment: PaymentRecord, amount: Amount) =>
      store.begin(order([wallet, budget], amount, START, payment.attemptId), payment);
    const mixed = {
      name: "TypeError",
      message: /has an amount in msat|has an amount in usd_micro/,
    };
    await assert.rejects(begin(record, msat(42n)), mixed);
    await assert.rejects(begin({ ...record, maxFee: msat(2n) }, dollars(42n)), mixed);
    assert.deepEqual(await begin(record, dollars(42n)), { reserved: true });
    const paid = { status: "paid", preimage: PREIMAGE, at: START + 1 } as const;
    await assert.rejects(settle(store, record, { ...paid, fee: msat(1n) }), {
      name: "TypeError",
      message: "the payment is in usd_micro, and its fee is in msat",
    });
    await assert.rejects(settle(store, record, { ...paid, fee: dollars(-1n) }), {
      name: "TypeError",
      message: /at least 0/,
    });
    assert.deepEqual(await store.payment(record.paymentHash), record);
    const settled = await settle(store, record, { ...paid, fee: dollars(1n) });
    assert.deepEqual([settled.amount, settled.fee], [dollars(40n), dollars(1n)]);
    assert.deepEqual(await store.usage([wallet, budget], START + 1), [
      { id: "dollars", used: 41n, reserved: 0n },
      { id: "wallet", used: 0n, reserved: 0n },
    ]);
  });

  law("settles, marks and takes no payment that was never begun", async (store) => {
    const hash = "ee".repeat(32);
    await assert.rejects(
      store.settle(hash, "nobody's", { status: "failed", at: START }),
      TypeError,
    );
    await assert.rejects(store.mark(hash, { delivered: true }), TypeError);
    assert.equal(await store.take(hash, "scout one", "scout two"), false);
    // A failure in a batch does not undo the other writes of the batch.
    const record = paymentOf();
    const [, begun] = await Promise.allSettled([
      store.settle(hash, "nobody's", { status: "failed", at: START }),
      beginPayment(store, record),
      store.commit("nobody's", msat(1n), START),
    ]);
    assert.equal(begun.status, "fulfilled");
    assert.deepEqual(await store.payment(record.paymentHash), record);
  });

  law("never begins a paid hash again, and reserves nothing for it [case 64]", async (store) => {
    for (const end of ["open", "paid", "used", "undelivered"] as const) {
      const first = paymentOf();
      await beginPayment(store, first);
      if (end !== "open")
        await settle(store, first, {
          status: "paid",
          preimage: PREIMAGE,
          fee: msat(0n),
          at: START,
        });
      if (end === "used" || end === "undelivered")
        await store.mark(first.paymentHash, { status: end });
      const recorded = (await store.payment(first.paymentHash))!;
      assert.equal(recorded.status, end);
      const before = await standing(store);
      const again = paymentOf({ paymentHash: first.paymentHash, nodeIds: ["stranger"] });
      assert.deepEqual(await beginPayment(store, again), { reserved: false, repeated: recorded });
      assert.deepEqual(await standing(store), before);
      assert.deepEqual(await store.payment(first.paymentHash), recorded);
      await assert.rejects(store.release(again.attemptId, START), TypeError);
    }
  });

  law(
    "begins a hash again after its payment failed, as a purchase of the new payer",
    async (store) => {
      const first = paymentOf();
      await beginPayment(store, first);
      await settle(store, first, { status: "failed", at: START });
      const again = paymentOf({ paymentHash: first.paymentHash });
      assert.deepEqual(await beginPayment(store, again), { reserved: true });
      assert.deepEqual(await store.payment(first.paymentHash), again);
      await settle(store, again, { status: "failed", at: START });
      const others = paymentOf({ paymentHash: first.paymentHash, nodeIds: ["root", "spy"] });
      assert.deepEqual(await beginPayment(store, others), { reserved: true });
      const paid = await settle(store, others, {
        status: "paid",
        preimage: PREIMAGE,
        fee: msat(1n),
        at: START,
      });
      assert.equal(paid.status, "paid");
      // A purchase serves the node that paid and its descendants, never a sibling.
      assert.deepEqual(await store.purchases(["root", "scout"], first), []);
      assert.deepEqual(await store.purchases(["spy"], first), [paid]);
    },
  );

  law("begins one hash once for concurrent attempts [case 64]", async (store, handles) => {
    const { paymentHash } = paymentOf();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        beginPayment(handles[at % handles.length]!, paymentOf({ paymentHash })),
      ),
    );
    assert.equal(answers.filter(({ reserved }) => reserved).length, 1);
    assert.equal((await standing(store)).used, 10_100n);
  });

  law("has one open payment for each intent [case 63]", async (store, handles) => {
    const intent = "scout GET https://api.example/forecast";
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        beginPayment(handles[at % handles.length]!, paymentOf({ intent })),
      ),
    );
    assert.equal(answers.filter(({ reserved }) => reserved).length, 1);
    assert.equal((await standing(store)).used, 10_100n);
    const [open] = await store.openPayments();
    for (const answer of answers)
      if (!answer.reserved) assert.deepEqual(answer, { reserved: false, open });
    await settle(store, open!, { status: "failed", at: START });
    assert.deepEqual(await beginPayment(store, paymentOf({ intent })), { reserved: true });
    const [next] = await store.openPayments();
    await settle(store, next!, {
      status: "paid",
      preimage: PREIMAGE,
      fee: msat(0n),
      at: START,
    });
    assert.deepEqual(await beginPayment(store, paymentOf({ intent })), { reserved: true });
  });

  law("lists open payments, oldest first", async (store) => {
    const records = [
      paymentOf(),
      paymentOf({ createdAt: START + 1 }),
      paymentOf({ createdAt: START + 2 }),
    ];
    for (const record of records) await beginPayment(store, record);
    assert.deepEqual(await store.openPayments(), records);
    await settle(store, records[1]!, { status: "failed", at: START });
    assert.deepEqual(await store.openPayments(), [records[0], records[2]]);
  });

  law(
    "finds the reservations that no process will end, without those of payments [case 89]",
    async (store, handles) => {
      const [old, young] = [order([budget], 1n, START), order([budget], 1n, START + 10)];
      for (const one of [old, young]) await store.reserve(one);
      const inDollars = order([budget], dollars(1n), START + 20);
      await store.reserve(inDollars);
      await beginPayment(store, paymentOf());
      const ended = order([budget], 1n, START);
      await store.reserve(ended);
      await store.release(ended.id, START);
      for (const handle of handles) {
        assert.deepEqual(await handle.abandoned(START + 10), [{ id: old.id, amount: msat(1n) }]);
        assert.deepEqual(
          (await handle.abandoned(START + 11)).map(({ id }) => id).sort(),
          [old.id, young.id].sort(),
        );
        assert.deepEqual(await handle.abandoned(START), []);
        assert.deepEqual(
          (await handle.abandoned(START + 21)).find(({ id }) => id === inDollars.id),
          { id: inDollars.id, amount: dollars(1n) },
        );
      }
    },
  );

  law("marks a purchase as used or undelivered, and never undoes a mark", async (store) => {
    const one = await buy(store);
    assert.deepEqual(await store.mark(one.paymentHash, { delivered: true }), {
      ...one,
      delivered: true,
    });
    const used = { ...one, status: "used", delivered: true } as const;
    assert.deepEqual(await store.mark(one.paymentHash, { status: "used" }), used);
    const closed = { to: "*", until: START + 600 };
    const undelivered = { ...used, status: "undelivered", closed } as const;
    assert.deepEqual(
      await store.mark(one.paymentHash, { status: "undelivered", closed }),
      undelivered,
    );
    const later = { to: "scout", until: START + 900 };
    assert.deepEqual(
      await store.mark(one.paymentHash, { status: "undelivered", closed: later }),
      undelivered,
    );
    assert.deepEqual(await store.mark(one.paymentHash, { status: "used" }), undelivered);
    assert.deepEqual(await store.payment(one.paymentHash), undelivered);
    const open = paymentOf();
    await beginPayment(store, open);
    assert.equal(
      (await store.mark(open.paymentHash, { status: "undelivered", closed })).closed,
      undefined,
    );
    assert.equal((await store.mark(open.paymentHash, { status: "used" })).status, "open");
  });

  law("closes an origin to one node or to all until a time [case 62]", async (store, handles) => {
    const [one, two] = [await buy(store), await buy(store, { origin: "https://other.example" })];
    await store.mark(one.paymentHash, {
      status: "undelivered",
      closed: { to: "scout", until: START + 600 },
    });
    await store.mark(two.paymentHash, {
      status: "undelivered",
      closed: { to: "*", until: START + 60 },
    });
    for (const handle of handles) {
      assert.deepEqual(await handle.closures(one.origin, START), [
        { to: "scout", until: START + 600 },
      ]);
      assert.deepEqual(await handle.closures(two.origin, START + 59), [
        { to: "*", until: START + 60 },
      ]);
      assert.deepEqual(await handle.closures(two.origin, START + 60), []);
      assert.deepEqual(await handle.closures("https://third.example", START), []);
    }
  });

  law("finds a node's own purchases at an origin, newest first", async (store) => {
    const first = await buy(store, { createdAt: START });
    const elsewhere = await buy(store, { origin: "https://api.example:8443" });
    const second = await buy(store, { createdAt: START + 1, path: "/other", anyPath: true });
    const parents = await buy(store, { nodeIds: ["root"], createdAt: START + 2 });
    const siblings = await buy(store, { nodeIds: ["root", "spy"], createdAt: START + 3 });
    const { origin } = first;
    const list = async (nodeIds: readonly string[], where = origin) =>
      (await store.purchases(nodeIds, { ...first, origin: where })).map(
        ({ paymentHash }) => paymentHash,
      );
    const hashes = (...records: PaymentRecord[]) => records.map(({ paymentHash }) => paymentHash);
    assert.deepEqual(await list(["scout"]), hashes(second, first));
    assert.deepEqual((await list(["root", "scout"])).sort(), hashes(second, first, parents).sort());
    assert.deepEqual(await list(["spy"]), hashes(siblings));
    assert.deepEqual(await list(["scout"], elsewhere.origin), hashes(elsewhere));
    assert.deepEqual(await list(["nobody"]), []);
    assert.deepEqual(await list([]), []);
    assert.deepEqual((await store.purchases(["spy"], siblings))[0], siblings);
    await store.mark(second.paymentHash, { status: "used" });
    assert.deepEqual(await list(["scout"]), hashes(first));
    await store.mark(first.paymentHash, { status: "undelivered" });
    assert.deepEqual(await list(["scout"]), []);
  });

  law("lists payments for people, newest first", async (store) => {
    const [one, two] = [await buy(store), await buy(store, { nodeIds: ["root", "spy"] })];
    const open = paymentOf({ createdAt: START + 1 });
    await beginPayment(store, open);
    const list = async (query: Partial<Parameters<Store["payments"]>[0]>) =>
      (await store.payments({ limit: 10, ...query })).map(({ paymentHash }) => paymentHash);
    assert.deepEqual(await list({}), [open.paymentHash, two.paymentHash, one.paymentHash]);
    assert.deepEqual(await list({ limit: 1 }), [open.paymentHash]);
    assert.deepEqual(await list({ status: "paid" }), [two.paymentHash, one.paymentHash]);
    assert.deepEqual(await list({ nodeId: "scout" }), [open.paymentHash, one.paymentHash]);
    assert.deepEqual(await list({ nodeId: "root", status: "open" }), [open.paymentHash]);
    const before = open.paymentHash;
    assert.deepEqual(await list({ before }), [two.paymentHash, one.paymentHash]);
    assert.deepEqual(await list({ before, nodeId: "scout" }), [one.paymentHash]);
    assert.deepEqual(await list({ before: two.paymentHash, limit: 1 }), [one.paymentHash]);
    assert.deepEqual(await list({ before: one.paymentHash }), []);
    assert.deepEqual(await list({ before: "ff".repeat(32) }), []);
  });

  law(
    "knows the first payee of an origin, and the payees that were allowed since [case 70]",
    async (store, handles) => {
      const origin = "https://api.example";
      assert.deepEqual(await store.payees(origin), []);
      const failed = paymentOf({ payee: "03ff" });
      await beginPayment(store, failed);
      await settle(store, failed, { status: "failed", at: START });
      assert.deepEqual(await store.payees(origin), []);
      await buy(store, { payee: "02aa" });
      await buy(store, { payee: "02bb" });
      for (const handle of handles) assert.deepEqual(await handle.payees(origin), ["02aa"]);
      await store.allowPayee(origin, "02cc", START);
      await store.allowPayee(origin, "02cc", START);
      for (const handle of handles)
        assert.deepEqual([...(await handle.payees(origin))].sort(), ["02aa", "02cc"]);
      assert.deepEqual(await store.payees("https://other.example"), []);
    },
  );
}
