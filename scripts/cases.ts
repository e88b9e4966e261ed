/**
 * Links each case of spec/cases.md to the tests that name it. `node scripts/cases.ts` fails if the
 * page is stale or the code names a case that the page does not have; `--write` updates the page.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";

export const PAGE = "spec/cases.md";
const REFERENCE = /\[cases? ([0-9][0-9, -]*)\]/g;
const ROW = /^\| <a id="case-(?<id>\d+)"><\/a>.*\| (?<tests>[^|]*)\|$/;
/**
 * Tests, and what only tests run. Contract suites are in the library, because users run them too.
 */
const IS_TEST = /\.(?:test|interop)\.ts$|^test\/|(?:^|\/)(?:fixtures|testing)\//;

/** The numbers that a text names: `[case 9]`, `[cases 43-46, 51]`. */
export function casesIn(text: string): readonly number[] {
  const numbers = new Set<number>();
  for (const [, list = ""] of text.matchAll(REFERENCE))
    for (const part of list.split(",")) {
      const [from = Number.NaN, to = from] = part.split("-").map(Number);
      for (let id = from; id <= to; id++) numbers.add(id);
    }
  return [...numbers];
}

/** The page with its last column written anew, and the cases that the code names without a row. */
export function link(
  page: string,
  files: ReadonlyMap<string, string>,
): { readonly page: string; readonly unknown: readonly string[] } {
  const tests = new Map<number, string[]>();
  const named = new Map<number, string>();
  for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (const id of casesIn(text)) {
      named.set(id, path);
      if (IS_TEST.test(path)) tests.set(id, [...(tests.get(id) ?? []), path]);
    }
  const rows = new Set<number>();
  const lines = page.split("\n").map((line) => {
    const id = ROW.exec(line)?.groups?.id;
    if (id === undefined) return line;
    rows.add(Number(id));
    const links = (tests.get(Number(id)) ?? []).map((path) => `[${basename(path)}](../${path})`);
    const column = links.length === 0 ? "none yet" : links.join(", ");
    return `${line.slice(0, line.lastIndexOf("|", line.length - 2))}| ${column} |`;
  });
  const unknown = [...named]
    .filter(([id]) => !rows.has(id))
    .map(([id, path]) => `${path}: names case ${id}, which ${PAGE} does not have`);
  return { page: lines.join("\n"), unknown };
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "..");
  const paths = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.ts"], {
    cwd: root,
    encoding: "utf8",
  });
  const files = new Map<string, string>();
  for (const path of paths.split("\n").filter((path) => path !== "" && path !== "scripts/cases.ts"))
    try {
      files.set(path, readFileSync(join(root, path), "utf8"));
    } catch {
      // Deleted, and not yet committed.
    }
  files.delete("scripts/cases.test.ts");
  const before = readFileSync(join(root, PAGE), "utf8");
  const { page, unknown } = link(before, files);
  for (const fault of unknown) console.error(fault);
  if (process.argv.includes("--write")) writeFileSync(join(root, PAGE), page);
  else if (page !== before) console.error(`${PAGE} is stale: run node scripts/cases.ts --write`);
  const isStale = page !== before && !process.argv.includes("--write");
  console.log(
    `cases: ${page.match(/id="case-/g)?.length} cases, ${page.match(/none yet/g)?.length ?? 0} without a test`,
  );
  if (unknown.length > 0 || isStale) process.exitCode = 1;
}
