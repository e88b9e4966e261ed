/** The books in Postgres, beside the ledger that several gateways share. */
import { AdapterError } from "l8nt";
import pg from "pg";
import type { BooksDatabase, Found, Statement } from "./database.ts";
import { SCHEMA } from "./schema.ts";

/** One writes, one reads. */
const CONNECTIONS = 2;
/** Rows wait for a database that is slower, and no request does. */
const TIMEOUT_MS = 5_000;
/** The schema that the ledger has made. A temporary table must not hide one of its tables. */
const PLACE = "SET LOCAL search_path TO sigil, pg_temp";
/** Held while the tables are made, because two `CREATE … IF NOT EXISTS` at one time can collide. */
const MAKING = 7_316_401;

/**
 * Call it when the ledger is open, which makes the schema.
 *
 * @throws AdapterError `ERR_STORE`, which does not show the URL
 */
export async function openPostgresBooks(url: string): Promise<BooksDatabase> {
  return opened(url, (books) =>
    books.write([
      { sql: `SELECT pg_advisory_xact_lock(${MAKING})`, values: [] },
      ...SCHEMA.map((sql) => ({ sql, values: [] })),
    ]),
  );
}

/**
 * Also while gateways write to them. Undefined if there are none.
 *
 * @throws AdapterError `ERR_STORE`, which does not show the URL
 */
export async function readPostgresBooks(url: string): Promise<BooksDatabase | undefined> {
  let isThere = false;
  const books = await opened(url, async (database) => {
    const [table] = await database.read({
      sql: "SELECT to_regclass('sigil.gateway_requests') IS NOT NULL AS there",
      values: [],
    });
    isThere = table!.there === true;
  });
  if (isThere) return books;
  await books.close();
  return undefined;
}

async function opened(
  url: string,
  first: (books: PostgresBooks) => Promise<void>,
): Promise<PostgresBooks> {
  const books = new PostgresBooks(url);
  try {
    await first(books);
    return books;
  } catch (error) {
    await books.close();
    throw error;
  }
}

class PostgresBooks implements BooksDatabase {
  readonly shared = true;
  readonly #pool: pg.Pool;

  constructor(url: string) {
    this.#pool = new pg.Pool({
      ...{ connectionString: url, max: CONNECTIONS, fallback_application_name: "sigil books" },
      ...{ connectionTimeoutMillis: TIMEOUT_MS, statement_timeout: TIMEOUT_MS },
      query_timeout: TIMEOUT_MS,
    });
    // An idle connection that dies is reported here; the next statement gets a new one.
    this.#pool.on("error", () => {});
  }

  async write(statements: readonly Statement[]): Promise<void> {
    await this.#transaction("BEGIN", async (client) => {
      for (const { sql, values } of together(statements)) await client.query(sql, [...values]);
    });
  }

  read({ sql, values }: Statement): Promise<readonly Found[]> {
    return this.#transaction(
      "BEGIN READ ONLY",
      async (client) => (await client.query(sql, [...values])).rows,
    );
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #transaction<Result>(
    begin: string,
    work: (client: pg.PoolClient) => Promise<Result>,
  ): Promise<Result> {
    let client: pg.PoolClient | undefined;
    let isBroken = true;
    try {
      client = await this.#pool.connect();
      // The driver reports a lost connection to the query too.
      client.on("error", ignore);
      await client.query(`${begin}; ${PLACE}`);
      const result = await work(client);
      await client.query("COMMIT");
      isBroken = false;
      return result;
    } catch (error) {
      throw failure(error);
    } finally {
      client?.removeListener("error", ignore);
      // The database rolls back what a connection that ends has not committed.
      client?.release(isBroken);
    }
  }
}

/** One takes no more values than that. */
const MAX_VALUES = 65_535;

/** Those that follow each other in one, because each is a way to the database and back. */
function* together(statements: readonly Statement[]): Iterable<Statement> {
  for (let at = 0; at < statements.length; ) {
    const { sql, values, many } = statements[at]!;
    const most = Math.max(1, Math.floor(MAX_VALUES / Math.max(1, values.length)));
    let end = at + 1;
    while (many !== undefined && end - at < most && statements[end]?.many === many) end++;
    const whole = statements.slice(at, end).flatMap((statement) => statement.values);
    yield end === at + 1 ? { sql, values } : { sql: many!(end - at), values: whole };
    at = end;
  }
}

const ignore = (): void => {};

/** Keeps nothing of the driver's own error, which may quote the URL or the values of a row. */
function failure(error: unknown): AdapterError {
  const { code } = (error ?? {}) as { code?: unknown };
  const known = typeof code === "string" && /^\w{1,40}$/.test(code) ? code : "lost";
  return new AdapterError(
    "ERR_STORE",
    `The books in Postgres could not be read or written (${known}). See that Postgres runs, and that its URL has the right host, user, password and database.`,
  );
}
