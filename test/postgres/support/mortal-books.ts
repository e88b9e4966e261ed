/** Books in Postgres, of which a process that is killed at a statement loses all connections. */
import pg from "pg";
import { openPostgresStore } from "../../../packages/l8nt/src/stores/postgres.ts";
import {
  Fate,
  type Books as Mortal,
} from "../../../packages/sigil/src/gateway/fixtures/histories/books.ts";
import { Books } from "./books.ts";

/** As the driver reports it. */
const lost = (): Error => Object.assign(new Error("lost"), { code: "ECONNRESET" });

type Callback = (...given: never[]) => void;

/** Connections of one process, which `open` is told of. */
function connectionOf(fate: Fate, open: Set<object>): typeof pg.Client {
  class Connection extends pg.Client {
    override connect(callback?: Callback): never {
      if (fate.isDead) {
        (callback as ((error: Error) => void) | undefined)?.(lost());
        return (callback === undefined ? Promise.reject(lost()) : undefined) as never;
      }
      open.add(this);
      return super.connect(callback as never) as never;
    }

    override query(...given: never[]): never {
      return this.#sent(() => super.query(...(given as [never])) as Promise<unknown>) as never;
    }

    async #sent(send: () => Promise<unknown>): Promise<unknown> {
      if (fate.isDead) throw lost();
      const reaches = fate.next();
      if (reaches === undefined) return send();
      if (reaches === "answered") await send();
      else if (reaches === "unanswered") send().catch(() => {});
      fate.die();
      throw lost();
    }
  }
  return Connection as unknown as typeof pg.Client;
}

/** Of SQLite's, which makes several of each change. */
const STATEMENTS = 1 / 5;

/** Three gateways at a time. Of every other seed each knows which of the others live. */
export async function inPostgres(seed: number): Promise<Mortal> {
  const books = new Books();
  return {
    ...{ processes: 3, areHeard: seed % 2 === 1 },
    async open() {
      const fate = new Fate();
      const clients = new Set<object>();
      const Client = connectionOf(fate, clients);
      const pool = new pg.Pool({ connectionString: books.url, max: 3, Client } as pg.PoolConfig);
      pool.on("error", () => {});
      const store = await openPostgresStore({ pool, schema: books.schema });
      const cut = () => {
        for (const client of clients)
          (
            client as unknown as { connection: { stream: { destroy(): void } } }
          ).connection.stream.destroy();
      };
      return {
        // The histories have a clock of their own, which is not the database's.
        store: Object.assign(store, { now: undefined }),
        arm: (kill, dies) =>
          fate.arm(kill && { ...kill, statement: Math.ceil(kill.statement * STATEMENTS) }, () => {
            cut();
            dies();
          }),
        unseen: (look) => fate.unseen(look),
        async close() {
          await store.close();
          const ended = pool.end();
          if (fate.isDead) ended.catch(() => {});
          else await ended;
        },
      };
    },
    close: () => books.close(),
  };
}
