/**
 * The tables: made once by concurrent processes, never in another application's schema, and
 * append-only.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { msat } from "../../packages/l8nt/src/amount.ts";
import { buy } from "../../packages/l8nt/src/testing/payment-laws.ts";
import { order, START, spend } from "../../packages/l8nt/src/testing/store-laws.ts";
import { Books } from "./support/books.ts";

let books: Books;

beforeEach(() => {
  books = new Books();
});

afterEach(() => books.close());

const refusal = (pattern: RegExp) => ({
  code: "ERR_STORE",
  message: expect.stringMatching(pattern),
});

test("concurrent processes make the tables once", async () => {
  const stores = await Promise.all(Array.from({ length: 6 }, () => books.open()));
  for (const store of stores) await store.note("here", START);
  expect(await stores[0]!.journal(0, 10)).toHaveLength(6);
  expect(await books.sql("SELECT version FROM sigil_migrations ORDER BY version")).toEqual([
    { version: 1 },
    { version: 2 },
    { version: 3 },
  ]);
});

test("the next process finds the existing tables", async () => {
  const limit = spend("a", 10n);
  const first = await books.open();
  await first.reserve(order([limit], 7n));
  await first.close();
  expect(await (await books.open()).usage([limit], START)).toEqual([
    { id: "a", used: 7n, reserved: 7n },
  ]);
});

test("a newer schema is left alone", async () => {
  await books.open();
  await books.sql("INSERT INTO sigil_migrations (version) VALUES (4)");
  await expect(books.open()).rejects.toMatchObject(
    refusal(/version 4, and this program knows versions up to 3/),
  );
});

test.each([
  ["a table that was dropped", "DROP TABLE sigil_payees"],
  ["a function that was dropped", "DROP FUNCTION sigil_apply(jsonb, boolean)"],
  ["a missing version of the tables", "DELETE FROM sigil_migrations WHERE version = 1"],
  ["a table of sales that was dropped", "DROP TABLE sigil_sales CASCADE"],
  ["a missing version of the sales", "DELETE FROM sigil_migrations WHERE version = 3"],
  ["a missing version of the functions", "DELETE FROM sigil_migrations WHERE version = 2"],
])("a half-migrated schema is left alone: %s", async (_, sabotage) => {
  await books.open();
  await books.sql(sabotage);
  await expect(books.open()).rejects.toMatchObject(refusal(/lacks parts/));
});

test.each([
  ["a table of counters", "CREATE TABLE %.sigil_counters (id text)"],
  ["a table of migrations", "CREATE TABLE %.sigil_migrations (version integer)"],
])("another application's schema is left alone: %s", async (_, theirs) => {
  await books.sql(`CREATE SCHEMA ${books.schema}`);
  await books.sql(theirs.replace("%", books.schema));
  await expect(books.open()).rejects.toMatchObject(refusal(/that Sigil did not make/));
  const rows = await books.sql(
    "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'",
    [books.schema],
  );
  expect(rows).toHaveLength(1);
});

test("a migration that fails leaves nothing behind", async () => {
  await books.sql(`CREATE SCHEMA ${books.schema}`);
  // Not a table that it looks for, and in the way of the last thing that it makes.
  await books.sql(
    `CREATE FUNCTION ${books.schema}.sigil_reopen(text, double precision, text) RETURNS void LANGUAGE sql AS ''`,
  );
  await expect(books.open()).rejects.toMatchObject(refusal(/could not be opened/));
  expect(
    await books.sql("SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace", [
      books.schema,
    ]),
  ).toEqual([]);
});

test.each(["sigil_journal", "sigil_receipts", "sigil_directives"])(
  "%s is append-only for every role",
  async (table) => {
    const store = await books.open();
    await store.addDirective({ kind: "freeze", nodeId: "*", at: START });
    await store.appendReceipts([
      { seq: 1, paymentHash: "00".repeat(32), hash: "11".repeat(32), text: "{}" },
    ]);
    const before = await books.sql(`SELECT * FROM ${table}`);
    expect(before).toHaveLength(1);
    for (const attempt of [
      `UPDATE ${table} SET seq = 7`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
    ])
      await expect(books.sql(attempt)).rejects.toThrow(/append-only/);
    expect(await books.sql(`SELECT * FROM ${table}`)).toEqual(before);
  },
);

test("open payments are found by an index, without a scan of all payments", async () => {
  await books.open();
  const plan = await books.sql<{ "QUERY PLAN": string }>(
    "EXPLAIN SELECT hash FROM sigil_payments p WHERE p.status = 'open' ORDER BY p.begun_seq",
  );
  expect(plan.map((row) => row["QUERY PLAN"]).join("\n")).toContain("sigil_payments_waiting");
});

test("purchases are read from an index that has their order, and no others with them", async () => {
  const store = await books.open();
  const more = { amount: msat(1n), maxFee: msat(0n) };
  const bought = await Promise.all(
    Array.from({ length: 3000 }, (_, n) => buy(store, { ...more, path: `/${n}` })),
  );
  await Promise.all(Array.from({ length: 300 }, () => buy(store, { ...more, anyPath: true })));
  await books.sql("ANALYZE");
  const { payer, origin, place } = (
    await books.sql("SELECT payer, origin, place FROM sigil_payments WHERE hash = $1", [
      bought[7]!.paymentHash,
    ])
  )[0]!;
  for (const where of [place, ""]) {
    const plan = await books.sql<{ "QUERY PLAN": string }>(
      `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
       SELECT hash FROM sigil_payments q WHERE q.status = 'paid' AND q.payer = '${payer}'
         AND q.origin = '${origin}' AND q.place = '${where}' ORDER BY q.paid_seq DESC LIMIT 256`,
    );
    const text = plan.map((row) => row["QUERY PLAN"]).join("\n");
    expect(text).toContain("Index Scan Backward using sigil_payments_usable");
    expect(text).not.toMatch(/Sort|Removed by Filter/);
  }
  expect(await store.purchases(["scout"], { ...bought[7]!, path: "/none" })).toHaveLength(256);
});
