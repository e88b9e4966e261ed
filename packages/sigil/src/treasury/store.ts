/**
 * The store of a treasury: the file in its folder, or the Postgres database that `SIGIL_STORE`
 * names and that several treasuries share.
 */
import { openSqliteStore } from "l8nt/stores/sqlite";
import type { TreasuryOptions } from "l8nt/treasury";
import { UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import type { Folder } from "./folder.ts";

export type Store = NonNullable<TreasuryOptions["store"]>;

/** @throws UsageError, AdapterError `ERR_STORE`, without the URL, which holds a password */
export async function openStore(
  folder: Folder,
  { env }: Terminal,
  readOnly = false,
): Promise<Store> {
  const { SIGIL_STORE: url } = env;
  if (!url) return openSqliteStore(folder.database, { readOnly });
  if (!/^postgres(?:ql)?:\/\//.test(url))
    throw new UsageError("SIGIL_STORE must be a Postgres URL (postgres://…), or not be set.");
  const { openPostgresStore } = await import("l8nt/stores/postgres");
  return openPostgresStore({ url });
}
