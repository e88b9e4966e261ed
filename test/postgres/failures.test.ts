/**
 * The store's errors when the database fails: one line that says what to do, without a URL or a
 * password.
 */

import { inspect } from "node:util";
import { AdapterError } from "l8nt";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { msat } from "../../packages/l8nt/src/amount.ts";
import { openPostgresStore } from "../../packages/l8nt/src/stores/postgres.ts";
import { order, START, spend } from "../../packages/l8nt/src/testing/store-laws.ts";
import { Books } from "./support/books.ts";
import { PASSWORD } from "./support/server.ts";

let books: Books;

beforeEach(() => {
  books = new Books();
});

afterEach(() => books.close());

const limit = spend("a", 100n);

async function errorOf(work: Promise<unknown>): Promise<AdapterError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AdapterError);
  expect(error).toMatchObject({ code: "ERR_STORE" });
  const shown = `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`;
  for (const secret of [PASSWORD, "wrong-password", "postgres://"])
    expect(shown.replace(/URL cannot.*/g, "")).not.toContain(secret);
  return error as AdapterError;
}

test.each([
  [
    "nobody listens",
    (url: string) => url.replace(/host=[^&]*/, "host=/nowhere"),
    /nothing listens there \(ENOENT\).*Start Postgres/,
  ],
  [
    "the port is closed",
    () => `postgres://sigil:${PASSWORD}@127.0.0.1:1/postgres`,
    /nothing listens there \(ECONNREFUSED\)/,
  ],
  [
    "the password is wrong",
    (url: string) => url.replace(PASSWORD, "wrong-password"),
    /refuses the user or the password \(28P01\)/,
  ],
  [
    "there is no such database",
    (url: string) => url.replace("/postgres?", "/nowhere?"),
    /no database of that name \(3D000\)/,
  ],
  ["the URL is none", () => `mysql://sigil:${PASSWORD}@localhost/x`, /URL cannot be read/],
  [
    "the URL is broken",
    () => `postgres://sigil:${PASSWORD}%zz@localhost:x/x`,
    /URL cannot be read/,
  ],
  [
    "it is not at READ COMMITTED",
    (url: string) => `${url}&options=-c%20default_transaction_isolation%3Dserializable`,
    /READ COMMITTED/,
  ],
])("an error says what to do if %s", async (_, urlOf, expected) => {
  const work = async () => {
    const store = await books.open({ url: urlOf(books.url) });
    await store.note("one", START);
  };
  expect((await errorOf(work())).message).toMatch(expected);
});

test("a statement that waits too long for a lock fails, and writes nothing", async () => {
  const store = await openPostgresStore({
    url: books.url,
    schema: books.schema,
    timeoutSeconds: 0.1,
  });
  const holder = new pg.Client({ connectionString: books.url });
  await holder.connect();
  try {
    await holder.query(`BEGIN; SELECT FROM ${books.schema}.sigil_head FOR UPDATE`);
    const error = await errorOf(store.reserve(order([limit], 1n)));
    expect(error.message).toMatch(/longer than is allowed \(57014\)/);
    expect(error.message).not.toMatch(/not known/);
  } finally {
    await holder.end();
  }
  expect(await store.usage([limit], START)).toEqual([{ id: "a", used: 0n, reserved: 0n }]);
  await store.close();
});

test("a full disk is reported, and no part of the batch is written", async () => {
  const store = await books.open();
  await books.sql(`CREATE FUNCTION ${books.schema}.no_space() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file: ${PASSWORD}' USING ERRCODE = 'disk_full'; END $$`);
  await books.sql(
    `CREATE TRIGGER no_space BEFORE INSERT ON sigil_journal EXECUTE FUNCTION ${books.schema}.no_space()`,
  );
  expect((await errorOf(store.reserve(order([limit], 1n)))).message).toMatch(
    /disk is full \(53100\).*Free space/,
  );
  expect(await store.usage([limit], START)).toEqual([{ id: "a", used: 0n, reserved: 0n }]);
});

test("an event that the database cannot store fails alone, without its batch", async () => {
  const store = await books.open();
  // Longer than an index entry may be, and of no pattern that would compress.
  const endless = Array.from({ length: 2000 }, (_, n) => Math.sin(n).toString(36)).join("");
  const answers = await Promise.allSettled([
    store.reserve(order([limit], 1n)),
    store.reserve(order([spend(endless)], 1n)),
    store.commit("nobody's", msat(1n), START),
    store.reserve(order([spend("nul\0")], 1n)),
    store.reserve(order([limit], 1n, Number.NaN)),
    store.reserve(order([limit], 1n)),
  ]);
  expect(
    answers.map((answer) => (answer.status === "rejected" ? answer.reason.name : "held")),
  ).toEqual(["held", "AdapterError", "TypeError", "TypeError", "TypeError", "held"]);
  expect(await store.usage([limit], START)).toEqual([{ id: "a", used: 2n, reserved: 2n }]);
});

test("a commit waits for the disk even if the role's default is not to", async () => {
  const store = await books.open({ url: `${books.url}&options=-c%20synchronous_commit%3Doff` });
  await books.sql(`CREATE FUNCTION ${books.schema}.waits() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN ASSERT current_setting('synchronous_commit') <> 'off'; RETURN NEW; END $$`);
  await books.sql(
    `CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON sigil_journal INITIALLY DEFERRED
     FOR EACH ROW EXECUTE FUNCTION ${books.schema}.waits()`,
  );
  expect(await store.reserve(order([limit], 1n))).toEqual({ reserved: true });
});

test("a closed store refuses calls, and finishes those under way", async () => {
  const [store, other] = [await books.open(), await books.open()];
  const reserved = store.reserve(order([limit], 1n));
  await store.close();
  expect(await reserved).toEqual({ reserved: true });
  expect((await errorOf(store.reserve(order([limit], 1n)))).message).toMatch(/closed/);
  expect((await errorOf(store.latest())).message).toMatch(/closed/);
  expect(await other.usage([limit], START)).toEqual([{ id: "a", used: 1n, reserved: 1n }]);
});

test("a store on the caller's pool leaves the pool open", async () => {
  const pool = new pg.Pool({ connectionString: books.url, max: 1 });
  const store = await openPostgresStore({ pool, schema: books.schema });
  expect(await store.reserve(order([limit], 1n))).toEqual({ reserved: true });
  let heard = () => {};
  const called = new Promise<void>((done) => {
    heard = done;
  });
  store.onDirective!(() => heard());
  await called;
  await store.close();
  expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  await pool.end();
});
