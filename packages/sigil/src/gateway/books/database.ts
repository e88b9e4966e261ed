/** What keeps the books: a few statements of SQL that SQLite and Postgres both take. */

export type Value = string | number | bigint | null;

/** With `$1`, `$2`, … for its values. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
  /**
   * The SQL of several such statements in one, for a database that is far away. Their values follow
   * each other. No two of them may be of one row.
   */
  readonly many?: (count: number) => string;
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

/** `($1, $2), ($3, $4)`: as many as there are rows, each with as many values as it has columns. */
export function tuples(rows: number, columns: number): string {
  const tuple = (row: number): string =>
    Array.from({ length: columns }, (_, column) => `$${row * columns + column + 1}`).join(", ");
  return Array.from({ length: rows }, (_, row) => `(${tuple(row)})`).join(", ");
}
