/**
 * The layer table as data, and the check that the source keeps it. `node scripts/layers.ts` prints
 * one line for each broken rule and exits 1.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";

/**
 * A row imports only rows above it; entries that share a row never import each other. Order is the
 * law.
 */
export const rows: readonly (readonly string[])[] = [
  ["error-codes.ts"],
  ["errors.ts"],
  ["internal/"],
  ["amount.ts"],
  ["http/"],
  ["invoice/"],
  ["ports/"],
  ["caveat/"],
  ["credential/"],
  // Forms stand below: credential/ must not know which form a credential has.
  ["macaroon/", "biscuit/"],
  ["l402/"],
  ["public-key/"],
  ["wire/"],
  ["holder/"],
  ["ledger/", "receipt/"],
  ["feed/"],
  // Above the ends, because an end's default store is the memory store.
  ["stores/", "wallets/"],
  ["service/", "treasury/", "client/"],
  ["open-wallet.ts", "open-wallet.browser.ts", "check-treasury.ts", "check-treasury.browser.ts"],
  ["form.ts", "form.browser.ts"],
  ["embedded.ts"],
  ["index.ts"],
  ["node/"],
  ["middleware/", "mcp/"],
  ["agents/"],
  ["frameworks/"],
  ["testing/"],
];

/**
 * Folders of adapters: an adapter never imports another one beside it. A file that is no export is
 * shared, and may be.
 */
const adapterFolders = ["stores/", "wallets/", "middleware/", "frameworks/"];
/** What the root `index.ts` must not import: each adapter has its own subpath. */
const notInRoot = [
  "node/",
  "middleware/",
  "mcp/",
  "agents/",
  "frameworks/",
  "stores/",
  "wallets/",
  "testing/",
];
/** The rows that run on a server by nature; everything else must load in a browser. */
const mayImportNode = ["node/", "middleware/", "testing/"];
/** The only packages that anything but an adapter or a contract suite may import. */
const runtimePackages = /^@(?:noble|scure)\//;
const mayImportPackages = [...adapterFolders, "mcp/", "testing/"];

/** A source tree to judge: paths relative to the `src` folder, with `/`, and their text. */
export type Tree = ReadonlyMap<string, string>;

export interface Imported {
  readonly specifier: string;
  readonly line: number;
  readonly kind: "value" | "type" | "dynamic" | "re-export";
}

// Anchored at the line's start: formatted code has its imports there, and an example in a comment
// is not there.
const statement =
  /^(?:import\s+(?<type>type\b(?!\s*(?:,|from\b)))?[^"';()]*?(?:\bfrom\s*)?|export\s+(?<exportType>type\s*)?(?:\*(?:\s*as\s+\w+)?|\{[^}]*\})\s*from\s*)["'](?<specifier>[^"']+)["']/gm;
const call = /\bimport\(\s*["'](?<specifier>[^"']+)["']\s*[,)]/g;

/**
 * Every import in a TypeScript text: static, type-only, re-exporting and dynamic (`import("…")`, in
 * types as well).
 */
export function importsOf(text: string): Imported[] {
  const found: Imported[] = [];
  const lineAt = (index: number) => text.slice(0, index).split("\n").length;
  for (const match of text.matchAll(statement)) {
    const { type, exportType, specifier } = match.groups as Record<string, string | undefined>;
    const reExport = match[0].startsWith("export");
    const kind = type || exportType ? "type" : reExport ? "re-export" : "value";
    found.push({ specifier: specifier!, line: lineAt(match.index), kind });
  }
  for (const match of text.matchAll(call)) {
    const start = text.lastIndexOf("\n", match.index) + 1;
    if (/^\s*(?:\*|\/\/)/.test(text.slice(start, match.index))) continue;
    found.push({ specifier: match.groups!.specifier!, line: lineAt(match.index), kind: "dynamic" });
  }
  return found;
}

const isTest = (path: string): boolean =>
  /\.(?:test|bench)\.ts$/.test(path) || path.includes("fixtures/");

function rowOf(path: string): { row: number; entry: string } | undefined {
  for (const [row, entries] of rows.entries()) {
    const entry = entries.find((name) =>
      name.endsWith("/") ? path.startsWith(name) : path === name,
    );
    if (entry !== undefined) return { row, entry };
  }
  return undefined;
}

/** The path of a relative import inside the tree; it may climb out of the tree (`../…`). */
function target(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "." || part === "") continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

/** `stores/sqlite/index.ts` and `stores/sqlite.ts` are both the adapter `stores/sqlite`. */
const unitOf = (path: string): string => path.split("/").slice(0, 2).join("/").replace(/\.ts$/, "");

/**
 * The files behind a private specifier (`#name` in the manifest's `imports`): one for each
 * condition.
 */
export type Aliases = Readonly<Record<string, readonly string[]>>;

/** The paths inside the tree that a specifier may mean; undefined for a package. */
function targets(from: string, specifier: string, aliases: Aliases): readonly string[] | undefined {
  if (specifier.startsWith(".")) return [target(from, specifier)];
  return specifier.startsWith("#") ? (aliases[specifier] ?? [specifier]) : undefined;
}

/**
 * Every rule that a library tree breaks. `exported`: the source files that the package's subpaths
 * name.
 */
export function libraryFaults(
  tree: Tree,
  exported: readonly string[],
  aliases: Aliases = {},
): string[] {
  const faults: string[] = [];
  const adapters = new Set(exported.map(unitOf));
  const graph = new Map<string, string[]>();

  for (const [path, text] of tree) {
    if (isTest(path)) continue;
    const edges: string[] = [];
    graph.set(path, edges);
    const own = rowOf(path);
    if (own === undefined)
      faults.push(`${path}: belongs to no row of the layer table (scripts/layers.ts)`);

    for (const { specifier, line, kind } of importsOf(text)) {
      const at = `${path}:${line}`;
      const targeted = targets(path, specifier, aliases);
      if (targeted === undefined) {
        if (specifier === "l8nt" || specifier.startsWith("l8nt/"))
          faults.push(
            `${at}: imports "${specifier}" by name; inside the library imports are relative`,
          );
        else if (specifier.startsWith("node:")) {
          // A type leaves nothing behind, and a dynamic import can be guarded.
          if (
            (kind === "value" || kind === "re-export") &&
            !mayImportNode.includes(own?.entry ?? "")
          )
            faults.push(`${at}: imports "${specifier}", so it would not load in a browser`);
        } else if (
          !runtimePackages.test(specifier) &&
          !mayImportPackages.includes(own?.entry ?? "")
        )
          faults.push(`${at}: imports "${specifier}"; the core stands on @noble and @scure alone`);
        continue;
      }
      edges.push(...targeted);
      for (const to of targeted) {
        const theirs = rowOf(to);
        if (to.startsWith("..")) faults.push(`${at}: imports "${specifier}", outside the library`);
        else if (isTest(to)) faults.push(`${at}: imports the test file ${to}`);
        else if (theirs === undefined) faults.push(`${at}: imports ${to}, which belongs to no row`);
        else if (own !== undefined) {
          if (theirs.row > own.row)
            faults.push(`${at}: ${own.entry} imports ${to}, but ${theirs.entry} stands below it`);
          else if (theirs.row === own.row && theirs.entry !== own.entry)
            faults.push(`${at}: ${own.entry} and ${theirs.entry} never import each other (${to})`);
          else if (
            theirs.entry === own.entry &&
            adapterFolders.includes(own.entry) &&
            unitOf(to) !== unitOf(path) &&
            adapters.has(unitOf(to))
          )
            faults.push(
              `${at}: the adapter ${unitOf(to)} is imported by ${unitOf(path)}, its sibling`,
            );
          if (path === "index.ts" && notInRoot.includes(theirs.entry))
            faults.push(
              `${at}: the root index leads to an adapter (${to}); it has a subpath of its own`,
            );
        }
      }
    }
  }
  for (const cycle of cyclesIn(graph)) faults.push(`cycle: ${cycle.join(" -> ")}`);
  return faults;
}

/**
 * Every rule that a program's tree breaks. `subpaths`: what the library exports, `l8nt`,
 * `l8nt/service`, …
 */
export function programFaults(tree: Tree, subpaths: readonly string[]): string[] {
  const faults: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [path, text] of tree) {
    if (isTest(path)) continue;
    const edges: string[] = [];
    graph.set(path, edges);
    for (const { specifier, line } of importsOf(text)) {
      const at = `${path}:${line}`;
      if (specifier.startsWith(".")) {
        const to = target(path, specifier);
        // `../package.json` is the program's own, and the one thing above `src` that it may read.
        if (to.startsWith("..") && to !== "../package.json")
          faults.push(
            `${at}: imports "${specifier}", outside its own source; use a subpath of l8nt`,
          );
        else edges.push(to);
      } else if (/^l8nt(?:\/|$)/.test(specifier) && !subpaths.includes(specifier))
        faults.push(`${at}: "${specifier}" is not a subpath that l8nt exports`);
    }
  }
  for (const cycle of cyclesIn(graph)) faults.push(`cycle: ${cycle.join(" -> ")}`);
  return faults;
}

/** One cycle for each knot: the path from its smallest file back to itself. */
export function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const known = new Set<string>();
  for (const start of [...graph.keys()].sort()) {
    if (known.has(start)) continue;
    // Breadth first, so that the path shown is a shortest one.
    const cameFrom = new Map<string, string>();
    const queue = [start];
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      for (const next of graph.get(file) ?? []) {
        if (next === start) {
          const path = [start];
          for (let step = file; step !== start; step = cameFrom.get(step)!) path.unshift(step);
          path.unshift(start);
          for (const member of path) known.add(member);
          cycles.push(path);
          queue.length = 0;
          break;
        }
        if (!cameFrom.has(next)) {
          cameFrom.set(next, file);
          queue.push(next);
        }
      }
    }
  }
  return cycles;
}

/**
 * The files that no exported one leads to: an adapter that was never given its subpath, or code
 * that nobody uses.
 */
export function unreachable(
  tree: Tree,
  exported: readonly string[],
  aliases: Aliases = {},
): string[] {
  const reached = new Set<string>();
  const queue = [...exported];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const text = tree.get(path);
    if (text === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const { specifier } of importsOf(text))
      queue.push(...(targets(path, specifier, aliases) ?? []));
  }
  return [...tree.keys()].filter((path) => !isTest(path) && !reached.has(path));
}

/** The `.ts` files below a folder; a folder that does not exist has none. */
export function readTree(folder: string): Tree {
  const tree = new Map<string, string>();
  let entries: string[] = [];
  try {
    entries = readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  for (const entry of entries.sort()) {
    if (entry.endsWith(".ts") && !entry.split(sep).includes("node_modules"))
      tree.set(entry.split(sep).join("/"), readFileSync(join(folder, entry), "utf8"));
  }
  return tree;
}

/** The part of `package.json` that says which source files have names. */
export interface Manifest {
  readonly exports: Conditions;
  readonly imports?: Conditions;
}

type Conditions = { readonly [key: string]: string | Conditions };

/** The source files that a condition tree leads to, relative to `src`. */
function sourcesIn(conditions: string | Conditions): string[] {
  if (typeof conditions === "string")
    return conditions.startsWith("./src/") ? [conditions.slice("./src/".length)] : [];
  return Object.values(conditions).flatMap(sourcesIn);
}

/** The source file of each subpath. */
export const exportedSources = ({ exports }: Manifest): string[] => sourcesIn(exports);

export const aliasesOf = ({ imports = {} }: Manifest): Aliases =>
  Object.fromEntries(
    Object.entries(imports).map(([name, conditions]) => [name, sourcesIn(conditions)]),
  );

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "..");
  const manifest = JSON.parse(
    readFileSync(join(root, "packages/l8nt/package.json"), "utf8"),
  ) as Manifest;
  const sources = exportedSources(manifest);
  const subpaths = Object.keys(manifest.exports).map((subpath) => subpath.replace(/^\./, "l8nt"));

  const faults: string[] = [];
  let files = 0;
  const judge = (folder: string, rule: (tree: Tree) => string[]) => {
    const tree = readTree(join(root, folder));
    files += tree.size;
    faults.push(
      ...rule(tree).map((fault) => (fault.startsWith("cycle") ? fault : `${folder}/${fault}`)),
    );
  };
  judge("packages/l8nt/src", (tree) => libraryFaults(tree, sources, aliasesOf(manifest)));
  judge("packages/sigil/src", (tree) => programFaults(tree, subpaths));

  for (const fault of faults) console.error(fault);
  console.log(`layers: ${files} files, ${faults.length} faults`);
  if (faults.length > 0) process.exitCode = 1;
}
