/** An empty schema for each test, dropped after it. */
import pg from "pg";
import { inject } from "vitest";
import type { Store } from "../../../packages/l8nt/src/ports/store.ts";
import { openPostgresStore } from "../../../packages/l8nt/src/stores/postgres.ts";

let serial = 0;

export class Books {
  readonly schema = `t${process.pid}_${++serial}`;
  /** The URL, whose connections have the schema's name. */
  readonly url = `${inject("postgresUrl")}&application_name=${this.schema}`;
  readonly #stores: Store[] = [];

  /** A store with its own connections. */
  async open(more: { readonly url?: string; readonly maxBatch?: number } = {}): Promise<Store> {
    const store = await openPostgresStore({ url: this.url, schema: this.schema, ...more });
    this.#stores.push(store);
    return store;
  }

  /** Runs SQL beside the store, as an administrator. */
  async sql<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({
      connectionString: this.url,
      options: `-c search_path=${this.schema}`,
    });
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
    await this.sql(`DROP SCHEMA IF EXISTS ${this.schema} CASCADE`);
  }
}
