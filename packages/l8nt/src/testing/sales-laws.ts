/** The laws of a store's sales and refunds, part of the store contract. */
import assert from "node:assert/strict";
import { msat } from "../amount.ts";
import { raisedBy } from "../ledger/index.ts";
import type { NumberedSale, SaleRecord, SaleTotal } from "../ports/sales.ts";
import type { Store } from "../ports/store.ts";
import { type Law, newId, order, SEAL, START, spend, uses } from "./store-laws.ts";

const DAY = 86_400;
/** The beginning of a day. */
const MIDNIGHT = Math.ceil(START / DAY) * DAY;
const TODAY = MIDNIGHT / DAY;

const hash = (n: number): string => n.toString(16).padStart(64, "0");

const sale = (n: number, more: Partial<SaleRecord> = {}): SaleRecord => ({
  paymentHash: hash(n),
  nodeId: n.toString(16).padStart(32, "0"),
  amount: msat(10_000n),
  route: "GET /a",
  method: "GET",
  path: "/a",
  at: MIDNIGHT,
  endsAt: MIDNIGHT + 3600,
  ...more,
});

async function all(store: Store, limit = 1000): Promise<readonly NumberedSale[]> {
  const found: NumberedSale[] = [];
  for (;;) {
    const page = await store.sales({ after: found.at(-1)?.seq ?? 0, limit });
    if (page.length === 0) return found;
    found.push(...page);
  }
}
const numbers = (sales: readonly NumberedSale[]): readonly number[] =>
  sales.map(({ paymentHash }) => Number.parseInt(paymentHash, 16));

/** The same numbers at each run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

const sumOf = (totals: readonly SaleTotal[]): readonly [number, bigint] => [
  totals.reduce((sum, { sales }) => sum + sales, 0),
  totals.reduce((sum, { amount }) => sum + amount.value, 0n),
];

export function salesLaws(law: Law): void {
  law("keeps a sale as it was written, once for each payment", async (store) => {
    const first = sale(1, { method: "POST", path: "/ü?", route: "POST /**", at: MIDNIGHT + 0.5 });
    assert.equal(await store.sell(first, false), true);
    assert.equal(await store.sell({ ...first, amount: msat(1n) }, false), false);
    const [kept, ...others] = await store.sales({ after: 0, limit: 10 });
    assert.deepEqual(others, []);
    const { seq, ...record } = kept!;
    assert.deepEqual(record, first);
    assert.equal(seq >= 1, true);
    assert.deepEqual(await store.sales({ after: seq, limit: 10 }), []);
  });

  law("writes a sale once, if it comes to several at once", async (_, handles) => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_one, n) => handles[n % handles.length]!.sell(sale(1), false)),
    );
    assert.equal(answers.filter(Boolean).length, 1);
  });

  law("gives sales in pages, in their order, and of a time", async (store) => {
    for (let n = 1; n <= 7; n++) await store.sell(sale(n, { at: MIDNIGHT + n }), false);
    assert.deepEqual(numbers(await all(store, 2)), [1, 2, 3, 4, 5, 6, 7]);
    const some = { after: 0, limit: 100, from: MIDNIGHT + 3, to: MIDNIGHT + 6 };
    assert.deepEqual(numbers(await store.sales(some)), [3, 4, 5]);
  });

  law("lists what nobody was told of, until somebody was", async (store) => {
    for (let n = 1; n <= 5; n++) await store.sell(sale(n), n !== 3);
    const untold = await store.untoldSales(0, 100);
    assert.deepEqual(numbers(untold), [1, 2, 4, 5]);
    assert.deepEqual(numbers(await store.untoldSales(untold[0]!.seq, 2)), [2, 4]);
    await store.saleTold([untold[1]!.seq, untold[3]!.seq]);
    assert.deepEqual(numbers(await store.untoldSales(0, 100)), [1, 4]);
  });

  law("sums up old sales whose credentials ended, and that were told", async (store) => {
    await store.sell(sale(1), false);
    await store.sell(sale(2, { route: "GET /b" }), false);
    await store.sell(sale(3, { endsAt: MIDNIGHT + 90 * DAY }), false);
    await store.sell(sale(4), true);
    await store.sell(sale(5, { at: MIDNIGHT + 9 * DAY }), false);
    const before = await store.saleTotals({ by: "route" });
    const folding = { at: MIDNIGHT + 10 * DAY, keepSeconds: 5 * DAY, limit: 1 };
    while (await store.foldSales(folding));
    assert.deepEqual(numbers(await all(store)), [3, 4, 5]);
    assert.deepEqual(await store.saleTotals({ by: "route" }), before);
    // A number is never given again.
    const last = (await all(store)).at(-1)!.seq;
    await store.saleTold([(await all(store))[1]!.seq]);
    while (await store.foldSales({ ...folding, at: MIDNIGHT + 500 * DAY }));
    assert.deepEqual(await all(store), []);
    await store.sell(sale(6), false);
    assert.equal((await all(store))[0]!.seq > last, true);
  });

  law("totals are the sums of the sales, whatever was summed up before", async (store) => {
    const random = generator(7);
    const sold: SaleRecord[] = [];
    for (let n = 1; n <= 60; n++) {
      const at = MIDNIGHT + random(6 * DAY);
      const amount = msat(BigInt(1 + random(100_000)));
      const one = sale(n, { at, endsAt: at + 60, amount, route: `GET /${random(4)}` });
      sold.push(one);
      assert.equal(await store.sell(one, false), true);
      if (n % 20 === 0)
        await store.foldSales({ at: MIDNIGHT + random(8) * DAY, keepSeconds: DAY, limit: 7 });
      const expected = [sold.length, sold.reduce((sum, { amount: { value } }) => sum + value, 0n)];
      if (n % 10 !== 0) continue;
      for (const by of ["day", "route"] as const)
        assert.deepEqual(sumOf(await store.saleTotals({ by })), expected);
    }
    const days = await store.saleTotals({ by: "day", fromDay: TODAY + 1, toDay: TODAY + 3 });
    const inDays = sold.filter(({ at }) => at >= MIDNIGHT + DAY && at < MIDNIGHT + 3 * DAY);
    assert.deepEqual(
      days.map(({ day }) => day),
      [TODAY + 1, TODAY + 2],
    );
    assert.deepEqual(sumOf(days), [
      inDays.length,
      inDays.reduce((sum, { amount }) => sum + amount.value, 0n),
    ]);
    const routes = await store.saleTotals({ by: "route" });
    assert.deepEqual(
      routes.map(({ route }) => route),
      ["GET /0", "GET /1", "GET /2", "GET /3"],
    );
  });

  law("gives back what was counted, once, and notes it", async (store) => {
    const counted = [spend("s", 100n), uses("u", 5n)];
    const used = order(counted, 30n);
    await store.reserve(used);
    const refund = { id: used.id, at: START + 5, until: START + DAY };
    assert.equal(await store.refund(refund), false, "still under way");
    await store.commit(used.id, msat(20n), START + 1);
    assert.equal(await store.refund(refund), true);
    assert.equal(await store.refund(refund), false, "again");
    const credits = [...(await store.credits(["s", "u", "other"]))].sort((a, b) =>
      a.id < b.id ? -1 : 1,
    );
    assert.deepEqual(credits, [
      { id: "s", value: 20n, at: START },
      { id: "u", value: 1n, at: START },
    ]);
    const entries = await store.journal(0, 100);
    const notes = entries.filter(({ event }) => event.type === "note");
    assert.equal(notes.length, 1);
    assert.match(JSON.stringify(notes[0]!.event), new RegExp(used.id));
  });

  law("gives back a part of an amount, and no more than was spent", async (store) => {
    const used = order([spend("s", 100n), uses("u", 5n)], 30n);
    await store.reserve(used);
    await store.commit(used.id, msat(20n), START + 1);
    const refund = { id: used.id, at: START + 5, until: START + DAY };
    await assert.rejects(store.refund({ ...refund, amount: msat(21n) }), TypeError);
    await assert.rejects(store.refund({ ...refund, amount: msat(0n) }), TypeError);
    const dollars = { unit: "usd_micro", value: 1n } as const;
    await assert.rejects(store.refund({ ...refund, amount: dollars }), TypeError);
    assert.equal(await store.refund({ ...refund, amount: msat(8n) }), true);
    assert.deepEqual(await store.credits(["s", "u"]), [{ id: "s", value: 8n, at: START }]);
  });

  law("gives back nothing of what was released, or never was", async (store) => {
    const released = order([uses("u", 5n)], 0n);
    await store.reserve(released);
    await store.release(released.id, START);
    for (const id of [released.id, "unknown"])
      assert.equal(await store.refund({ id, at: START, until: START + DAY }), false);
    assert.deepEqual(await store.credits(["u"]), []);
  });

  law("one of several that give back the same use does", async (_, handles) => {
    const used = order([uses("u", 5n)], 0n);
    await handles[0]!.reserve(used);
    await handles[0]!.commit(used.id, msat(0n), START);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_one, n) =>
        handles[n % handles.length]!.refund({ id: used.id, at: START, until: START + DAY }),
      ),
    );
    assert.equal(answers.filter(Boolean).length, 1);
  });

  law("no history of uses and refunds serves more than was bought", async (store) => {
    const random = generator(11);
    const windowSeconds = 3600;
    const limits = [uses("all", 6n), uses("hour", 3n, windowSeconds), spend("money", 60n)];
    const ids = limits.map(({ id }) => id);
    const committed: { readonly id: string; readonly at: number; isRefunded: boolean }[] = [];
    let now = MIDNIGHT;
    for (let n = 0; n < 150; n++) {
      now += random(600);
      const old = committed[random(Math.max(1, committed.length))];
      if (old !== undefined && random(3) === 0) {
        const given = await store.refund({ id: old.id, at: now, until: now + DAY });
        assert.equal(given, !old.isRefunded);
        old.isRefunded = true;
        continue;
      }
      const raised = raisedBy(limits, await store.credits(ids), now);
      const use = order(raised, 10n, now, newId());
      if (!(await store.reserve(use)).reserved) continue;
      if (random(4) === 0) await store.release(use.id, now);
      else {
        await store.commit(use.id, msat(10n), now);
        committed.push({ id: use.id, at: now, isRefunded: false });
      }
      const kept = committed.filter(({ isRefunded }) => !isRefunded);
      assert.ok(kept.length <= 6, `${kept.length} uses of 6`);
      const inHour = kept.filter(({ at }) => at > now - windowSeconds);
      assert.ok(inHour.length <= 3, `${inHour.length} uses of 3 an hour`);
    }
    assert.ok(committed.length > 6, "refunds served nobody");
  });

  law(
    "forgets refunds of credentials that ended, and folds the journal with them",
    async (store) => {
      const used = order([uses("u", 5n)], 0n);
      await store.reserve(used);
      await store.commit(used.id, msat(0n), START);
      await store.refund({ id: used.id, at: START, until: START + 60 });
      await store.foldSales({ at: START + 30 + DAY, keepSeconds: DAY, limit: 10 });
      assert.equal((await store.credits(["u"])).length, 1);
      await store.foldSales({ at: START + 90 + DAY, keepSeconds: DAY, limit: 10 });
      assert.deepEqual(await store.credits(["u"]), []);
      const folding = { at: START + 9 * DAY, keepSeconds: 3600, limit: 100, seal: SEAL };
      while (await store.fold(folding));
      assert.equal(await store.refund({ id: used.id, at: START + 60, until: START + 60 }), false);
    },
  );
}
