/**
 * Inlines the SQL of the Postgres store in a module, so that the package reads no file and runs
 * bundled. `node scripts/inline-sql.ts` writes the module; with `--check` it only compares, and
 * exits 1 if the module is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const FOLDER = resolve(import.meta.dirname, "../packages/l8nt/src/stores/postgres");
const MODULE = join(FOLDER, "sql.generated.ts");
const NAMES = ["tables", "handovers", "fold", "law", "sales"];

/** A module that exports each text under its name. */
export function moduleOf(texts: Readonly<Record<string, string>>): string {
  const exports = Object.entries(texts).map(
    ([name, sql]) => `export const ${name} = \`\n${sql.replace(/[\\`]|\$\{/g, "\\$&")}\`;\n`,
  );
  const files = Object.keys(texts).map((name) => `${name}.sql`);
  return [
    `/**\n * Written by scripts/inline-sql.ts: edit ${files.join(", ")}.\n */\n`,
    ...exports,
  ].join("\n");
}

if (import.meta.main) {
  const texts = NAMES.map((name) => [name, readFileSync(join(FOLDER, `${name}.sql`), "utf8")]);
  const text = moduleOf(Object.fromEntries(texts));
  if (!process.argv.includes("--check")) writeFileSync(MODULE, text);
  else if (readFileSync(MODULE, "utf8") !== text) {
    console.error("inline-sql: sql.generated.ts is stale. Run: node scripts/inline-sql.ts");
    process.exit(1);
  }
}
