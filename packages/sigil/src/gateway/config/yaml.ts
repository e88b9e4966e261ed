/** Reads a file of YAML in which every part means one thing, with the line of each part. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";

export interface Fault {
  /** Of the key or the item; empty for the whole file. */
  readonly path: readonly PropertyKey[];
  readonly line: number;
  readonly message: string;
}

export interface ReadYaml {
  readonly value: unknown;
  readonly faults: readonly Fault[];
  /** The line of the deepest part of a path that is in the file. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** What the parser's codes mean. Its own texts may repeat a part of the file, such as a key. */
const SYNTAX: Readonly<Record<string, string>> = {
  ALIAS_PROPS: "has an alias (*). Write the value again",
  TAB_AS_INDENT: "is indented with a tab. YAML takes spaces",
  BAD_INDENT: "is not indented as the lines around it",
  MULTIPLE_DOCS: "begins a second document (---). One file is one configuration",
  MISSING_CHAR: "lacks a character: a quote, a comma, a colon, or a closing bracket",
  IMPOSSIBLE: "is not YAML",
};

/** A configuration has a few hundred lines; more is a mistake. */
const MAX_CHARACTERS = 1024 * 1024;

/** Anchors, aliases, tags, merges and keys that stand twice are faults. */
export function readYaml(text: string): ReadYaml {
  if (text.length > MAX_CHARACTERS)
    return onlyFault("is longer than 1 MiB, which no configuration is");
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Found below, with the path.
    uniqueKeys: false,
    schema: "core",
    version: "1.2",
    merge: false,
    stringKeys: true,
    logLevel: "error",
  });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) {
    const message = SYNTAX[error.code] ?? "is not YAML";
    return { ...onlyFault(message, lineAt(error.pos[0])) };
  }
  const faults = structureFaults(document.contents, lineAt);
  return {
    value: faults.length > 0 ? undefined : document.toJS({ maxAliasCount: 0 }),
    faults,
    lineOf: (path) => lineAt(offsetOf(document.contents, path)),
  };
}

function onlyFault(message: string, line = 1): ReadYaml {
  return { value: undefined, faults: [{ path: [], line, message }], lineOf: () => line };
}

function structureFaults(root: Node | null, lineAt: (offset: number) => number): readonly Fault[] {
  const faults: Fault[] = [];
  const walk = (node: unknown, path: readonly PropertyKey[]): void => {
    if (isMap(node)) {
      const seen = new Set<string>();
      for (const { key, value } of node.items) {
        const name = String(isScalar(key) ? key.value : key);
        const at = [...path, shownKey(name)];
        const line = lineAt(startOf(key) ?? startOf(node) ?? 0);
        if (seen.has(name)) faults.push({ path: at, line, message: "is there twice. Keep one" });
        if (name === "<<")
          faults.push({ path: at, line, message: "merges another part. Write the keys out" });
        seen.add(name);
        walk(value, at);
      }
    } else if (isSeq(node))
      for (const [index, item] of node.items.entries()) walk(item, [...path, index]);
    const line = lineAt(startOf(node) ?? 0);
    if (isAlias(node)) faults.push({ path, line, message: "is an alias (*). Write the value out" });
    else if (hasProps(node) && node.anchor !== undefined)
      faults.push({ path, line, message: "has an anchor (&). Write the value where it is used" });
    else if (hasProps(node) && node.tag !== undefined)
      faults.push({ path, line, message: "has a tag (!). Write the value alone" });
  };
  walk(root, []);
  // On a key, which has no path of its own.
  visit(root, {
    Pair(_, { key }) {
      if (hasProps(key) && (key.anchor !== undefined || key.tag !== undefined))
        faults.push({
          path: [],
          line: lineAt(startOf(key) ?? 0),
          message: "has a key with an anchor (&) or a tag (!). Write the key alone",
        });
    },
  });
  return faults;
}

const hasProps = (node: unknown): node is { anchor?: string; tag?: string } =>
  (isScalar(node) || isMap(node) || isSeq(node)) && node !== undefined;

/** A key that is longer than any of ours may be a vendor's, in the wrong place. */
export const shownKey = (key: string): string =>
  /^(?:[A-Za-z][\w-]{0,23}|<<)$/.test(key) ? key : "(not shown)";

const startOf = (node: unknown): number | undefined =>
  (node as { readonly range?: readonly number[] | null } | null | undefined)?.range?.[0];

function offsetOf(root: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = root;
  let offset = startOf(root) ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === "number") {
      node = node.items[part];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}
