/** Opens the books of a gateway: a file in its folder, or a Postgres that several share. */
import type { Store } from "l8nt/ports";
import { openSqliteStore } from "l8nt/stores/sqlite";
import { UsageError } from "../../exit.ts";
import type { BooksDatabase } from "../books/database.ts";
import { openSqliteBooks } from "../books/sqlite.ts";
import { isSecret } from "../start/folder.ts";
import { readSecret } from "../vault/reference.ts";
import { reveal } from "../vault/secret.ts";

export interface OpenStoreOptions {
  /** Where the URL of a Postgres is: `env:DATABASE_URL`. @default the file */
  readonly reference: string | undefined;
  readonly file: string;
  readonly env: Environment;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What messages call the references. */
const STORE = "store";
const SECRET = "secret";

/** A statement that takes longer is rolled back. Agents wait for it. */
const TIMEOUT_SECONDS = 5;

/** @throws UsageError, AdapterError `ERR_STORE`; neither shows the URL, which has a password */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const { reference, file, env } = options;
  if (reference === undefined) return openSqliteStore(file);
  const url = await storeUrl(reference, env);
  const { openPostgresStore } = await import("l8nt/stores/postgres");
  return openPostgresStore({ url, timeoutSeconds: TIMEOUT_SECONDS });
}

/** Where the requests have their rows: beside the ledger. Call it when the store is open. */
export async function openRows(options: OpenStoreOptions): Promise<BooksDatabase> {
  const { reference, file, env } = options;
  if (reference === undefined) return openSqliteBooks(file);
  const { openPostgresBooks } = await import("../books/postgres.ts");
  return openPostgresBooks(await storeUrl(reference, env));
}

/** @throws UsageError, which does not show the URL */
export async function storeUrl(reference: string, env: Environment): Promise<string> {
  const url = reveal(await readSecret(reference, { what: STORE, env }));
  if (/^postgres(?:ql)?:\/\//.test(url)) return url;
  throw new UsageError(
    `${STORE} must name a Postgres URL: postgres://user:password@host:5432/database.`,
  );
}

/** The secret that a reference names; undefined without one. @throws UsageError */
export async function givenSecret(
  reference: string | undefined,
  env: Environment,
): Promise<string | undefined> {
  if (reference === undefined) return undefined;
  const secret = reveal(await readSecret(reference, { what: SECRET, env }));
  if (!isSecret(secret))
    throw new UsageError(
      `${SECRET} must name 64 hex digits: copy the file secret of a gateway's folder, or make them with openssl rand -hex 32.`,
    );
  return secret;
}
