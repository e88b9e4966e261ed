/**
 * The tables of spec/2-caveats.md that say what the conditions are, from the conditions themselves.
 * `node scripts/condition-tables.ts` exits 1 if the page differs, and `--write` updates it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DOCUMENTED, type Documented } from "../packages/l8nt/src/caveat/conditions/texts.ts";
import { withParts } from "./marked-parts.ts";
import { code, table } from "./reference/markdown.ts";

type Row = Documented["row"];

const labelOf = (row: Row): string => ("suffix" in row ? `<service>${row.suffix}` : row.name);
const conditionOf = (row: Row) => ("suffix" in row ? row.of("service", labelOf(row)) : row);
/** Each key of a scope, once, with every condition that it is written to. */
function scopeTable(): string {
  const keys = new Map<string, { example: string; conditions: string[] }>();
  for (const { row, fields } of DOCUMENTED)
    for (const { key, example } of fields) {
      const { conditions } = keys.get(key) ?? { conditions: [] };
      keys.set(key, { example, conditions: [...conditions, code(labelOf(row))] });
    }
  return table(
    ["scope", "example", "condition"],
    [...keys].map(([key, { example, conditions }]) => [
      code(key),
      example.startsWith("a ") ? example : code(example),
      conditions.join(", "),
    ]),
  );
}

function handOverOf(row: Row): string {
  const { handOver } = conditionOf(row);
  return typeof handOver === "string" ? handOver : "copied";
}

function counts(row: Row): string {
  const terms = "suffix" in row ? undefined : row.limit?.(0n as never);
  return terms === undefined ? "" : terms.kind === "uses" ? "uses" : code(terms.unit);
}

const conditionTable = (): string =>
  table(
    ["condition", "value", "denies when", "code", "counted", "judged by", "hand-over"],
    DOCUMENTED.map(({ row, spec }) => {
      const { judgedBy, code: denial } = conditionOf(row);
      const { value, denies } = spec;
      return [
        code(labelOf(row)),
        value,
        denies,
        denial === undefined ? "" : code(denial),
        counts(row),
        judgedBy,
        handOverOf(row),
      ];
    }),
  );

/** The page with its tables as the conditions have them. */
export const withTables = (page: string): string =>
  withParts(page, { scope: scopeTable(), conditions: conditionTable() });

if (import.meta.main) {
  const path = join(resolve(import.meta.dirname, ".."), "spec/2-caveats.md");
  const page = readFileSync(path, "utf8");
  const wanted = withTables(page);
  if (process.argv.includes("--write")) writeFileSync(path, wanted);
  else if (page !== wanted) {
    console.error("spec/2-caveats.md is out of date: node scripts/condition-tables.ts --write");
    process.exitCode = 1;
  }
}
