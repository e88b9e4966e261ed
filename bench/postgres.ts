/**
 * What group commit gains on a Postgres of its own, with an fsync for every commit, as one treasury
 * of several would see it.
 */
import { resolve } from "node:path";
import type { Store } from "../packages/l8nt/src/ports/store.ts";
import { openPostgresStore } from "../packages/l8nt/src/stores/postgres.ts";
import { startPostgres } from "../test/postgres/support/server.ts";
import { debits } from "./debits.ts";
import { atLeast, type Figure, plain } from "./figure.ts";
import { microseconds } from "./rounds.ts";

/**
 * On the disk of the code, because a temporary folder may be in memory, where an fsync costs
 * nothing.
 */
const FOLDER = resolve(import.meta.dirname, "../node_modules");
/** As many connections as a store opens by default. */
const CONNECTIONS = 5;

export async function postgres(progress: (text: string) => void): Promise<Figure[]> {
  const server = await startPostgres({ durable: true, within: FOLDER });
  const stores: Store[] = [];
  const open = async (schema: string, maxBatch = 256) => {
    const store = await openPostgresStore({ url: server.url, schema, maxBatch });
    stores.push(store);
    return store;
  };
  try {
    const grouped = await open("grouped");
    const single = await open("single", 1);
    // They make each other wait for the head of the journal, and hide each other's way to the
    // server and back.
    const parallel: Store[] = [];
    for (let at = 0; at < CONNECTIONS; at++) parallel.push(await open("parallel", 1));
    progress("postgres: 64 callers, 3 nodes deep");
    const time = await microseconds({
      grouped: [1280, (count) => debits([grouped], count, 3)],
      single: [128, (count) => debits([single], count, 3)],
      parallel: [128, (count) => debits(parallel, count, 3)],
    });
    const against = "one transaction for each step, the same server, the same settings";
    return [
      atLeast(
        "Postgres, durable, 64 callers, 3 nodes deep, group commit",
        time.single / time.grouped,
        "×",
        5,
        against,
      ),
      plain(
        "the same against several connections",
        time.parallel / time.grouped,
        "×",
        `${against}, on ${CONNECTIONS} connections at once`,
      ),
      plain("durable debits in Postgres, grouped", 1_000_000 / time.grouped, "1/s", "-"),
      plain(
        "durable debits in Postgres, one transaction for each step",
        1_000_000 / time.single,
        "1/s",
        "-",
      ),
    ];
  } finally {
    await Promise.all(stores.map((store) => store.close()));
    await server.stop();
  }
}
