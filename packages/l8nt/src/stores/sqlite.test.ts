/** The SQLite store: the laws of every store. Skipped where the runtime has no SQLite: Node 20. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { beginPayment, buy, paymentOf, settle } from "../testing/payment-laws.ts";
import { storeContract } from "../testing/store-contract.ts";
import { START } from "../testing/store-laws.ts";
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
    await store.claim(paymentHash, "me", START, START + 1);
    await store.mark(paymentHash, { delivered: true, unclaim: "me" });
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
    await Promise.all([
      store.unreceipted(8),
      store.lastReceipt(),
      store.abandoned(START),
      store.unclaimAll("me"),
    ]);
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
