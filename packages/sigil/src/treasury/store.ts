/** Opens a treasury's store: the file in its folder, or the Postgres database of `SIGIL_STORE`. */
import { openSqliteStore } from "l8nt/stores/sqlite";
import type { TreasuryOptions } from "l8nt/treasury";
import { UsageError } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import type { Folder } from "./folder.ts";

/** The store that the library's treasury takes. */
export type Store = NonNullable<TreasuryOptions["store"]>;

/**
 * Opens the store.
 *
 * @throws UsageError, AdapterError `ERR_STORE`; neither contains the URL, which has a password
 */
export async function openStore(
  folder: Folder,
  { env }: Terminal,
  readOnly = false,
): Promise<Store> {
  const { SIGIL_STORE: url } = env;
  if (!url) return openSqliteStore(folder.database, { readOnly });
  if (!/^postgres(?:ql)?:\/\//.test(url))
    throw new UsageError("SIGIL_STORE must be a Postgres URL (postgres://…), or unset.");
  const { openPostgresStore } = await import("l8nt/stores/postgres");
  return openPostgresStore({ url });
}
