/** The snippet of a page, run as it stands: its imports are real, and what it leaves open is given. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const pages = join(import.meta.dirname, "../../../docs/agents");

export function snippetOf(page: string): string {
  const code = /```ts\n(.*?)```/s.exec(readFileSync(join(pages, page), "utf8"))?.[1];
  if (code === undefined) throw new Error(`${page} has no snippet`);
  return code;
}

const IMPORT = /^import (\{[^}]*\}) from "([^"]+)";$/gm;

/** @param modules each module that it imports */
export async function runSnippet(
  page: string,
  modules: Readonly<Record<string, object>>,
  given: Readonly<Record<string, unknown>>,
): Promise<void> {
  const code = snippetOf(page).replace(IMPORT, (_, names: string, from: string) => {
    if (modules[from] === undefined) throw new Error(`${page} imports ${from}, which the test does not give`);
    return `const ${names} = modules[${JSON.stringify(from)}];`;
  });
  const body = `return (async () => {\n${code}\n})();`;
  await new Function("modules", ...Object.keys(given), body)(modules, ...Object.values(given));
}
