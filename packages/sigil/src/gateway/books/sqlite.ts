/**
 * The books in the gateway's own file, beside the ledger. A commit is in the file when `write`
 * returns, so a killed process loses none of it; the ledger's next commit brings it to the disk.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { BooksDatabase, Found, Statement } from "./database.ts";
import { SCHEMA } from "./schema.ts";

/** Not imported, so that an older Node says what it lacks when the ledger is opened. */
const sqlite = (): typeof import("node:sqlite") => process.getBuiltinModule("node:sqlite");

/** 64 MiB of log, which the ledger's own checkpoints keep shorter as a rule. */
const PAGES_BEFORE_CHECKPOINT = 16_000;

/** @param path of a file that the ledger has made */
export function openSqliteBooks(path: string): BooksDatabase {
  const database = new (sqlite().DatabaseSync)(path, { timeout: 50 });
  database.exec("PRAGMA trusted_schema = 0");
  // Of a gateway whose ledger is in Postgres, nothing else has made the file.
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = NORMAL");
  database.exec(`PRAGMA wal_autocheckpoint = ${PAGES_BEFORE_CHECKPOINT}`);
  const books = new SqliteBooks(database);
  books.write(SCHEMA.map((sql) => ({ sql, values: [] })));
  return books;
}

/** Also while a gateway writes to it. Undefined if there are no books in the file. */
export function readSqliteBooks(path: string): BooksDatabase | undefined {
  const database = new (sqlite().DatabaseSync)(path, { readOnly: true, timeout: 250 });
  const [books] = database
    .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'gateway_requests'")
    .all();
  if (books !== undefined) return new SqliteBooks(database);
  database.close();
  return undefined;
}

class SqliteBooks implements BooksDatabase {
  readonly shared = false;
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  write(statements: readonly Statement[]): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const { sql, values } of statements) this.#prepare(sql).run(...values);
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  read({ sql, values }: Statement): readonly Found[] {
    return this.#prepare(sql).all(...values) as Found[];
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql.replaceAll("$", "?"));
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}
