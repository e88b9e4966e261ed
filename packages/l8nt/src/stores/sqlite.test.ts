/** The SQLite store: the laws of every store. Skipped where the runtime has no SQLite: Node 20. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { storeContract } from "../testing/store-contract.ts";
import { openSqliteStore } from "./sqlite.ts";

const hasSqlite = process.getBuiltinModule("node:sqlite") !== undefined;

storeContract(hasSqlite ? test : test.skip, {
  name: "the SQLite store",
  setup: async () => {
    const folder = mkdtempSync(join(tmpdir(), "sigil-sqlite-"));
    const store = await openSqliteStore(join(folder, "books.db"));
    return {
      store,
      teardown: async () => {
        await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
  histories: 20,
});
