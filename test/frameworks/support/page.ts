/**
 * Runs the snippet of a framework's page as it stands in docs/guides/agents/: its imports and what
 * it does not define are given by the test.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Stage {
  /** The modules that the snippet imports, by specifier. */
  readonly modules: Readonly<Record<string, object>>;
  /** Names that the snippet uses and does not define, such as `model`. */
  readonly [name: string]: unknown;
}

/** The first block of TypeScript on the page. */
export function snippetOf(page: string): string {
  const text = readFileSync(
    join(import.meta.dirname, "../../../docs/guides/agents", `${page}.md`),
    "utf8",
  );
  const [, snippet] = /^```ts\n([\s\S]*?)^```$/m.exec(text) ?? [];
  if (snippet === undefined) throw new Error(`docs/guides/agents/${page}.md has no snippet`);
  return snippet;
}

/** @throws Error for a snippet of more than eight lines, and what the snippet throws */
export async function runSnippet(page: string, { modules, ...names }: Stage): Promise<void> {
  const snippet = snippetOf(page);
  if (snippet.trimEnd().split("\n").length > 8)
    throw new Error("a page's snippet has at most eight lines");
  const body = snippet.replaceAll(
    /^import (\{[^}]*\}) from "([^"]+)";/gm,
    (_, members, from) => `const ${members} = modules[${JSON.stringify(from)}];`,
  );
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor;
  await new AsyncFunction("modules", ...Object.keys(names), body)(modules, ...Object.values(names));
}
