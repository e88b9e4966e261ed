/** The gain of group commit and the cost of depth on SQLite, with an fsync for every commit. */
import { mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { openSqliteStore, type SqliteOptions } from "l8nt/stores/sqlite";
import { debits } from "./debits.ts";
import { atLeast, atMost, type Figure, plain } from "./figure.ts";
import { microseconds } from "./rounds.ts";

/**
 * On the disk of the code, because a temporary folder may be in memory, where an fsync costs
 * nothing.
 */
const FOLDER = resolve(import.meta.dirname, "../node_modules");

export async function sqlite(progress: (text: string) => void): Promise<Figure[]> {
  const folder = mkdtempSync(resolve(FOLDER, ".bench-"));
  const open = (name: string, options: SqliteOptions = {}) =>
    openSqliteStore(resolve(folder, name), options);
  const [grouped, single, deep] = await Promise.all([
    open("grouped.db"),
    open("single.db", { maxBatch: 1 }),
    open("deep.db"),
  ]);
  try {
    progress("sqlite: 64 callers, 3 nodes deep; then 1 and 10 deep");
    const time = await microseconds({
      grouped: [1280, (count) => debits([grouped], count, 3)],
      single: [128, (count) => debits([single], count, 3)],
      depth1: [1280, (count) => debits([deep], count, 1)],
      depth10: [1280, (count) => debits([deep], count, 10)],
    });
    return [
      atLeast(
        "SQLite, durable, 64 callers, 3 nodes deep, group commit",
        time.single / time.grouped,
        "×",
        10,
        "one transaction for each step, the same disk, the same settings",
      ),
      atMost(
        "a debit 10 nodes deep",
        time.depth10 / time.depth1,
        "×",
        3,
        "one that is 1 node deep, both grouped",
      ),
      plain("durable debits, grouped", 1_000_000 / time.grouped, "1/s", "-"),
      plain("durable debits, one transaction for each step", 1_000_000 / time.single, "1/s", "-"),
    ];
  } finally {
    await Promise.all([grouped, single, deep].map((store) => store.close()));
    rmSync(folder, { recursive: true });
  }
}
