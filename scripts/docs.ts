/**
 * Builds the documentation as a site in docs/dist/. `node scripts/docs.ts` installs docs/ if its
 * lock file changed, and exits 1 if a generated page is stale or a link is dead; `--write` updates
 * the generated pages first.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { need } from "./folders.ts";

const root = resolve(import.meta.dirname, "..");
const docs = join(root, "docs");

/** The TypeScript behind each subpath of the library that has any, by the subpath's name. */
export function subpaths(manifest: string): ReadonlyMap<string, string> {
  const { exports } = JSON.parse(manifest) as {
    readonly exports: Readonly<Record<string, { readonly "l8nt-source"?: string }>>;
  };
  return new Map(
    Object.entries(exports).flatMap(([subpath, { "l8nt-source": source }]) =>
      source === undefined ? [] : [[subpath === "." ? "l8nt" : subpath.slice(2), source]],
    ),
  );
}

/** Runs a script of this repository or of docs/. A script that fails ends this one. */
function run(script: string, ...args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, ["--conditions=l8nt-source", script, ...args], {
    cwd: docs,
    stdio: "inherit",
  });
  if (status !== 0) {
    console.error(`docs: ${relative(root, script)} failed, see above`);
    process.exit(1);
  }
}

/**
 * Writes docs/reference/api/: one page for each subpath. typedoc names a page after its file, so
 * each subpath gets a file of its name that exports what the subpath does.
 */
function writeApi(): void {
  const entries = join(docs, ".cache/api");
  rmSync(entries, { recursive: true, force: true });
  rmSync(join(docs, "reference/api"), { recursive: true, force: true });
  const library = join(root, "packages/l8nt");
  for (const [name, source] of subpaths(readFileSync(join(library, "package.json"), "utf8"))) {
    const file = join(entries, `${name}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    const from = relative(dirname(file), join(library, source)).replaceAll("\\", "/");
    writeFileSync(file, `export * from "${from}";\n`);
  }
  writeFileSync(
    join(entries, "tsconfig.json"),
    JSON.stringify({ extends: "../../../tsconfig.json", include: ["**/*.ts"], exclude: [] }),
  );
  run(
    join(docs, "node_modules/typedoc/bin/typedoc"),
    ...["--plugin", "typedoc-plugin-markdown", "--router", "module"],
    ...["--tsconfig", join(entries, "tsconfig.json"), "--skipErrorChecking"],
    ...["--excludeNotDocumented", "--excludePrivate", "--excludeInternal", "--excludeExternals"],
    ...["--readme", "none", "--name", "TypeScript API", "--entryFileName", "index"],
    ...["--disableSources", "--hideBreadcrumbs", "--hidePageHeader"],
    ...["--logLevel", "Error", "--out", join(docs, "reference/api")],
    ...["--entryPointStrategy", "expand", entries],
  );
}

/**
 * A page whose block of TypeScript and the block of Python right after it stand in two tabs. In the
 * repository they are two blocks, because hosted Markdown has no tabs.
 */
export const withTabs = (page: string): string =>
  page.replace(
    /^(```ts\n(?:(?!```).*\n)*```)\n\n(```python\n(?:(?!```).*\n)*```)$/gm,
    (_, typescript: string, python: string) =>
      [
        "::: code-group",
        typescript.replace("```ts", "```ts [TypeScript]"),
        python.replace("```python", "```python [Python]"),
        ":::",
      ].join("\n"),
  );

/** The pages of the site, in docs/.cache/site/ under the paths that they have in the repository. */
function gatherPages(): void {
  const site = join(docs, ".cache/site");
  rmSync(site, { recursive: true, force: true });
  const pages = globSync(["*.md", "spec/**/*.md", "docs/**/*.md"], {
    cwd: root,
    exclude: ["README.md", "docs/node_modules", "docs/.cache", "docs/dist"],
  });
  for (const page of pages) {
    const file = join(site, page);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, withTabs(readFileSync(join(root, page), "utf8")));
  }
}

if (import.meta.main) {
  run(join(root, "scripts/reference.ts"), ...process.argv.slice(2));
  need("docs");
  writeApi();
  run(join(root, "scripts/text.ts"), "--links");
  gatherPages();
  run(join(docs, "node_modules/vitepress/bin/vitepress.js"), "build", ".");
  console.log("docs: the site is in docs/dist");
}
