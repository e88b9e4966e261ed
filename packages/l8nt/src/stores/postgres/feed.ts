/**
 * Listens for directives that other processes write, on its own connection, and reconnects if that
 * is lost.
 */
import type pg from "pg";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

export interface FeedOptions {
  /** A connection that is not open yet. */
  readonly connection: () => pg.Client;
  /** As `current_schema()` gives it: the channel is the whole database's. */
  readonly schema: string;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #listeners = new Set<() => void>();
  #client: pg.Client | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #connecting: Promise<void> | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Returns a function that stops listening. */
  listen(listener: () => void): () => void {
    // One that is registered twice is called once for each.
    const own = () => listener();
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#connect();
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) void this.#end();
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#end();
  }

  #connect(): void {
    this.#connecting = this.#open().catch(() => {});
  }

  async #open(): Promise<void> {
    const client = this.#options.connection();
    this.#client = client;
    const lost = () => {
      if (this.#client !== client) return;
      this.#client = undefined;
      void client.end().catch(() => {});
      this.#again();
    };
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ payload }) => {
      if (payload === this.#options.schema) this.#call();
    });
    try {
      await client.connect();
      await client.query("LISTEN sigil_directive");
    } catch {
      lost();
      return;
    }
    this.#pauseMs = FIRST_PAUSE_MS;
    // No notification arrived for what was written before this moment.
    if (this.#client === client) this.#call();
  }

  #again(): void {
    if (this.#listeners.size === 0) return;
    this.#timer = setTimeout(() => this.#connect(), this.#pauseMs);
    this.#timer.unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  async #end(): Promise<void> {
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    await this.#connecting;
    await client?.end().catch(() => {});
  }

  #call(): void {
    for (const listener of this.#listeners) listener();
  }
}
