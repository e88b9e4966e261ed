/**
 * Random families of keys and random histories of requests, through whole gateways that are killed
 * at any statement of their store, while clocks are set: no budget is passed, nothing stays
 * reserved, and what is charged covers what the vendor bills. `npm run histories` runs more.
 */
import { describe } from "vitest";
import { inMemory, inSharedMemory, inSqlite } from "./fixtures/histories/books.ts";
import { lawOfHistories } from "./fixtures/histories/law.ts";

describe.skipIf(process.env.SIGIL_HISTORIES_STORE === "postgres").each([
  ["memory", inMemory],
  ["several", inSharedMemory],
  ["sqlite", inSqlite],
])("%s", (name, books) => lawOfHistories(name, books));
