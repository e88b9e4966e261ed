/** What keeps the books: a few statements of SQL that SQLite and Postgres both take. */

export type Value = string | number | bigint | null;

/** With `$1`, `$2`, … for its values. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

export type Found = Readonly<Record<string, unknown>>;

export interface BooksDatabase {
  /** Whether several gateways write to it. */
  readonly shared: boolean;
  /** All of them, or none. */
  write(statements: readonly Statement[]): void | Promise<void>;
  read(statement: Statement): readonly Found[] | Promise<readonly Found[]>;
  close(): Promise<void>;
}
