/**
 * The public names of the library, subpath by subpath, compared with the committed list.
 * `node scripts/exports.ts` exits 1 if they differ, and `--write` updates the list: a new export is
 * a decision.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Manifest } from "./layers.ts";

const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const LIST = /^export\s+(?<type>type\s+)?\{(?<names>[^}]*)\}/gm;
const DECLARATION =
  /^export\s+(?:declare\s+)?(?:(?<type>interface|type)|(?:abstract\s+)?class|(?:async\s+)?function\*?|const|enum)\s+(?<name>[A-Za-z_$][\w$]*)/gm;

/**
 * The names that a formatted TypeScript module exports, sorted; `type ` stands before one that is
 * only a type. Throws for `export *` and for a default export, which hide names.
 */
export function exportedNames(text: string): string[] {
  const code = text.replace(COMMENT, "");
  if (/^export\s+(?:\*|default\b)/m.test(code))
    throw new Error("public modules name what they export: no `export *`, no default export");
  const kinds = new Map<string, "type" | "value">();
  const add = (name: string, isType: boolean): void => {
    if (!isType || !kinds.has(name)) kinds.set(name, isType ? "type" : "value");
  };
  for (const { groups } of code.matchAll(LIST))
    for (const item of groups!.names!.split(",").map((part) => part.trim())) {
      if (item === "") continue;
      const isType = groups!.type !== undefined || item.startsWith("type ");
      add(
        item
          .replace(/^type\s+/, "")
          .split(/\s+as\s+/)
          .at(-1)!,
        isType,
      );
    }
  for (const { groups } of code.matchAll(DECLARATION))
    add(groups!.name!, groups!.type !== undefined);
  return [...kinds]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, kind]) => (kind === "type" ? `type ${name}` : name));
}

/** One line for each public name: `l8nt/mcp paidTool`. */
export function publicNames(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  return Object.entries(manifest.exports).flatMap(([subpath, conditions]) => {
    if (typeof conditions === "string") return [];
    const source = conditions["l8nt-source"] as string;
    const names = exportedNames(readFileSync(join(folder, source), "utf8"));
    return names.map((name) => `${subpath.replace(/^\./, "l8nt")} ${name}`);
  });
}

const FROM = /^export\s+(?:type\s+)?\{(?<names>[^}]*)\}\s*from\s*"(?<module>\.[^"]+)"/gm;

/** The file that declares a name, followed through the lists that export it again. */
function declaredIn(file: string, name: string): string {
  for (const { groups } of readFileSync(file, "utf8").replace(COMMENT, "").matchAll(FROM))
    for (const item of groups!.names!.split(",")) {
      const [own, renamed = own] = item
        .trim()
        .replace(/^type\s+/, "")
        .split(/\s+as\s+/);
      if (renamed === name) return declaredIn(join(dirname(file), groups!.module!), own!);
    }
  return file;
}

/** Names that every adapter of a kind has, for its own framework. */
const ADAPTER_NAMES = new Set([
  ...["paid", "wellKnown", "checkRoutes", "PaidOptions"],
  ...["withSigil", "sigilTools", "sigilContext", "SigilContext", "subAgent"],
]);

/** Names that every form of a credential has. */
const FORM_NAMES = new Set(["Minter", "MinterOptions"]);

/** Public names that mean one thing in one subpath and another in the next. */
export function ambiguities(folder: string): string[] {
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const meanings = new Map<string, Set<string>>();
  for (const line of publicNames(folder)) {
    const [subpath = "", ...words] = line.split(" ");
    const name = words.at(-1)!;
    const conditions = exports[subpath.replace(/^l8nt/, ".")] as Record<string, string>;
    const declared = declaredIn(join(folder, conditions["l8nt-source"]!), name);
    meanings.set(name, (meanings.get(name) ?? new Set()).add(declared));
  }
  return [...meanings]
    .filter(([name, files]) => files.size > 1 && !ADAPTER_NAMES.has(name) && !FORM_NAMES.has(name))
    .map(([name, files]) => `has two meanings: ${name} (${[...files].join(", ")})`);
}

/** What differs between the committed list and the code, one line for each name. */
export function difference(listed: readonly string[], found: readonly string[]): string[] {
  return [
    ...found.filter((name) => !listed.includes(name)).map((name) => `not in the list: ${name}`),
    ...listed.filter((name) => !found.includes(name)).map((name) => `in the list only: ${name}`),
  ];
}

if (import.meta.main) {
  const folder = resolve(import.meta.dirname, "../packages/l8nt");
  const list = join(folder, "exports.txt");
  const found = publicNames(folder);
  if (process.argv.includes("--write")) writeFileSync(list, `${found.join("\n")}\n`);
  const differing = difference(readFileSync(list, "utf8").trimEnd().split("\n"), found);
  const faults = [...differing, ...ambiguities(folder)];
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
  if (differing.length > 0)
    console.error(
      "packages/l8nt/exports.txt is out of date: node scripts/exports.ts --write, if each line is meant",
    );
  const subpaths = new Set(found.map((line) => line.split(" ")[0]));
  console.log(
    `exports: ${subpaths.size} subpaths, ${found.length} exports, ${faults.length} faults`,
  );
}
