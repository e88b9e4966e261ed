/**
 * One statement at a time on a pool of connections: what fails says whether it may have been
 * written.
 */
import type pg from "pg";
import { AdapterError } from "../../errors.ts";
import { Failure, storeError } from "./failure.ts";

export type Row = Readonly<Record<string, unknown>>;

const ignore = () => {};

export class Database {
  readonly #pool: pg.Pool;
  readonly #isOwn: boolean;
  #isClosed = false;

  /** `isOwn`: the pool ends with the store. */
  constructor(pool: pg.Pool, isOwn: boolean) {
    this.#pool = pool;
    this.#isOwn = isOwn;
    // The driver reports an idle connection that dies here; without a listener the error would end
    // the process. The next query gets a new connection.
    if (isOwn) pool.on("error", ignore);
  }

  /** @throws Failure */
  async run<Rows extends Row>(
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<readonly Rows[]> {
    return this.withClient(async (client) => (await client.query(sql, [...values])).rows as Rows[]);
  }

  /** @throws Failure */
  async withClient<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    if (this.#isClosed)
      throw new AdapterError("ERR_STORE", "The Postgres store is closed. Open it again.");
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw new Failure(error, false);
    }
    // The driver reports a lost connection twice: to the query, and to this listener.
    client.on("error", ignore);
    let failure: Failure | undefined;
    try {
      return await work(client);
    } catch (error) {
      if (error instanceof AdapterError) throw error;
      failure = new Failure(error, true);
      throw failure;
    } finally {
      client.removeListener("error", ignore);
      // A connection of unknown state is not used again.
      client.release(failure !== undefined && failure.fate !== "undone");
    }
  }

  /**
   * Reads, and tries once more on a new connection if the connection was lost.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async read<Rows extends Row>(
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<readonly Rows[]> {
    try {
      return await this.run<Rows>(sql, values).catch((error: unknown) => {
        if (error instanceof Failure && error.fate === "unknown")
          return this.run<Rows>(sql, values);
        throw error;
      });
    } catch (error) {
      throw error instanceof Failure ? storeError(error, "read") : error;
    }
  }

  /**
   * Writes, and never tries again.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async write<Rows extends Row>(sql: string, values: readonly unknown[]): Promise<readonly Rows[]> {
    try {
      return await this.run<Rows>(sql, values);
    } catch (error) {
      throw error instanceof Failure ? storeError(error, "written to") : error;
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isOwn) await this.#pool.end();
  }
}
