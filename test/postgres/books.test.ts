/** The gateway's rows in a Postgres that is far away: many rows are one way there and back. */
import pg from "pg";
import { expect, inject, onTestFinished, test } from "vitest";
import { openPostgresStore } from "../../packages/l8nt/src/stores/postgres.ts";
import { openPostgresBooks } from "../../packages/sigil/src/gateway/books/postgres.ts";
import { recoverRows } from "../../packages/sigil/src/gateway/books/recover.ts";
import { putRow } from "../../packages/sigil/src/gateway/books/rows.ts";
import type { Row } from "../../packages/sigil/src/gateway/observer.ts";
import { Line } from "./support/line.ts";

const AT = 1_900_000_000;

const rowOf = (id: string, more: Partial<Row> = {}): Row => ({
  ...{ id, at: AT * 1000, service: "openai", route: "POST /v1/chat/completions" },
  ...{ capability: undefined, lineage: ["a"], nodeId: "n", model: "m", method: "POST" },
  ...{ path: "/v1/chat/completions", status: 200, end: "answered", code: undefined },
  ...{ wouldDeny: undefined, unit: "usd_micro", reserved: 40n, spent: 25n, isEstimated: false },
  ...{ usage: undefined, price: "p", durationMs: 5, firstByteMs: undefined },
  ...more,
});

async function newDatabase(): Promise<string> {
  const name = `books_${process.pid}`;
  const client = new pg.Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return name;
}

test("500 rows, and the ends of 500 dead ones, are a few ways to the database and back", async () => {
  const line = await Line.open(inject("postgresUrl"), await newDatabase());
  onTestFinished(() => line.close());
  const store = await openPostgresStore({ url: line.url });
  onTestFinished(() => store.close());
  const books = await openPostgresBooks(line.url);
  onTestFinished(() => books.close());
  const mark = `far ${process.pid}`;
  const ids = Array.from(
    { length: 500 },
    (_, index) => `${mark} ${String(index).padStart(3, "0")}`,
  );
  const read = () =>
    books.read({
      sql: "SELECT id, ended, spent, model FROM gateway_requests WHERE id LIKE $1 ORDER BY id",
      values: [`${mark}%`],
    });
  line.ways = 0;
  await books.write(
    ids.map((id, index) =>
      putRow(rowOf(id, { end: "open", spent: undefined, model: `m${index}` })),
    ),
  );
  expect(line.ways).toBeLessThanOrEqual(4);
  const open = await read();
  expect(open.map(({ id, ended, model }) => [id, ended, model])).toEqual(
    ids.map((id, index) => [id, "open", `m${index}`]),
  );
  // The second half is replaced, one of them alone.
  await books.write(ids.slice(250).map((id) => putRow(rowOf(id))));
  await books.write([putRow(rowOf(ids[249]!, { spent: 7n }))]);
  const known = await read();
  expect(known.map(({ spent }) => spent && Number(spent))).toEqual(
    ids.map((_, index) => (index < 249 ? null : index === 249 ? 7 : 25)),
  );
  line.ways = 0;
  const journal = { journal: async () => [] };
  const ended = await recoverRows({ database: books, journal, now: AT + 10_000 });
  expect(ended).toBe(249);
  expect(line.ways).toBeLessThanOrEqual(12);
  const recovered = await read();
  expect(recovered.filter((row) => row.ended === "recovered").length).toBe(249);
  expect(recovered.filter((row) => row.ended === "open")).toEqual([]);
});
