/** The SQLite store: the laws of every store. Skipped where the runtime has no SQLite: Node 20. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { msat } from "../amount.ts";
import { settleLate } from "../testing/order-laws.ts";
import { beginPayment, buy, paymentOf, settle } from "../testing/payment-laws.ts";
import { storeContract } from "../testing/store-contract.ts";
import { order, START, spend } from "../testing/store-laws.ts";
import { openSqliteStore } from "./sqlite.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;

storeContract(hasSqlite ? test : test.skip, {
  name: "the SQLite store",
  setup: async () => {
    const folder = mkdtempSync(join(tmpdir(), "sigil-sqlite-"));
    const store = await openSqliteStore(join(folder, "books.db"));
    return {
      store,
      teardown: async () => {
        await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
  histories: 20,
});

const folderOfTest = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "sigil-sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
};

test.skipIf(!hasSqlite)(
  "counts a payment that was made after it had failed, also in a file that was opened since",
  async () => {
    const path = join(folderOfTest(), "books.db");
    let store = await openSqliteStore(path);
    await settleLate(store, async () => {
      await store.close();
      store = await openSqliteStore(path);
      return store;
    });
    await store.close();
  },
);

test.skipIf(!hasSqlite)(
  "ends what was reserved again under a released id as it was reserved last, once opened since",
  async () => {
    const path = join(folderOfTest(), "books.db");
    const [first, second] = [spend("a"), spend("b")];
    const before = await openSqliteStore(path);
    await before.reserve(order([first], 8n, START, "again"));
    await before.release("again", START);
    await before.reserve(order([second], 30n, START, "again"));
    await before.close();
    const store = await openSqliteStore(path);
    await store.commit("again", msat(20n), START);
    expect(await store.usage([first, second], START)).toEqual([
      { id: "a", used: 0n, reserved: 0n },
      { id: "b", used: 20n, reserved: 0n },
    ]);
    await store.close();
  },
);

test.skipIf(!hasSqlite)(
  "enforces in the database that an order has one payment that did not fail",
  async () => {
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const path = join(folderOfTest(), "books.db");
    const store = await openSqliteStore(path);
    const [one, two] = [await buy(store), await buy(store)];
    await store.close();
    const database = new DatabaseSync(path);
    const move = database.prepare(
      "UPDATE payments SET order_key = ? WHERE hex(payment_hash) = upper(?)",
    );
    expect(() => move.run(one.order, two.paymentHash)).toThrow(/UNIQUE/);
    database
      .prepare(
        "UPDATE payments SET status = 'failed', order_key = NULL WHERE hex(payment_hash) = upper(?)",
      )
      .run(one.paymentHash);
    expect(move.run(one.order, two.paymentHash).changes).toBe(1);
    database.close();
  },
);

test.skipIf(!hasSqlite)(
  "reads and decodes only the purchases that it returns, however many are held",
  async () => {
    const path = join(folderOfTest(), "books.db");
    const store = await openSqliteStore(path);
    onTestFinished(() => store.close());
    const at = { origin: "https://api.example", method: "GET", amount: msat(1n), maxFee: msat(0n) };
    const bulk = (count: number, more: (n: number) => object) =>
      Promise.all(Array.from({ length: count }, (_, n) => buy(store, { ...at, ...more(n) })));
    await bulk(10_000, (n) => ({ path: `/${n}` }));
    // A reader has no cache, so each record that it looks at is a row.
    const reader = await openSqliteStore(path, { readOnly: true });
    onTestFinished(() => reader.close());
    const { StatementSync } = process.getBuiltinModule("node:sqlite");
    const { get, all } = StatementSync.prototype;
    const rowsFor = async (path: string) => {
      let rows = 0;
      const getting = vi.spyOn(StatementSync.prototype, "get");
      getting.mockImplementation(function (this: typeof StatementSync.prototype, ...values) {
        const row = get.apply(this, values as never);
        rows += row === undefined ? 0 : 1;
        return row;
      });
      const listing = vi.spyOn(StatementSync.prototype, "all");
      listing.mockImplementation(function (this: typeof StatementSync.prototype, ...values) {
        const list = all.apply(this, values as never);
        rows += list.length;
        return list;
      });
      const found = await reader.purchases(["root", "scout"], { ...at, path });
      vi.restoreAllMocks();
      return { found: found.length, rows };
    };
    // One that says that the node has bought something there.
    expect(await rowsFor("/none")).toEqual({ found: 0, rows: 1 });
    // One of the index, and one of the record.
    expect(await rowsFor("/77")).toEqual({ found: 1, rows: 3 });
    await bulk(2, (n) => ({ path: `/any/${n}`, anyPath: true }));
    expect(await rowsFor("/77")).toEqual({ found: 3, rows: 7 });
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const { prepare } = DatabaseSync.prototype;
    const asked = new Set<string>();
    vi.spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (
      this: InstanceType<typeof DatabaseSync>,
      sql,
    ) {
      asked.add(sql);
      return prepare.call(this, sql);
    });
    const another = await openSqliteStore(path, { readOnly: true });
    onTestFinished(() => another.close());
    asked.clear();
    await another.purchases(["scout"], { ...at, path: "/none" });
    vi.restoreAllMocks();
    const database = new DatabaseSync(path, { readOnly: true });
    const plans = [...asked]
      .filter((sql) => sql.includes("node_id = ?"))
      .flatMap((sql) =>
        database
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .all()
          .map(({ detail }) => detail),
      )
      .filter((detail) => !/^SCAN CONSTANT ROW|^SCALAR SUBQUERY/.test(String(detail)));
    database.close();
    // Nothing is filtered beside the index, and nothing is sorted.
    expect(plans).toEqual([
      "SEARCH payments USING COVERING INDEX payments_usable (node_id=? AND origin=?)",
      "SEARCH payments USING COVERING INDEX payments_usable_anywhere (node_id=? AND origin=?)",
      "SEARCH payments USING INDEX payments_usable (node_id=? AND origin=? AND method=? AND path=?)",
      "SEARCH payments USING INDEX payments_usable_anywhere (node_id=? AND origin=?)",
    ]);
  },
);

test.skipIf(!hasSqlite)(
  "looks nothing up by reading a whole table, however long the books are",
  async () => {
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const asked = new Set<string>();
    const { prepare } = DatabaseSync.prototype;
    vi.spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (
      this: InstanceType<typeof DatabaseSync>,
      sql,
    ) {
      asked.add(sql);
      return prepare.call(this, sql);
    });
    const folder = mkdtempSync(join(tmpdir(), "sigil-plans-"));
    const path = join(folder, "books.db");
    const store = await openSqliteStore(path);
    onTestFinished(() => rmSync(folder, { recursive: true }));
    // All that one order does, from the first look to the receipt.
    const failed = paymentOf();
    await beginPayment(store, failed);
    await settle(store, failed, { status: "failed", at: START });
    const bought = await buy(store, { paymentHash: failed.paymentHash });
    const { paymentHash, origin, order, intent } = bought;
    await store.mark(paymentHash, { delivered: true });
    await store.purchases(["root", "scout"], bought);
    await Promise.all([store.ordered(order), store.openFor(intent)]);
    expect(await store.take(paymentHash, order, "another")).toBe(true);
    await Promise.all([
      store.openPayments(),
      store.closures(origin, START),
      store.payees(origin),
      store.directives(0),
    ]);
    await store.usage([{ id: "wallet", kind: "spend", unit: "msat" }], START);
    await store.appendReceipts([{ seq: 1, paymentHash, hash: "00", text: "{}" }]);
    await Promise.all([store.unreceipted(8), store.lastReceipt(), store.abandoned(START)]);
    await store.close();
    vi.restoreAllMocks();
    const database = new DatabaseSync(path, { readOnly: true });
    const plans = [...asked]
      .filter(
        (sql) =>
          /^\s*(?:SELECT|UPDATE|INSERT|DELETE)/.test(sql) && !/sqlite_schema|holder/.test(sql),
      )
      .flatMap((sql) =>
        database
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .all()
          .map(({ detail }) => `${detail}: ${sql}`),
      );
    database.close();
    expect(plans.length).toBeGreaterThan(15);
    expect(
      plans.filter((plan) => /^SCAN (?!meta\b|CONSTANT)(?!.* INDEX )(?!.* LIMIT 1$)/.test(plan)),
    ).toEqual([]);
  },
);
