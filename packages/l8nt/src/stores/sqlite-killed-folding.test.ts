/** A process that is killed while it folds: the next one goes on from whole books. [case 88] */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { expectWhole, foldedUntil, usedBooks } from "./fixtures/folding-books.ts";
import { openSqliteStore } from "./sqlite.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;

test.skipIf(!hasSqlite)(
  "killed before any statement of folding, SQLite's books are whole, and no use is served twice",
  { timeout: 300_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "sigil-killed-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const first = join(folder, "books.db");
    const store = await openSqliteStore(first);
    const used = await usedBooks(store);
    await store.close();

    const killed = async (nth: number): Promise<boolean> => {
      const path = join(folder, `${nth}.db`);
      copyFileSync(first, path);
      const isDone = await foldedUntil(nth, path);
      const after = await openSqliteStore(path);
      await expectWhole(after, used).finally(() => after.close());
      return isDone;
    };
    let nth = 1;
    while (!(await Promise.all([killed(nth), killed(nth + 1), killed(nth + 2)])).every(Boolean))
      nth += 3;
    expect(nth).toBeGreaterThan(40);
  },
);
