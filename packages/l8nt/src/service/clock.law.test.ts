/** A paywall whose clock is set ahead and back, on the stores of one process. [case 109] */
import { test } from "vitest";
import { MemoryStore } from "../stores/memory.ts";
import { openSqliteStore } from "../stores/sqlite.ts";
import { clockLaws } from "../testing/fixtures/clock-laws.ts";

clockLaws(test, {
  name: "in memory",
  open: async (elapsed) => {
    const store = new MemoryStore({ elapsed });
    return { store, close: () => store.close() };
  },
  churn: 4200,
});

if (process.getBuiltinModule("node:sqlite") !== undefined)
  clockLaws(test, {
    name: "in SQLite",
    open: async () => {
      const store = await openSqliteStore(":memory:");
      return { store, close: () => store.close() };
    },
    churn: 100,
  });
