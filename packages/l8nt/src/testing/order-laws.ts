/**
 * The laws of orders and attempts in a store, part of the store contract: which order a purchase
 * belongs to, which attempt may end a payment, and what is counted of a late payment.
 */

import assert from "node:assert/strict";
import { msat } from "../amount.ts";
import { auditLedger } from "../ledger/index.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import { beginPayment, buy, paymentOf, settle } from "./payment-laws.ts";
import { inFlight, type Law, order, START, spend, uses } from "./store-laws.ts";

const HOUR = 3600;
const PREIMAGE = "cd".repeat(32);
const paid = { status: "paid", preimage: PREIMAGE, fee: msat(17n), at: START + 5 } as const;
const failed = { status: "failed", at: START + 1 } as const;
/** Of a window of an hour, in slots of a minute: all of the slot of `paid` and an hour after it. */
const WHOLE_AGAIN = START + 3620;
const again = ({ paymentHash }: PaymentRecord): PaymentRecord => paymentOf({ paymentHash });

export function orderLaws(law: Law): void {
  law("has one payment for each order that did not fail", async (store, handles) => {
    const key = "scout the order";
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        beginPayment(handles[at % handles.length]!, paymentOf({ order: key })),
      ),
    );
    assert.equal(answers.filter(({ reserved }) => reserved).length, 1);
    const ordered = await store.ordered(key);
    assert.equal(ordered?.status, "open");
    for (const answer of answers)
      if (!answer.reserved) assert.deepEqual(answer, { reserved: false, ordered });
    assert.equal((await store.usage([spend("wallet")], START))[0]!.used, 10_100n);
    await settle(store, ordered!, failed);
    for (const handle of handles) assert.equal(await handle.ordered(key), undefined);
    const second = paymentOf({ order: key });
    assert.deepEqual(await beginPayment(store, second), { reserved: true });
    await settle(store, second, paid);
    for (const status of ["paid", "used", "undelivered"] as const) {
      if (status !== "paid") await store.mark(second.paymentHash, { status });
      const kept = await store.payment(second.paymentHash);
      assert.equal(kept?.status, status);
      for (const handle of handles) {
        assert.deepEqual(await handle.ordered(key), kept);
        assert.deepEqual(await beginPayment(handle, paymentOf({ order: key })), {
          reserved: false,
          ordered: kept,
        });
      }
    }
    assert.equal(await store.ordered("scout another"), undefined);
  });

  law("finds the open payment of an intent, and nothing else", async (store, handles) => {
    const record = paymentOf();
    assert.equal(await store.openFor(record.intent), undefined);
    await beginPayment(store, record);
    for (const handle of handles) assert.deepEqual(await handle.openFor(record.intent), record);
    assert.equal(await store.openFor("another"), undefined);
    await settle(store, record, paid);
    for (const handle of handles) assert.equal(await handle.openFor(record.intent), undefined);
  });

  law("gives a purchase to one of the orders that take it at once", async (store, handles) => {
    const bought = await buy(store, { order: "scout first" });
    const { paymentHash } = bought;
    const takers = Array.from({ length: 12 }, (_, at) => `scout taker-${at}`);
    const answers = await Promise.all(
      takers.map((taker, at) =>
        handles[at % handles.length]!.take(paymentHash, "scout first", taker),
      ),
    );
    assert.equal(answers.filter((taken) => taken).length, 1);
    const winner = takers[answers.indexOf(true)]!;
    for (const handle of handles) {
      assert.deepEqual(await handle.payment(paymentHash), { ...bought, order: winner });
      assert.deepEqual(await handle.ordered(winner), { ...bought, order: winner });
      assert.equal(await handle.ordered("scout first"), undefined);
      assert.equal(await handle.take(paymentHash, "scout first", "scout late"), false);
    }
    const freed = paymentOf({ order: "scout first" });
    assert.deepEqual(await beginPayment(store, freed), { reserved: true });
  });

  law("gives nothing to an order that has a payment", async (store, handles) => {
    const { paymentHash } = await buy(store, { order: "scout one" });
    const open = paymentOf({ order: "scout two" });
    await beginPayment(store, open);
    const refused = async () => {
      for (const handle of handles)
        assert.equal(await handle.take(paymentHash, "scout one", "scout two"), false);
      assert.equal((await store.ordered("scout one"))?.paymentHash, paymentHash);
    };
    await refused();
    await settle(store, open, paid);
    await refused();
    await store.mark(open.paymentHash, { status: "used" });
    await refused();
    const other = paymentOf({ order: "scout three" });
    await beginPayment(store, other);
    await settle(store, other, failed);
    assert.equal(await store.take(paymentHash, "scout one", "scout three"), true);
  });

  law("gives away only what is paid, and only to who names its order", async (store) => {
    const open = paymentOf({ order: "scout open" });
    await beginPayment(store, open);
    assert.equal(await store.take(open.paymentHash, "scout open", "scout taker"), false);
    await settle(store, open, paid);
    assert.equal(await store.take(open.paymentHash, "scout other", "scout taker"), false);
    assert.equal(await store.take("ee".repeat(32), "scout open", "scout taker"), false);
    await store.mark(open.paymentHash, { status: "used" });
    assert.equal(await store.take(open.paymentHash, "scout open", "scout taker"), false);
    assert.equal((await store.payment(open.paymentHash))?.order, "scout open");
  });

  law("gives back what is used, and nothing that is open or was not delivered", async (store) => {
    const open = paymentOf({ order: "scout open" });
    const give = (from: string, to: string) => store.take(open.paymentHash, from, to, "or used");
    await beginPayment(store, open);
    assert.equal(await give("scout open", "scout taker"), false);
    await settle(store, open, paid);
    assert.equal(await give("scout open", "scout taker"), true);
    await store.mark(open.paymentHash, { status: "used" });
    assert.equal(await give("scout other", "scout open"), false);
    assert.equal(await give("scout taker", "scout open"), true);
    assert.equal((await store.ordered("scout open"))?.status, "used");
    assert.equal(await store.ordered("scout taker"), undefined);
    await store.mark(open.paymentHash, { status: "undelivered" });
    assert.equal(await give("scout open", "scout taker"), false);
  });

  law("leaves a payment open if an attempt before its own failed", async (store, handles) => {
    const first = paymentOf();
    await beginPayment(store, first);
    await settle(store, first, failed);
    const second = again(first);
    assert.deepEqual(await beginPayment(store, second), { reserved: true });
    for (const handle of handles) {
      // The first attempt wakes up, and finds that it may not send.
      const answer = await handle.settle(first.paymentHash, first.attemptId, {
        status: "failed",
        at: START + 200,
      });
      assert.deepEqual(answer, { payment: second, late: false });
      assert.deepEqual(await handle.openPayments(), [second]);
    }
    assert.equal((await store.usage([spend("wallet")], START))[0]!.reserved, 10_100n);
    const answer = await store.settle(second.paymentHash, second.attemptId, paid);
    assert.deepEqual([answer.payment.status, answer.late], ["paid", false]);
    assert.equal((await store.usage([spend("wallet")], START))[0]!.used, 10_017n);
    assert.deepEqual((await auditLedger(store)).faults, []);
  });

  law("is paid by any attempt, because money moved", async (store, handles) => {
    const first = paymentOf();
    await beginPayment(store, first);
    await settle(store, first, failed);
    const second = again(first);
    await beginPayment(store, second);
    const answer = await store.settle(first.paymentHash, first.attemptId, paid);
    const { at: settledAt, ...outcome } = paid;
    const payment = { ...second, ...outcome, settledAt };
    assert.deepEqual(answer, { payment, late: false });
    for (const handle of handles)
      for (const attempt of [first, second])
        assert.deepEqual(await handle.settle(first.paymentHash, attempt.attemptId, failed), answer);
    assert.deepEqual(await store.usage([spend("wallet")], START), [
      { id: "wallet", used: 10_017n, reserved: 0n },
    ]);
    assert.deepEqual((await auditLedger(store)).faults, []);
  });

  law(
    "counts a payment that was made after it had failed, on every limit and past it",
    async (store, handles) => {
      const chain = [
        spend("total"),
        spend("budget", 10_200n),
        spend("hourly", 10_200n, HOUR),
        uses("uses", 5n),
        inFlight("flying", 2n),
      ];
      const record = paymentOf({ order: "scout one" });
      await beginPayment(store, record, chain);
      await settle(store, record, failed);
      // The budget is spent on something else meanwhile.
      const other = order(chain, 10_000n, START + 2);
      assert.deepEqual(await store.reserve(other), { reserved: true });
      await store.commit(other.id, msat(10_000n), START + 2);
      const answer = await store.settle(record.paymentHash, record.attemptId, paid);
      const payment = {
        ...record,
        status: "paid",
        preimage: PREIMAGE,
        fee: msat(17n),
        settledAt: START + 5,
        order: `late ${record.paymentHash}`,
      } as const;
      assert.deepEqual(answer, { payment, late: true });
      const standing = [
        { id: "total", used: 20_017n, reserved: 0n },
        { id: "budget", used: 20_017n, reserved: 0n },
        { id: "hourly", used: 20_017n, reserved: 0n, resetsAt: WHOLE_AGAIN },
        { id: "uses", used: 2n, reserved: 0n },
        { id: "flying", used: 0n, reserved: 0n },
      ];
      for (const handle of handles) {
        // Anyone who asks again is told the same, and nothing is counted twice.
        const repeated = await handle.settle(record.paymentHash, record.attemptId, paid);
        assert.deepEqual(repeated, answer);
        assert.deepEqual(await handle.settle(record.paymentHash, record.attemptId, failed), answer);
        assert.deepEqual(await handle.usage(chain, START + 5), standing);
        assert.deepEqual(await handle.payment(record.paymentHash), payment);
        assert.equal(await handle.ordered("scout one"), undefined);
        assert.deepEqual(await handle.payees(record.origin), [record.payee]);
        assert.deepEqual(
          (await handle.unreceipted(10)).map(({ paymentHash }) => paymentHash),
          [record.paymentHash],
        );
        assert.deepEqual(await handle.purchases(["scout"], record), [payment]);
      }
      // A window counts it from the time when it was known.
      assert.equal((await store.usage([chain[2]!], START + 4 + HOUR))[0]!.used, 20_017n);
      assert.equal((await store.usage([chain[2]!], START + 5 + HOUR + 61))[0]!.used, 0n);
      const audit = await auditLedger(store);
      assert.deepEqual([audit.faults, audit.open], [[], 0]);
      const events = (await store.journal(0, 100)).map(({ event }) => event);
      assert.deepEqual(events.slice(-2), [
        { type: "commit", id: record.attemptId, amount: msat(10_017n) },
        { type: "payment", paymentHash: record.paymentHash, status: "paid" },
      ]);
      // It is the next order's that takes it.
      const { order: nobody } = payment;
      assert.equal(await store.take(record.paymentHash, nobody, "scout two"), true);
      assert.equal((await store.ordered("scout two"))?.preimage, PREIMAGE);
    },
  );

  law(
    "counts a late payment once if several say at once that it was made",
    async (store, handles) => {
      const record = paymentOf();
      await beginPayment(store, record);
      await settle(store, record, failed);
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, at) =>
          handles[at % handles.length]!.settle(record.paymentHash, record.attemptId, paid),
        ),
      );
      for (const answer of answers) assert.deepEqual(answer, answers[0]);
      assert.equal(answers[0]!.late, true);
      assert.equal((await store.usage([spend("wallet")], START))[0]!.used, 10_017n);
      assert.deepEqual((await auditLedger(store)).faults, []);
    },
  );

  law(
    "replaces the texts of a payment by the same ones in another wrapping, and lists all by hash",
    async (store, handles) => {
      const other = handles.at(-1)!;
      const [one, two] = [paymentOf(), paymentOf()];
      for (const record of [two, one]) await beginPayment(store, record);
      await settle(store, one, paid);
      const [bought] = await store.paymentsAfter("", 1);
      assert.equal(bought!.paymentHash, one.paymentHash);
      const was = { token: one.token, preimage: PREIMAGE };
      const becomes = { token: "wrapped token", preimage: "wrapped preimage" };
      assert.equal(await other.rewrap(one.paymentHash, was, becomes), true);
      // Another process has done it already.
      assert.equal(await store.rewrap(one.paymentHash, was, becomes), false);
      // It was settled meanwhile, or is in no book.
      const open = { token: two.token };
      assert.equal(await store.rewrap(two.paymentHash, was, becomes), false);
      assert.equal(await store.rewrap("ff".repeat(32), open, open), false);
      assert.equal(await store.rewrap(two.paymentHash, open, { token: "wrapped" }), true);
      for (const handle of handles) {
        assert.deepEqual(await handle.payment(one.paymentHash), { ...bought, ...becomes });
        assert.deepEqual(
          (await handle.paymentsAfter(one.paymentHash, 5)).map(({ token }) => token),
          ["wrapped"],
        );
      }
      const settled = await settle(other, two, paid);
      assert.deepEqual([settled.token, settled.preimage], ["wrapped", PREIMAGE]);
    },
  );

  law("begins no payment under an id that counts already", async (store) => {
    const record = paymentOf();
    const held = order([spend("wallet")], 10_100n, START, record.attemptId);
    await store.reserve(held);
    await assert.rejects(beginPayment(store, record), /attempt id was used before/);
    await store.commit(held.id, msat(1n), START);
    await assert.rejects(beginPayment(store, record), /attempt id was used before/);
    await assert.rejects(
      store.begin(order([spend("wallet")], 10_100n), record),
      /attempt id of a payment is the id of its reservation/,
    );
    assert.equal(await store.payment(record.paymentHash), undefined);
    assert.equal((await store.usage([spend("wallet")], START))[0]!.used, 1n);
  });

  law(
    "finds what was bought for a method and path, and what may serve any path, and nothing else",
    async (store, handles) => {
      const GET = { origin: "https://api.example", method: "GET", path: "/a" };
      const first = await buy(store, GET);
      await buy(store, { ...GET, path: "/a/" });
      await buy(store, { ...GET, method: "POST" });
      await buy(store, { ...GET, origin: "https://api.example:8443" });
      const pass = await buy(store, { ...GET, method: "POST", path: "/b", anyPath: true });
      const second = await buy(store, GET);
      const parents = await buy(store, { ...GET, nodeIds: ["root"] });
      const hashes = (records: readonly PaymentRecord[]) =>
        records.map(({ paymentHash }) => paymentHash);
      for (const handle of handles) {
        assert.deepEqual(await handle.purchases(["scout", "root"], GET), [
          second,
          pass,
          first,
          parents,
        ]);
        assert.deepEqual(
          hashes(await handle.purchases(["root", "scout"], GET)),
          hashes([parents, second, pass, first]),
        );
        assert.deepEqual(await handle.purchases(["scout"], { ...GET, path: "/c" }), [pass]);
      }
      await store.mark(pass.paymentHash, { status: "used" });
      await store.take(second.paymentHash, second.order, "scout taker");
      for (const handle of handles)
        assert.deepEqual(hashes(await handle.purchases(["scout"], GET)), hashes([second, first]));
    },
  );

  law("finds, after each change, what it was asked for before in vain", async (store, handles) => {
    const record = paymentOf({ order: "scout first", path: "/asked" });
    const found = async (handle: Store) => {
      const bought = await handle.purchases(["scout"], record);
      const [first, second] = [
        await handle.ordered("scout first"),
        await handle.ordered("scout 2"),
      ];
      return [bought.length, first?.status, second?.status];
    };
    const all = async (expected: readonly unknown[]) => {
      for (const handle of handles) {
        assert.deepEqual(await found(handle), expected);
        assert.deepEqual(await found(handle), expected);
      }
    };
    await all([0, undefined, undefined]);
    await beginPayment(store, record);
    await all([0, "open", undefined]);
    await settle(store, record, failed);
    await all([0, undefined, undefined]);
    const second = { ...again(record), order: "scout first", path: "/asked" };
    await beginPayment(store, second);
    await settle(store, second, paid);
    await all([1, "paid", undefined]);
    await store.take(second.paymentHash, "scout first", "scout 2");
    await all([1, undefined, "paid"]);
    await store.mark(second.paymentHash, { status: "used" });
    await all([0, undefined, "used"]);
  });

  law("finds the newest 256 of a kind that a node bought, and no more", async (store) => {
    const place = { method: "GET", path: "/same", amount: msat(1n), maxFee: msat(0n) };
    const bulk = (count: number, more: object = {}) =>
      Promise.all(Array.from({ length: count }, () => buy(store, { ...place, ...more })));
    const old = await bulk(10);
    await store.mark(old[3]!.paymentHash, { status: "used" });
    const passes = await bulk(260, { anyPath: true });
    const young = await bulk(250);
    const found = await store.purchases(["scout", "root"], old[0]!);
    const hashes = new Set(found.map(({ paymentHash }) => paymentHash));
    assert.equal(found.length, 512);
    assert.equal(hashes.size, 512);
    assert.equal(young.filter(({ paymentHash }) => hashes.has(paymentHash)).length, 250);
    assert.equal(old.filter(({ paymentHash }) => hashes.has(paymentHash)).length, 6);
    assert.equal(passes.filter(({ paymentHash }) => hashes.has(paymentHash)).length, 256);
    const serials = found.map(({ paymentHash }) => Number.parseInt(paymentHash, 16));
    assert.deepEqual(
      serials,
      [...serials].sort((a, b) => b - a),
    );
  });

  law("gives no order the key of what was paid late", async (store) => {
    const bought = await buy(store);
    const late = `late ${paymentOf().paymentHash}`;
    await assert.rejects(beginPayment(store, paymentOf({ order: late })), TypeError);
    await assert.rejects(store.take(bought.paymentHash, bought.order, late), TypeError);
    assert.deepEqual(await store.payment(bought.paymentHash), bought);
  });

  law("lifts the closures of an origin, and journals it", async (store, handles) => {
    const [one, two] = [await buy(store), await buy(store)];
    const elsewhere = await buy(store, { origin: "https://other.example" });
    const until = START + 600;
    const close = (bought: PaymentRecord, to: string) =>
      store.mark(bought.paymentHash, { status: "undelivered", closed: { to, until } });
    await close(one, "scout");
    await close(two, "*");
    await close(elsewhere, "*");
    const closed = await store.closures(one.origin, START);
    assert.deepEqual(closed.map(({ to }) => to).sort(), ["*", "scout"]);
    await store.reopen(one.origin, START + 9);
    for (const handle of handles) {
      assert.deepEqual(await handle.closures(one.origin, START), []);
      assert.deepEqual(await handle.closures(elsewhere.origin, START), [{ to: "*", until }]);
      for (const { paymentHash } of [one, two]) {
        const record = (await handle.payment(paymentHash))!;
        assert.deepEqual([record.status, record.closed], ["undelivered", undefined]);
      }
    }
    const { at, event } = (await store.journal(0, 100)).at(-1)!;
    assert.deepEqual(
      [at, event],
      [START + 9, { type: "note", text: `${one.origin} is open again` }],
    );
    await store.reopen("https://nobody.example", START);
  });
}

/** What must hold of a payment that was made after it had failed, when a store is reopened. */
export async function settleLate(store: Store, reopened: () => Promise<Store>): Promise<void> {
  const chain = [spend("total"), spend("hourly", 20_000n, HOUR)];
  const record = paymentOf();
  await beginPayment(store, record, chain);
  await settle(store, record, failed);
  const next = await reopened();
  const answer = await next.settle(record.paymentHash, record.attemptId, paid);
  assert.equal(answer.late, true);
  const last = await reopened();
  assert.deepEqual(await last.payment(record.paymentHash), answer.payment);
  assert.deepEqual(await last.usage(chain, START + 5), [
    { id: "total", used: 10_017n, reserved: 0n },
    { id: "hourly", used: 10_017n, reserved: 0n, resetsAt: WHOLE_AGAIN },
  ]);
  assert.deepEqual((await auditLedger(last)).faults, []);
}
