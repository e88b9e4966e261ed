/** Books whose past was changed by another program: nothing is built on top of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { msat } from "../amount.ts";
import { auditLedger } from "../ledger/index.ts";
import type { Store } from "../ports/store.ts";
import { order, SEAL, START, spend } from "../testing/store-laws.ts";
import { openSqliteStore } from "./sqlite.ts";

const sqlite = process.getBuiltinModule("node:sqlite");
const DAY = 86_400;

async function spent(store: Store, id: string, at: number, end?: number): Promise<void> {
  const counted = [{ ...spend(id, 1000n), ...(end !== undefined && { expiresAt: end }) }];
  const reservation = order(counted, 100n, at, `use.service.${id}${at}`);
  await store.reserve(reservation);
  await store.commit(reservation.id, msat(100n), at);
}

const folding = { keepSeconds: 60, limit: 100, seal: SEAL };

/** Three checkpoints: of a counter that lives, of one that is forgotten, and some entries after. */
async function folded(path: string): Promise<void> {
  const store = await openSqliteStore(path);
  await spent(store, "a", START);
  await spent(store, "b", START);
  await spent(store, "gone", START, START + 10);
  await store.fold({ ...folding, at: START + 100 });
  await spent(store, "a", START + 200);
  await store.fold({ ...folding, at: START + 10 + DAY });
  await spent(store, "a", START + 10 + DAY);
  await store.close();
}

type Change = (database: DatabaseSync) => void;
const sql =
  (text: string): Change =>
  (database) => {
    const triggers = database
      .prepare(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal'",
      )
      .all();
    for (const { name } of triggers) database.exec(`DROP TRIGGER ${name}`);
    database.exec(text);
    for (const trigger of triggers) database.exec(String(trigger.sql));
  };

/** What another program may do, and whether it is found before the next step of folding. */
const CHANGES: readonly (readonly [what: string, change: Change, isSeenAtStart: boolean])[] = [
  ["lowers a sum", sql(`UPDATE checkpoint SET body = replace(body, '400', '300')`), true],
  [
    "lowers the uses",
    sql(
      `UPDATE checkpoint SET body = replace(body, '"uses":{"$integer":"4"', '"uses":{"$integer":"3"')`,
    ),
    true,
  ],
  ["lowers the last entry", sql("UPDATE checkpoint SET through = through - 1"), true],
  ["raises the last entry", sql("UPDATE checkpoint SET through = through + 1"), true],
  ["forgets what was forgotten", sql("UPDATE checkpoint SET forgotten_until = 0"), true],
  ["names other books", sql("UPDATE checkpoint SET books = 'f'"), true],
  [
    "begins anew",
    sql("UPDATE checkpoint SET body = '', through = 0, forgotten_until = 0, sum = zeroblob(2048)"),
    true,
  ],
  [
    "begins anew, after what was folded",
    sql("UPDATE checkpoint SET body = '', forgotten_until = 0, sum = zeroblob(2048)"),
    true,
  ],
  [
    "removes an entry that is not folded",
    sql("DELETE FROM journal WHERE seq = (SELECT through + 1 FROM checkpoint)"),
    true,
  ],
  [
    "gives a budget back",
    sql("UPDATE counters SET folded = folded - 100, committed = committed - 100 WHERE id = 'a'"),
    false,
  ],
  ["gives a budget back whole", sql("DELETE FROM counters WHERE id = 'b'"), false],
  [
    "takes two counters for each other",
    sql("UPDATE counters SET folded = 300 - folded, committed = committed - 2 * folded + 300"),
    false,
  ],
  ["lets a counter end", sql("UPDATE counters SET ends = 5 WHERE id = 'a'"), false],
];

describe.skipIf(sqlite === undefined)("books that another program changed", () => {
  const fresh = async (): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), "sigil-forgery-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "books.db");
    await folded(path);
    return path;
  };
  const open = async (path: string): Promise<Store> => {
    const store = await openSqliteStore(path);
    onTestFinished(() => store.close());
    return store;
  };
  const next = { ...folding, at: START + 10 + 2 * DAY };
  const refused = { name: "AdapterError", code: "ERR_CHECKPOINT" };

  test("unchanged, they are right, and folding goes on", async () => {
    const store = await open(await fresh());
    expect((await auditLedger(store, SEAL)).faults).toEqual([]);
    await store.fold(next);
    expect(await store.checkpoint()).toMatchObject({ seq: 3, entries: 10, uses: 5n });
    expect((await auditLedger(store, SEAL)).faults).toEqual([]);
  });

  test.each(CHANGES)(
    "anyone who %s is found by the audit",
    async (_what, change, isSeenAtStart) => {
      const path = await fresh();
      const database = new sqlite!.DatabaseSync(path);
      change(database);
      database.close();
      const store = await open(path);
      expect((await auditLedger(store, SEAL)).faults).not.toEqual([]);
      const before = await store.checkpoint();
      const step = store.fold(next);
      if (!isSeenAtStart) await step;
      else {
        await expect(step).rejects.toMatchObject(refused);
        expect(await store.checkpoint()).toEqual(before);
      }
      // What was signed on top of it hides nothing.
      expect((await auditLedger(store, SEAL)).faults).not.toEqual([]);
    },
  );

  test("nothing is folded on top of another sum of the counters", async () => {
    const path = await fresh();
    const database = new sqlite!.DatabaseSync(path);
    database.exec("UPDATE checkpoint SET sum = zeroblob(2048)");
    database.close();
    await expect((await open(path)).fold(next)).rejects.toMatchObject(refused);
  });

  test("an older checkpoint that is put back is found", async () => {
    const path = await fresh();
    const database = new sqlite!.DatabaseSync(path);
    const old = database.prepare("SELECT * FROM checkpoint").get()!;
    const store = await open(path);
    await store.fold(next);
    database
      .prepare("UPDATE checkpoint SET through = ?, body = ?, sum = ?, forgotten_until = ?")
      .run(old.through!, old.body!, old.sum!, old.forgotten_until!);
    database.close();
    const { faults } = await auditLedger(store, SEAL);
    expect(faults.map(({ id }) => id)).toContain("checkpoint");
    await spent(store, "a", next.at);
    await expect(store.fold({ ...next, at: next.at + DAY })).rejects.toMatchObject(refused);
  });
});
