/** The laws of folding: what is removed of the books, what stays, and what it came to. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { msat } from "../amount.ts";
import { auditLedger } from "../ledger/index.ts";
import type { Folding } from "../ports/folding.ts";
import type { Counted } from "../ports/limit.ts";
import type { Store } from "../ports/store.ts";
import { checkpointText, keyedSeal } from "../receipt/checkpoint.ts";
import { paymentOf } from "./payment-laws.ts";
import { dollars, type Law, newId, order, SEAL, START, spend, uses } from "./store-laws.ts";

const HOUR = 3600;
/** After its end, a limit is kept for a day. */
const MARGIN = 86_400;

/** Folds everything that is a second old at `at`. */
const all = (at: number, more: Partial<Folding> = {}): Folding => ({
  ...{ at, keepSeconds: 1, limit: 1000, seal: SEAL },
  ...more,
});

const foldAll = async (store: Store, folding: Folding): Promise<number> => {
  let steps = 1;
  while (await store.fold(folding)) steps++;
  return steps;
};

const claim = (): string => `use.service.${newId()}`;

async function used(store: Store, counted: readonly Counted[], value: bigint, at = START) {
  const reservation = order(counted, value, at, claim());
  assert.deepEqual(await store.reserve(reservation), { reserved: true });
  await store.commit(reservation.id, msat(value), at);
}

const entryTypes = async (store: Store) =>
  (await store.journal(0, 1000)).map(({ event }) => event.type);

/** By hand from spec/5-ledger.md §6, and not by the code that folds. */
function chained(texts: readonly string[]): string {
  let digest = Buffer.alloc(32);
  for (const text of texts)
    digest = createHash("sha256").update(digest).update(text, "utf8").digest();
  return digest.toString("hex");
}

/** LtHash with 1024 words of 16 bits, by hand as well. */
function summed(...counters: readonly (readonly [string, string])[]): string {
  const words = Buffer.alloc(2048);
  for (const [id, value] of counters) {
    const text = JSON.stringify([id, value, null]);
    const added = createHash("shake256", { outputLength: 2048 }).update(text).digest();
    for (let at = 0; at < 2048; at += 2)
      words.writeUInt16LE((words.readUInt16LE(at) + added.readUInt16LE(at)) % 65_536, at);
  }
  return createHash("sha256").update(words).digest("hex");
}

const OTHER = keyedSeal([new Uint8Array(32).fill(8)]);
const ROTATED = keyedSeal([new Uint8Array(32).fill(8), new Uint8Array(32).fill(7)]);

const refused = { name: "AdapterError", code: "ERR_CHECKPOINT" };

export function foldingLaws(law: Law): void {
  law("folds nothing that is young, and nothing of an empty journal", async (store, handles) => {
    assert.equal(await store.fold(all(START)), false);
    await used(store, [spend("a", 100n)], 10n);
    assert.equal(await store.fold(all(START + 1)), false);
    for (const handle of handles) {
      const { books, ...checkpoint } = await handle.checkpoint();
      assert.match(books, /^[0-9a-f]{32}$/);
      assert.deepEqual(checkpoint, {
        ...{ seq: 0, previous: "00".repeat(32) },
        ...{ through: 0, at: 0, entries: 0, digest: "00".repeat(32) },
        ...{ spent: [], uses: 0n, forgottenUntil: 0, counters: summed() },
      });
      assert.equal((await handle.journal(0, 10)).length, 2);
    }
  });

  law("keeps every total of what it folds, and says what that came to [case 54]", async (store) => {
    const chain = [spend("a", 100n), spend("b", 1000n, HOUR), uses("c", 9n)];
    for (const value of [10n, 20n]) await used(store, chain, value);
    const open = order([spend("a", 100n)], 5n, START, claim());
    await store.reserve(open);
    const usd = order([spend("d", 100n, undefined, "usd_micro")], dollars(8n), START, claim());
    await store.reserve(usd);
    await store.commit(usd.id, dollars(7n), START);
    await store.note("somebody looked", START);
    const before = await store.counters("", 100);
    await foldAll(store, all(START + 2));
    assert.deepEqual(await store.counters("", 100), before);
    const { digest: _, books: __, keyId: ___, signature: ____, ...sums } = await store.checkpoint();
    assert.deepEqual(sums, {
      ...{ seq: 1, previous: "00".repeat(32) },
      ...{ through: 8, at: START, entries: 8, uses: 3n, forgottenUntil: 0 },
      spent: [msat(30n), dollars(7n)],
      counters: summed(["a", "30"], ["b", "30"], ["c", "2"], ["d", "7"]),
    });
    assert.deepEqual(await store.journal(0, 100), [
      { seq: 5, at: START, event: { type: "reserve", reservation: open } },
    ]);
    assert.deepEqual(await store.foldedCounters("", 100), [
      { id: "a", committed: 30n, endsAt: Number.POSITIVE_INFINITY },
      { id: "b", committed: 30n, endsAt: Number.POSITIVE_INFINITY },
      { id: "c", committed: 2n, endsAt: Number.POSITIVE_INFINITY },
      { id: "d", committed: 7n, endsAt: Number.POSITIVE_INFINITY },
    ]);
    assert.deepEqual(
      (await store.foldedCounters("b", 1)).map(({ id }) => id),
      ["c"],
    );
    const audit = await auditLedger(store);
    assert.deepEqual([audit.faults, audit.open], [[], 1]);
    // The limits go on as if nothing had been folded.
    const [more, fits] = [order(chain, 66n), order(chain, 65n)];
    assert.equal((await store.reserve(more)).reserved, false);
    assert.equal((await store.reserve(fits)).reserved, true);
    await store.commit(open.id, msat(5n), START + 3);
    await store.release(fits.id, START + 3);
    assert.deepEqual((await auditLedger(store)).faults, []);
    await foldAll(store, all(START + 10));
    assert.deepEqual((await auditLedger(store)).faults, []);
    assert.deepEqual((await store.checkpoint()).spent, [msat(35n), dollars(7n)]);
  });

  law("chains the SHA-256 of every entry that it folds", async (store) => {
    const end = START + HOUR;
    const counted = [{ ...spend("a", 100n, HOUR), expiresAt: end }, uses("u", 2n)];
    const one = order(counted, 10n, START, "use.service.one");
    await store.reserve(one);
    await store.commit(one.id, msat(9n), START + 0.5);
    const two = order([spend("a")], 1n, START, "use.service.two");
    await store.reserve(two);
    await store.release(two.id, START);
    await store.note('a "note"', START);
    await store.addDirective({ kind: "freeze", nodeId: "*", at: START });
    await foldAll(store, all(START + 2, { limit: 4 }));
    assert.equal(
      (await store.checkpoint()).digest,
      chained([
        `[1,${START},"reserve","use.service.one",${START},"msat","10","1",[["a","spend","msat","100",3600,${end}],["u","uses",null,"2",null,null]]]`,
        `[2,${START}.5,"commit","use.service.one","msat","9"]`,
        `[3,${START},"reserve","use.service.two",${START},"msat","1","1",[["a","spend","msat",null,null,null]]]`,
        `[4,${START},"release","use.service.two"]`,
        `[5,${START},"note","a \\"note\\""]`,
        `[6,${START},"directive","freeze","*",null]`,
      ]),
    );
  });

  law("folds a few entries in a step, until no more are old", async (store) => {
    for (let nth = 0; nth < 5; nth++) await used(store, [uses("a", 99n)], 1n, START + nth);
    assert.equal(await store.fold(all(START + 4.5, { limit: 3 })), true);
    assert.equal((await store.checkpoint()).through, 3);
    assert.deepEqual(await entryTypes(store), [
      ...["reserve", "commit", "reserve", "commit"],
      ...["reserve", "commit", "reserve", "commit"],
    ]);
    assert.equal(await foldAll(store, all(START + 4.5, { limit: 3 })), 2);
    assert.equal((await store.checkpoint()).through, 8);
    assert.deepEqual(await entryTypes(store), ["reserve", "commit"]);
    assert.deepEqual((await auditLedger(store)).faults, []);
  });

  law(
    "an entry is old by the time that has passed, and wrong by the clock alone [case 109]",
    async (store) => {
      // After a month in which no process ran, the time that has passed is behind the clock.
      const now = START + 30 * MARGIN;
      await used(store, [uses("a", 99n)], 1n);
      await used(store, [uses("a", 99n)], 1n, now);
      await foldAll(store, all(START + HOUR, { now }));
      assert.equal((await store.checkpoint()).through, 2);
      // By a clock that is right again, the second one is from the future.
      await foldAll(store, all(START + HOUR));
      assert.equal((await store.checkpoint()).through, 4);
    },
  );

  law("folds an entry once, however many fold at a time", async (store, handles) => {
    for (let nth = 0; nth < 20; nth++) await used(store, [uses("a", 99n)], 1n);
    const folders = [...handles, ...handles, store];
    await Promise.all(folders.map((each) => foldAll(each, all(START + 2, { limit: 7 }))));
    await foldAll(store, all(START + 2));
    const { entries, uses: folded } = await store.checkpoint();
    assert.deepEqual([entries, folded], [40, 20n]);
    assert.deepEqual((await auditLedger(store)).faults, []);
  });

  law(
    "forgets a limit that has ended, and begins it never anew [cases 88, 109, 117]",
    async (store) => {
      const end = START + 100;
      const ended = { ...uses("ended", 1n), expiresAt: end };
      const lives = { ...uses("lives", 5n), expiresAt: end + 2 * MARGIN };
      await used(store, [ended, lives], 1n);
      const names = async () => (await store.counters("", 100)).map(({ id }) => id);
      await foldAll(store, all(end + MARGIN - 1));
      assert.deepEqual(await names(), ["ended", "lives"]);
      await foldAll(store, all(end + MARGIN));
      assert.deepEqual(await names(), ["lives"]);
      assert.equal((await store.checkpoint()).forgottenUntil, end);
      // A clock that goes back makes the credential valid again.
      for (const at of [START, end + MARGIN]) {
        const refused = [{ id: "ended", used: 1n, reserved: 0n }];
        const again = order([ended, lives], 1n, at);
        assert.deepEqual(await store.reserve(again), { reserved: false, refused });
        assert.deepEqual(await store.usage([ended], at), refused);
      }
      assert.deepEqual(await names(), ["lives"]);
      // What has no limit is only shown; and what lives goes on.
      const shown = { id: "shown", kind: "uses", expiresAt: end } as const;
      await used(store, [lives, shown], 1n);
      assert.deepEqual((await auditLedger(store)).faults, []);
    },
  );

  law("forgets a limit with its last entries, or later, when it has ended", async (store) => {
    const end = START + HOUR;
    const limits = ["a", "b"].map((id) => ({ ...uses(id, 9n), expiresAt: end }));
    for (const limit of limits) await used(store, [limit], 1n);
    await foldAll(store, all(START + 2));
    assert.equal((await store.counters("", 9)).length, 2);
    const open = order([limits[1]!], 1n, START + 3, claim());
    await store.reserve(open);
    await foldAll(store, all(end + MARGIN));
    assert.deepEqual(
      (await store.counters("", 9)).map(({ id }) => id),
      ["b"],
    );
    assert.deepEqual((await auditLedger(store)).faults, []);
    await store.commit(open.id, msat(1n), end + MARGIN);
    await foldAll(store, all(end + MARGIN + 2));
    assert.deepEqual(await store.counters("", 9), []);
    assert.deepEqual((await auditLedger(store)).faults, []);
  });

  law("keeps no counter of what was given back, and no answer to it", async (store) => {
    const given = order([uses("a", 1n), spend("b", 9n)], 9n, START, claim());
    await store.reserve(given);
    await store.release(given.id, START);
    await foldAll(store, all(START + 2));
    assert.deepEqual(await store.counters("", 9), []);
    assert.deepEqual(await store.journal(0, 9), []);
    // The id may be reserved again, before it is folded and afterwards.
    for (let round = 0; round < 2; round++) {
      assert.equal((await store.reserve(given)).reserved, true);
      await store.release(given.id, START + 3);
    }
    await foldAll(store, all(START + 9));
    assert.deepEqual((await auditLedger(store)).faults, []);
  });

  law(
    "counts a payment that failed and was made all the same, long after [case 51]",
    async (store) => {
      const end = START + HOUR;
      const counted = [spend("root"), { ...spend("leaf", 1000n), expiresAt: end }];
      const payment = paymentOf();
      const { paymentHash, attemptId } = payment;
      const reservation = { id: attemptId, at: START, amount: msat(10_100n), uses: 0n };
      const begun = await store.begin({ ...reservation, counted: [counted[0]!] }, payment);
      assert.equal(begun.reserved, true);
      await store.settle(paymentHash, attemptId, { status: "failed", at: START });
      await foldAll(store, all(end + 2 * MARGIN));
      assert.deepEqual(await entryTypes(store), ["reserve", "release"]);
      assert.deepEqual((await auditLedger(store)).faults, []);
      const settled = await store.settle(paymentHash, attemptId, {
        ...{ status: "paid", preimage: "ab".repeat(32), fee: msat(17n), at: end + 2 * MARGIN },
      });
      assert.equal(settled.late, true);
      assert.deepEqual(await store.counters("", 9), [
        { id: "root", committed: 10_017n, reserved: 0n },
      ]);
      assert.deepEqual((await auditLedger(store)).faults, []);
      await foldAll(store, all(end + 3 * MARGIN));
      assert.deepEqual(await store.journal(0, 9), []);
      assert.deepEqual((await auditLedger(store)).faults, []);
      assert.deepEqual((await store.checkpoint()).spent, [msat(10_017n)]);
      assert.equal((await store.payment(paymentHash))!.status, "paid");
    },
  );

  law("goes past an entry that a wrong clock wrote in the future", async (store) => {
    await used(store, [uses("a", 9n)], 1n, START + 99 * HOUR);
    await used(store, [uses("a", 9n)], 1n);
    await foldAll(store, all(START + 2));
    assert.equal((await store.checkpoint()).through, 4);
  });

  law("chains checkpoints, and signs each of them", async (store) => {
    await used(store, [uses("a", 9n)], 1n);
    await used(store, [uses("b", 9n)], 1n, START + 10);
    await foldAll(store, all(START + 2));
    const first = await store.checkpoint();
    SEAL.demand(first);
    await foldAll(store, all(START + 12));
    const second = await store.checkpoint();
    SEAL.demand(second);
    const line = checkpointText(first);
    assert.deepEqual([first.seq, second.seq], [1, 2]);
    assert.equal(second.previous, createHash("sha256").update(line, "utf8").digest("hex"));
    assert.equal(second.books, first.books);
    assert.deepEqual((await auditLedger(store, SEAL)).faults, []);
    const [fault] = (await auditLedger(store, OTHER)).faults;
    assert.match(fault!.what, /key [0-9a-f]{16} signed it, and the key here is [0-9a-f]{16}/);
  });

  law("folds nothing on top of another key's checkpoint", async (store) => {
    await used(store, [uses("a", 9n)], 1n);
    await foldAll(store, all(START + 2));
    const before = await store.checkpoint();
    await used(store, [uses("a", 9n)], 1n, START + 3);
    await assert.rejects(store.fold(all(START + 9, { seal: OTHER })), refused);
    assert.deepEqual(await store.checkpoint(), before);
    assert.deepEqual((await auditLedger(store, SEAL)).faults, []);
  });

  law("signs anew what the key before this one signed", async (store) => {
    await used(store, [uses("a", 9n)], 1n);
    await foldAll(store, all(START + 2));
    const { seq, signature: _, keyId: __, previous: ___, ...before } = await store.checkpoint();
    // Nothing is old.
    assert.equal(await store.fold(all(START + 2, { seal: ROTATED })), false);
    const now = await store.checkpoint();
    assert.deepEqual({ ...now, ...before, seq }, { ...now, seq });
    assert.equal(now.seq, seq + 1);
    OTHER.demand(now);
    // Once, and not at each step.
    await store.fold(all(START + 2, { seal: ROTATED }));
    assert.deepEqual(await store.checkpoint(), now);
    await assert.rejects(store.fold(all(START + 9)), refused);
  });
}
