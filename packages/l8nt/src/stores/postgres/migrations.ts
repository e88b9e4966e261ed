/** Migrates a schema to the version that this program knows, or refuses with the reason. */
import type pg from "pg";
import { AdapterError } from "../../errors.ts";
import { fold, handovers, law, sales, tables } from "./sql.generated.ts";

/** Every table. A table of another program must have none of these names. */
const TABLES = [
  "sigil_migrations",
  "sigil_head",
  "sigil_counters",
  "sigil_reservations",
  "sigil_payments",
  "sigil_payees",
  "sigil_journal",
  "sigil_directives",
  "sigil_nodes",
  "sigil_receipts",
  "sigil_facts",
  "sigil_wrapped",
  "sigil_hand_overs",
  "sigil_recalls",
  "sigil_checkpoint",
  "sigil_carried",
  "sigil_sales",
  "sigil_sale_totals",
  "sigil_refunds",
] as const;
/** How many of them are there before migration 3. */
const TABLES_BEFORE_SALES = 16;
const SALES_VERSION = 3;

/** In order; the first is number 1. A released migration is never changed. */
const MIGRATIONS: readonly string[] = [tables + handovers + fold, law, sales];

/**
 * The comment on the table of migrations, which tells it from another program's table of that name.
 */
const MARK = "the shared books of Sigil";

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** @throws AdapterError `ERR_STORE` for a schema that is newer, incomplete, or another program's */
export async function migrate(client: pg.ClientBase, schema: string): Promise<void> {
  await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  try {
    // If two processes start at once, the second one waits and finds the schema migrated.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
      `sigil migrations of ${schema}`,
    ]);
    const { rows: there } = await client.query("SELECT FROM pg_namespace WHERE nspname = $1", [
      schema,
    ]);
    if (there.length === 0) await client.query(`CREATE SCHEMA ${quoted(schema)}`);
    // The functions keep this path. A temporary table must not hide one of Sigil's tables.
    await client.query(`SET LOCAL search_path TO ${quoted(schema)}, pg_temp`);
    const version = await versionOf(client, schema);
    for (const [at, migration] of MIGRATIONS.entries()) {
      if (at < version) continue;
      if (at === 0) await client.query(bookkeeping);
      await client.query(migration);
      await client.query("INSERT INTO sigil_migrations (version) VALUES ($1)", [at + 1]);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

const bookkeeping = `
CREATE TABLE sigil_migrations (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
COMMENT ON TABLE sigil_migrations IS '${MARK}';
`;

async function versionOf(client: pg.ClientBase, schema: string): Promise<number> {
  const { rows } = await client.query<{ name: string; mark: string | null }>(
    `SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS mark
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = ANY ($2)`,
    [schema, TABLES],
  );
  if (rows.length === 0) return 0;
  const own = rows.find(({ name }) => name === "sigil_migrations");
  if (own?.mark !== MARK)
    throw refusal(
      schema,
      `has a table "${rows[0]!.name}" that Sigil did not make`,
      "Name another schema",
    );
  const { rows: numbered } = await client.query<{ version: number }>(
    "SELECT version FROM sigil_migrations ORDER BY version",
  );
  const versions = numbered.map(({ version }) => Number(version));
  const latest = versions.at(-1) ?? 0;
  if (latest > MIGRATIONS.length)
    throw refusal(
      schema,
      `is of version ${latest}, and this program knows versions up to ${MIGRATIONS.length}`,
      "Use the newer program",
    );
  const { rows: functions } = await client.query(
    "SELECT FROM pg_proc WHERE oid = to_regprocedure($1)",
    ["sigil_apply(jsonb, boolean)"],
  );
  const isWhole =
    versions.every((version, at) => version === at + 1) &&
    rows.length === (latest < SALES_VERSION ? TABLES_BEFORE_SALES : TABLES.length) &&
    functions.length === (latest < 2 ? 0 : 1);
  if (!isWhole)
    throw refusal(
      schema,
      `says version ${latest} and lacks parts of it`,
      "Restore it from a backup, or name another",
    );
  return latest;
}

const refusal = (schema: string, what: string, advice: string) =>
  new AdapterError("ERR_STORE", `The Postgres schema "${schema}" ${what}. ${advice}.`);
