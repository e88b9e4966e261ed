/**
 * Builds both packages to `dist`: ESM and declarations. The library first, because the program is
 * checked against it. The adapters are checked against the frameworks, which are installed if they
 * have to be.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { need } from "./folders.ts";

const root = resolve(import.meta.dirname, "..");
need("frameworks");

for (const name of ["l8nt", "sigil"]) {
  const folder = join(root, "packages", name);
  const dist = join(folder, "dist");
  // A file that lost its source must not stay in the package.
  rmSync(dist, { recursive: true, force: true });
  const tsc = spawnSync("tsc", ["-p", join(folder, "tsconfig.build.json")], {
    stdio: "inherit",
    cwd: root,
  });
  if (tsc.error !== undefined) throw tsc.error;
  if (tsc.status !== 0) {
    console.error(`build: ${name} does not compile`);
    process.exit(1);
  }
  console.log(`build: ${name}, ${rewriteDeclarations(dist)} declaration files`);
}

/** tsc rewrites `./x.ts` to `./x.js` in the JavaScript, but leaves it in the declarations. */
function rewriteDeclarations(dist: string): number {
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".d.ts"),
  );
  for (const file of files) {
    const path = join(dist, file);
    const text = readFileSync(path, "utf8");
    const rewritten = text.replace(
      /(\bfrom\s*|\bimport\(\s*|^import\s+)(["'])(\.\.?\/[^"']+)\.ts\2/gm,
      "$1$2$3.js$2",
    );
    if (rewritten !== text) writeFileSync(path, rewritten);
  }
  return files.length;
}
