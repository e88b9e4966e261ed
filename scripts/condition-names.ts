/**
 * The check that only `caveat/` names a condition: every other file asks the condition. `node
 * scripts/condition-names.ts` prints one line for each literal that names one and exits 1.
 */
import { join, resolve } from "node:path";
import { parseAst } from "vitest/node";
import { TABLE } from "../packages/l8nt/src/caveat/conditions/table.ts";
import { readTree } from "./layers.ts";

const names = TABLE.flatMap((row) => ("suffix" in row ? [] : [row.name]));
const suffixes = TABLE.flatMap((row) => ("suffix" in row ? [row.suffix] : []));
/** Names that are ordinary words too: keys of scopes and records, names of flags. */
const words = new Set(names.filter((name) => !name.includes("_")));
/** Names that mean nothing else, and what families of them begin with. */
const unmistakable = [
  ...names.filter((name) => !words.has(name)),
  "budget_(?![a-z])",
  "max_price_(?![a-z])",
];

const NAMED = new RegExp(
  `(?<![A-Za-z0-9_])(?:${unmistakable.join("|")})|(?:${suffixes.join("|")})(?![A-Za-z0-9_])`,
);
/** The beginning of a caveat: `agent=`. */
const CAVEAT = new RegExp(`(?<![\\w.-])(?:${[...words].join("|")})=`);
/** An alternative of a regular expression. */
const ALTERNATIVE = new RegExp(`(?<=[\\^(|:])(?:${[...words].join("|")})(?=[$)|=])`);
/** An expression that holds the name of a condition. */
const CONDITION = /(?:^|[.?!])(?:condition|conditionName|name)(?:\.name)?!?$/;
const COMPARISONS = ["includes", "startsWith", "endsWith", "indexOf"];

export interface NameFault {
  readonly line: number;
  /** The literal. */
  readonly text: string;
}

/** A node of the syntax tree, as ESTree has it. */
interface Tree {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const isTree = (value: unknown): value is Tree =>
  typeof (value as Tree | null)?.type === "string" && typeof (value as Tree).start === "number";

/** The literals of a TypeScript text that name a condition. */
export function namedConditions(text: string): readonly NameFault[] {
  const faults: NameFault[] = [];
  const source = ({ start, end }: Tree) => text.slice(start, end);

  const namesCondition = (node: Tree, above: readonly Tree[]): boolean => {
    if (node.type === "TemplateElement") {
      const { cooked } = node.value as { cooked?: string };
      return isSuspicious(cooked ?? "");
    }
    const { pattern } = (node.regex ?? {}) as { pattern?: string };
    if (pattern !== undefined) return isSuspicious(pattern) || ALTERNATIVE.test(pattern);
    if (typeof node.value !== "string") return false;
    return isSuspicious(node.value) || (words.has(node.value) && isUsedAsName(node, above));
  };

  const isUsedAsName = (node: Tree, above: readonly Tree[]): boolean => {
    const parent = above.at(-1)!;
    const holdsName = (tree: unknown) => isTree(tree) && CONDITION.test(source(tree));
    switch (parent.type) {
      case "BinaryExpression":
        return (
          /^[!=]==?$/.test(parent.operator as string) &&
          [parent.left, parent.right].some((side) => side !== node && holdsName(side))
        );
      case "Property":
        return parent.value === node && source(parent.key as Tree) === "condition";
      case "TSAsExpression":
        return isUsedAsName(parent, above.slice(0, -1));
      case "SwitchCase":
        return holdsName(above.at(-2)?.discriminant);
      case "CallExpression": {
        const { property } = parent.callee as { property?: Tree };
        return property !== undefined && COMPARISONS.includes(source(property));
      }
      case "ArrayExpression": {
        const named = (parent.elements as readonly (Tree | null)[]).filter(
          (one) => typeof one?.value === "string" && words.has(one.value),
        );
        const user = above.at(-2);
        const isSet = user?.type === "NewExpression" && source(user.callee as Tree) === "Set";
        return isSet || named.length > 1;
      }
      default:
        return false;
    }
  };

  const visit = (node: Tree, above: readonly Tree[]): void => {
    if (node.type === "Literal" || node.type === "TemplateElement") {
      if (namesCondition(node, above))
        faults.push({
          line: text.slice(0, node.start).split("\n").length,
          text: source(node).slice(0, 80),
        });
      return;
    }
    for (const [key, value] of Object.entries(node)) {
      // A path of an import is no name.
      if (key === "source" && /^(?:Import|Export)/.test(node.type)) continue;
      for (const child of Array.isArray(value) ? value : [value])
        if (isTree(child)) visit(child, [...above, node]);
    }
  };
  visit(parseAst(text, { lang: "ts" }) as unknown as Tree, []);
  return faults;
}

const isSuspicious = (text: string): boolean => NAMED.test(text) || CAVEAT.test(text);

/**
 * Tests may say what they expect; `testing/` holds the contract suites. `gateway/presets/` names
 * fields of vendors' requests, some of which are called like a condition.
 */
const isExempt = (path: string): boolean =>
  /\.test\.ts$|(?:^|\/)fixtures\//.test(path) ||
  /^(?:caveat|testing|gateway\/presets)\//.test(path);

if (import.meta.main) {
  const root = resolve(import.meta.dirname, "..");
  let [files, faults] = [0, 0];
  for (const folder of ["packages/l8nt/src", "packages/sigil/src"])
    for (const [path, text] of readTree(join(root, folder))) {
      if (isExempt(path)) continue;
      files++;
      for (const fault of namedConditions(text)) {
        faults++;
        console.error(
          `${folder}/${path}:${fault.line}: ${fault.text} names a condition; ask the condition instead (packages/l8nt/src/caveat)`,
        );
      }
    }
  console.log(`condition names: ${files} files, ${faults} faults`);
  if (faults > 0) process.exitCode = 1;
}
