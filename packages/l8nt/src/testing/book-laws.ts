/**
 * The laws of a store's other records, part of the store contract: directives, nodes, receipts, the
 * journal, facts and wrapped secrets.
 */

import assert from "node:assert/strict";
import { msat } from "../amount.ts";
import { auditLedger } from "../ledger/index.ts";
import type { NumberedDirective } from "../ports/directives.ts";
import type { JournalEntry } from "../ports/journal.ts";
import type { NodePlace, NodeRecord } from "../ports/nodes.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import type { Store } from "../ports/store.ts";
import { beginPayment, buy, paymentOf } from "./payment-laws.ts";
import { type Law, order, START, spend, uses } from "./store-laws.ts";

const node = (id: string, path: readonly string[], more: Partial<NodeRecord> = {}): NodeRecord => ({
  id,
  path: [...path, id] as unknown as [string, ...string[]],
  caveats: [`endpoints=GET https://${id}.example/**`],
  limits: [
    {
      id: `${id}-limit`,
      kind: "spend",
      unit: "msat",
      max: 1_000_000_000_000_000_000n,
      condition: "budget_msat",
    },
  ],
  metAt: START,
  ...more,
});

const receipt = (seq: number, paymentHash: string): ReceiptRow => ({
  seq,
  paymentHash,
  hash: seq.toString(16).padStart(64, "0"),
  text: `{"n":${seq},"ö":"✓"}`,
});

export function bookLaws(law: Law): void {
  law("keeps directives in order, and returns those after a number", async (_, handles) => {
    const directives = [
      { kind: "revoke", nodeId: "aa".repeat(16), endsAt: START + 60, at: START },
      { kind: "freeze", nodeId: "*", at: START + 1, reason: "I want to look at it" },
      { kind: "thaw", nodeId: "*", at: START + 2 },
      {
        kind: "freeze",
        nodeId: `payment ${"ab".repeat(32)}`,
        at: START + 2,
        reason: "no book has it",
        payment: '{"why":"missing"}',
      },
      {
        kind: "revoke",
        nodeId: "bb".repeat(16),
        above: ["cc".repeat(16), "dd".repeat(16)],
        by: "dd".repeat(16),
        at: START + 3,
      },
      {
        kind: "top-up",
        nodeId: "bb".repeat(16),
        at: START + 4,
        topUp: { amount: "5 usd", until: START + 3600 },
        reason: "it ran dry",
      },
    ] as const;
    const numbers: number[] = [];
    for (const [at, directive] of directives.entries())
      numbers.push(await handles[at % handles.length]!.addDirective(directive));
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
    );
    for (const handle of handles) {
      assert.deepEqual(
        await handle.directives(0),
        directives.map((directive, at) => ({ ...directive, seq: numbers[at] })),
      );
      assert.deepEqual(await handle.directives(numbers[2]!), [
        { ...directives[3], seq: numbers[3] },
        { ...directives[4], seq: numbers[4] },
        { ...directives[5], seq: numbers[5] },
      ]);
      assert.deepEqual(await handle.directives(numbers[5]!), []);
    }
  });

  law(
    "never adds an entry before a number that a reader has already passed [case 54]",
    async (store, handles) => {
      const read: JournalEntry[] = [];
      const directives: NumberedDirective[] = [];
      const follow = async () => {
        read.push(...(await store.journal(read.at(-1)?.seq ?? 0, 1000)));
        directives.push(...(await store.directives(directives.at(-1)?.seq ?? 0)));
      };
      let writing = true;
      const writers = handles.map(async (handle, writer) => {
        for (let turn = 0; turn < 20; turn++) {
          const reservation = order([spend(`own ${writer}`), spend("shared")], 1n);
          await Promise.all([
            handle.reserve(reservation),
            handle.addDirective({ kind: "revoke", nodeId: `${writer} ${turn}`, at: START }),
          ]);
          await handle.commit(reservation.id, msat(1n), START);
        }
      });
      const written = Promise.all(writers).finally(() => {
        writing = false;
      });
      while (writing) {
        await follow();
        await new Promise((turn) => void setImmediate(turn));
      }
      await written;
      await follow();
      assert.deepEqual(read, await store.journal(0, 10_000));
      assert.deepEqual(directives, await store.directives(0));
      assert.equal(directives.length, 20 * handles.length);
      assert.equal(read.length, 60 * handles.length);
    },
  );

  law("records each node once, and finds a node's family", async (store, handles) => {
    const root = node("root", []);
    const scout = node("scout", ["root"], {
      agent: "scout",
      validUntil: START + 60,
      metAt: START + 1,
    });
    const child = node("child", ["root", "scout"], { agent: "child", caveats: [], limits: [] });
    const other = node("other", [], { metAt: START + 2 });
    await store.meet([root, scout]);
    await store.meet([root, scout, child]);
    await store.meet([{ ...scout, caveats: ["another story"] }, other]);
    for (const handle of handles) {
      assert.deepEqual(await handle.nodes({ under: "root", limit: 100 }), [root, scout, child]);
      assert.deepEqual(await handle.nodes({ under: "scout", limit: 100 }), [scout, child]);
      assert.deepEqual(await handle.nodes({ under: "nobody", limit: 100 }), []);
      assert.deepEqual(await handle.nodes({ limit: 100 }), [root, other, scout, child]);
      assert.deepEqual(await handle.nodes({ limit: 2 }), [root, other]);
    }
  });

  law(
    "lists nodes and outlines in pages, parents first, whatever is forgotten or met between two of them",
    async (store, handles) => {
      const root = node("root", []);
      const names = ["d", "a", "c", "b"];
      // Two of them were met at the same moment, and are told apart by their ids.
      const children = names.map((id, at) =>
        node(id, ["root"], { metAt: START + (at < 2 ? 0.125 : at) }),
      );
      const deep = Array.from({ length: 60 }, (_, at) => `deep${at}`);
      const line = deep.map((id, at) => node(id, ["root", "a", ...deep.slice(0, at)]));
      await store.meet([root, ...children, node("other", [], { metAt: START + 9 }), ...line]);
      const pages = async (handle: Store, under: string | undefined, limit: number) => {
        const ids: string[] = [];
        let after: NodePlace | undefined;
        for (;;) {
          const page = await handle.nodes({ under, after, limit });
          const { metAt, path, id } = page.at(-1) ?? {};
          ids.push(...page.map((one) => one.id));
          if (id === undefined) return ids;
          after = { depth: path!.length, metAt: metAt!, id };
        }
      };
      const ordered = ["root", "other", "a", "d", "c", "b", ...deep];
      for (const handle of handles) {
        for (const limit of [1, 7, 100])
          assert.deepEqual(await pages(handle, undefined, limit), ordered);
        assert.deepEqual(await pages(handle, "a", 3), ["a", ...deep]);
        assert.deepEqual(await pages(handle, "deep58", 1), ["deep58", "deep59"]);
        const after = { depth: 2, metAt: START + 0.125, id: "a" };
        const outlines = await handle.nodeOutlines({ after, limit: 2 });
        assert.deepEqual(
          outlines.map(({ id }) => id),
          ["d", "c"],
        );
      }
      const after = { depth: 2, metAt: START + 0.125, id: "d" };
      await store.forgetNodes([{ id: "d" }]);
      await store.meet([node("late", ["root"], { metAt: START + 50 })]);
      const next = await store.nodes({ under: "root", after, limit: 3 });
      assert.deepEqual(
        next.map(({ id }) => id),
        ["c", "b", "late"],
      );
    },
  );

  law(
    "forgets what is below a forgotten node, too, and counts it where that one is counted",
    async (store, handles) => {
      const root = node("root", []);
      const below = [
        node("a", ["root"]),
        node("b", ["root", "a"]),
        node("c", ["root", "a", "b"]),
        node("d", ["root", "a", "b", "c"]),
      ];
      await store.meet([root, ...below, node("kept", ["root"], { metAt: START + 1 })]);
      await store.forgetNodes([{ id: "c" }]);
      await store.forgetNodes([{ id: "a", into: "root" }]);
      for (const handle of handles)
        assert.deepEqual(
          (await handle.nodes({ limit: 9 })).map(({ id, unlisted }) => [id, unlisted]),
          [
            ["root", 2],
            ["kept", undefined],
          ],
        );
    },
  );

  law(
    "forgets nodes, and counts each one once at the node that it names, no matter who forgets it",
    async (store, handles) => {
      const root = node("root", []);
      const scout = node("scout", ["root"], { validUntil: START + 60, metAt: START + 1 });
      const [one, two, three] = ["one", "two", "three"].map((id) => node(id, ["root", "scout"]));
      await store.meet([root, scout, one!, two!, three!]);
      const outlines = await store.nodeOutlines({ limit: 100 });
      assert.deepEqual(
        outlines
          .map(({ id, path, metAt, validUntil }) => ({ id, path: [...path], metAt, validUntil }))
          .sort((a, b) => (a.id < b.id ? -1 : 1)),
        [one!, root, scout, three!, two!].map(({ id, path, metAt, validUntil }) => ({
          ...{ id, metAt, validUntil },
          path: [...path],
        })),
      );
      await Promise.all(
        handles.map((handle) =>
          handle.forgetNodes([
            { id: "one", into: "scout" },
            { id: "nobody", into: "scout" },
            { id: "two", into: "scout" },
          ]),
        ),
      );
      for (const handle of handles)
        assert.deepEqual(await handle.nodes({ under: "root", limit: 100 }), [
          root,
          { ...scout, unlisted: 2 },
          three!,
        ]);
      await store.forgetNodes([{ id: "scout", into: "root" }, { id: "three" }]);
      assert.deepEqual(await store.nodes({ limit: 100 }), [{ ...root, unlisted: 3 }]);
      assert.deepEqual(await store.nodes({ under: "scout", limit: 100 }), []);
      await store.meet([root, scout, one!]);
      for (const handle of handles)
        assert.deepEqual(await handle.nodes({ under: "root", limit: 100 }), [
          { ...root, unlisted: 3 },
          scout,
          one!,
        ]);
    },
  );

  law(
    "stores one chain of receipts, and knows which payments lack a receipt",
    async (store, handles) => {
      assert.equal(await store.lastReceipt(), undefined);
      const open = paymentOf();
      await beginPayment(store, open);
      const payments = [
        await buy(store, {}, START + 1),
        await buy(store, { nodeIds: ["root", "spy"] }, START + 2),
      ];
      await store.mark(payments[0]!.paymentHash, { status: "used" });
      const hashes = payments.map(({ paymentHash }) => paymentHash);
      const waiting = async () =>
        (await store.unreceipted(10)).map(({ paymentHash }) => paymentHash);
      assert.deepEqual(await waiting(), hashes);
      assert.equal((await store.unreceipted(1)).length, 1);
      const rows = [receipt(1, hashes[0]!), receipt(2, hashes[1]!)];
      assert.equal(await store.appendReceipts([rows[1]!]), false);
      const answers = await Promise.all(handles.map((handle) => handle.appendReceipts([rows[0]!])));
      assert.equal(answers.filter((kept) => kept).length, 1);
      assert.deepEqual(await waiting(), [hashes[1]]);
      assert.equal(await store.appendReceipts([rows[1]!]), true);
      assert.equal(await store.appendReceipts([rows[1]!]), false);
      assert.deepEqual(await waiting(), []);
      for (const handle of handles) {
        assert.deepEqual(await handle.receipts(0, 10), rows);
        assert.deepEqual(await handle.receipts(1, 10), [rows[1]]);
        assert.deepEqual(await handle.receipts(0, 1), [rows[0]]);
        assert.deepEqual(await handle.receipts(0, 10, "spy"), [rows[1]]);
        assert.deepEqual(await handle.receipts(0, 10, "root"), rows);
        assert.deepEqual(await handle.receipts(0, 10, "nobody"), []);
        assert.deepEqual(await handle.lastReceipt(), rows[1]);
      }
    },
  );

  law(
    "journals every change and nothing else, so that every total follows from the journal [case 54]",
    async (store) => {
      const chain = [spend("a", 100n), spend("b", 1000n, 3600), uses("c", 3n)];
      const [one, two] = [order(chain, 60n), order(chain, 30n)];
      await store.reserve(one);
      await store.reserve(one);
      await store.reserve(order(chain, 41n));
      await store.reserve(two);
      await store.commit(one.id, msat(55n), START + 1);
      await store.release(one.id, START + 2);
      await store.release(two.id, START + 3);
      await store.note("somebody looked", START + 4);
      await store.addDirective({ kind: "freeze", nodeId: "*", at: START + 5, reason: "why not" });
      const paid = await buy(store, {}, START + 6);
      const entries = await store.journal(0, 100);
      assert.deepEqual(
        entries.map(({ at, event }) => ({ at, event })),
        [
          { at: START, event: { type: "reserve", reservation: one } },
          { at: START, event: { type: "reserve", reservation: two } },
          { at: START + 1, event: { type: "commit", id: one.id, amount: msat(55n) } },
          { at: START + 3, event: { type: "release", id: two.id } },
          { at: START + 4, event: { type: "note", text: "somebody looked" } },
          {
            at: START + 5,
            event: { type: "directive", kind: "freeze", nodeId: "*", reason: "why not" },
          },
          {
            at: START,
            event: {
              type: "reserve",
              reservation: {
                ...order([spend("wallet", 1_000_000n)], 10_100n, START, paid.attemptId),
              },
            },
          },
          { at: START, event: { type: "payment", paymentHash: paid.paymentHash, status: "open" } },
          {
            at: START + 6,
            event: { type: "commit", id: paid.attemptId, amount: msat(10_017n) },
          },
          {
            at: START + 6,
            event: { type: "payment", paymentHash: paid.paymentHash, status: "paid" },
          },
        ],
      );
      const numbers = entries.map(({ seq }) => seq);
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].sort((a, b) => a - b),
      );
      assert.deepEqual(await store.journal(numbers[1]!, 3), entries.slice(2, 5));
      assert.deepEqual(await store.journal(numbers.at(-1)!, 3), []);
      const counters = await store.counters("", 100);
      assert.deepEqual(
        counters.map(({ id, committed, reserved }) => [id, committed, reserved]),
        [
          ["a", 55n, 0n],
          ["b", 55n, 0n],
          ["c", 1n, 0n],
          ["wallet", 10_017n, 0n],
        ],
      );
      assert.deepEqual(await store.counters("a", 2), counters.slice(1, 3));
      assert.deepEqual((await auditLedger(store)).faults, []);
      assert.equal(await store.latest(), START + 6);
    },
  );

  law("remembers the latest time that was written [case 109]", async (store, handles) => {
    assert.equal(await store.latest(), 0);
    await store.reserve(order([spend("a", 10n)], 1n, START + 100));
    await store.reserve(order([spend("a", 10n)], 1n, START));
    for (const handle of handles) assert.equal(await handle.latest(), START + 100);
  });

  law("goes back in time on the owner's word alone [case 109]", async (store, handles) => {
    await store.reserve(order([spend("a", 10n)], 1n, START + 100));
    await handles.at(-1)!.turnBack(START + 50, "the clock was ahead");
    for (const handle of handles) assert.equal(await handle.latest(), START + 50);
    await store.reserve(order([spend("a", 10n)], 1n, START + 60));
    for (const handle of handles) assert.equal(await handle.latest(), START + 60);
    const { at, event } = (await store.journal(0, 100)).at(-2)!;
    assert.deepEqual([at, event], [START + 50, { type: "note", text: "the clock was ahead" }]);
  });

  law(
    "keeps the first value of a fact, or replaces it, and drops those that are numbers and old",
    async (store, handles) => {
      assert.equal(await store.fact("made"), undefined);
      const answers = await Promise.all(
        handles.map((handle, at) => handle.firstFact("made", `at ${at}`)),
      );
      const kept = await store.fact("made");
      assert.match(kept!, /^at \d+$/);
      for (const answer of answers) assert.equal(answer, kept);
      assert.equal(await store.firstFact("made", "later"), kept);
      for (const value of ["1", "2"]) {
        await store.setFact("compared", value);
        for (const handle of handles) assert.equal(await handle.fact("compared"), value);
      }
      assert.equal(await store.fact("made"), kept);
      if (store.dropFacts === undefined) return;
      const facts = { "a 1": "9", "a 2": "10", "a 3": "-1", "a 4": "9 s", "a%5": "1", b: "1" };
      const fractions = { "a 6": "9.5", "a 7": "9.8" };
      for (const [name, value] of Object.entries(fractions)) await store.setFact(name, value);
      for (const [name, value] of Object.entries(facts)) await store.setFact(name, value);
      await store.dropFacts("a ", 9.75);
      const left = await Promise.all(Object.keys(facts).map((name) => store.fact(name)));
      assert.deepEqual(left, [undefined, "10", "-1", "9 s", "1", "1"]);
      assert.equal(await store.fact("a 6"), undefined);
      assert.equal(await store.fact("a 7"), "9.8");
    },
  );

  law(
    "stores the first value of each wrapped secret, and never replaces it",
    async (store, handles) => {
      assert.equal(await store.wrapped("root"), undefined);
      const answers = await Promise.all(
        handles.map((handle, at) => handle.keepWrapped("root", new Uint8Array([at, 0, 255]))),
      );
      assert.equal(answers.filter((kept) => kept).length, 1);
      const kept = await store.wrapped("root");
      for (const handle of handles) assert.deepEqual(await handle.wrapped("root"), kept);
      assert.equal(await store.keepWrapped("root", new Uint8Array([9])), false);
      assert.deepEqual(await store.wrapped("root"), kept);
      assert.equal(await store.keepWrapped("other", new Uint8Array()), true);
      assert.deepEqual(await store.wrapped("other"), new Uint8Array());
    },
  );
}
