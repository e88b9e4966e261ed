/** The books that a command reads: of one gateway, or of all that share a database. */
import { existsSync } from "node:fs";
import type { Arguments } from "../../arguments.ts";
import { UsageError } from "../../exit.ts";
import { booksInFile } from "../config/read.ts";
import { databaseIn } from "../start/folder.ts";
import { type Environment, storeUrl } from "../store/open.ts";
import type { BooksDatabase } from "./database.ts";
import type { WHERE_FLAGS } from "./spend-flags.ts";
import { readSqliteBooks } from "./sqlite.ts";

/**
 * Also while gateways write to them.
 *
 * @throws UsageError; AdapterError `ERR_STORE` if the database cannot be read
 */
export async function readBooks(
  given: Arguments<keyof typeof WHERE_FLAGS>,
  env: Environment,
): Promise<BooksDatabase> {
  const { dir, store } = placeOf(given);
  if (store === undefined) return inFolder(dir);
  const { readPostgresBooks } = await import("./postgres.ts");
  const books = await readPostgresBooks(await storeUrl(store, env));
  if (books !== undefined) return books;
  throw new UsageError(
    "The database of --store has no books of a gateway. Give the one that the gateways were started with.",
  );
}

interface Place {
  readonly dir: string;
  readonly store?: string | undefined;
}

function placeOf(given: Arguments<keyof typeof WHERE_FLAGS>): Place {
  const flags = (["config", "store", "dir"] as const).filter((flag) => given.has(flag));
  if (flags.length > 1) throw new UsageError(`--${flags[0]} and --${flags[1]}: give one.`);
  const file = given.text("config");
  if (file !== undefined) return booksInFile(file);
  return { dir: given.text("dir") ?? "sigil-gateway", store: given.text("store") };
}

function inFolder(dir: string): BooksDatabase {
  const path = databaseIn(dir);
  const books = existsSync(path) ? readSqliteBooks(path) : undefined;
  if (books !== undefined) return books;
  throw new UsageError(
    "The folder of --dir has no books of a gateway. Give its folder with --dir; of gateways that share a database, give --config or --store.",
  );
}
