/** The books in Postgres, beside a ledger that several gateways share. */
import pg from "pg";
import type { BooksDatabase, Found, Statement } from "./database.ts";
import { SCHEMA } from "./schema.ts";

/** One writes, one reads. */
const CONNECTIONS = 2;
/** Held while the tables are made, because two `CREATE … IF NOT EXISTS` at one time can collide. */
const MAKING = 7_316_401;

/** @throws Error of the driver, whose text may have parts of the URL: show it to nobody */
export async function openPostgresBooks(url: string): Promise<BooksDatabase> {
  const pool = new pg.Pool({
    ...{ connectionString: url, max: CONNECTIONS },
    ...{ connectionTimeoutMillis: 5_000, query_timeout: 30_000 },
  });
  // An idle connection that dies is reported here; the next statement gets a new one.
  pool.on("error", () => {});
  const books = new PostgresBooks(pool);
  await books.write([
    { sql: `SELECT pg_advisory_xact_lock(${MAKING})`, values: [] },
    ...SCHEMA.map((sql) => ({ sql, values: [] })),
  ]);
  return books;
}

class PostgresBooks implements BooksDatabase {
  readonly shared = true;
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async write(statements: readonly Statement[]): Promise<void> {
    const client = await this.#pool.connect();
    let isBroken = true;
    try {
      await client.query("BEGIN");
      for (const { sql, values } of statements) await client.query(sql, [...values]);
      await client.query("COMMIT");
      isBroken = false;
    } catch (error) {
      isBroken = await client.query("ROLLBACK").then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      // A connection of unknown state is not used again.
      client.release(isBroken);
    }
  }

  async read({ sql, values }: Statement): Promise<readonly Found[]> {
    return (await this.#pool.query(sql, [...values])).rows;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
