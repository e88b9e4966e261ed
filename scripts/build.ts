/**
 * Builds both packages to `dist`: ESM and declarations. The library first, because the program is
 * checked against it. The adapters are checked against the frameworks if these are installed, as
 * `npm run test:frameworks` does; the build is the same without them.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { install, isInstalled } from "./folders.ts";

const root = resolve(import.meta.dirname, "..");
const ADAPTERS = "src/frameworks/";

/** What tsc reports, without what only the frameworks could tell. */
export const faultsOf = (report: string, hasFrameworks: boolean): readonly string[] =>
  report
    .split(/\n(?! )/)
    .filter((fault) => fault.trim() !== "")
    .filter((fault) => hasFrameworks || !fault.startsWith(`packages/l8nt/${ADAPTERS}`));

/**
 * Types of adapters that tsc would have to ask a framework for, and so takes for `any`: the build
 * would depend on what is installed.
 */
function guessedTypes(folder: string): readonly string[] {
  const built = join(folder, "dist/frameworks");
  return readdirSync(built)
    .filter((file) => file.endsWith(".d.ts"))
    .filter((file) => {
      const source = join(folder, ADAPTERS, file.replace(/\.d\.ts$/, ".ts"));
      return hasGuess(readFileSync(source, "utf8"), readFileSync(join(built, file), "utf8"));
    })
    .map((file) => `${ADAPTERS}${file.replace(".d", "")}: an export has no type of its own`);
}

/** Whether a declaration says `any` where its source does not. */
export const hasGuess = (source: string, declaration: string): boolean =>
  anysIn(declaration) > anysIn(source);

const anysIn = (text: string): number =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "").match(/\bany\b/g)?.length ?? 0;

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

if (import.meta.main) {
  const hasFrameworks = isInstalled("frameworks");
  // An install in the root removes the links to them.
  if (hasFrameworks) install("frameworks");
  for (const name of ["l8nt", "sigil"]) {
    const folder = join(root, "packages", name);
    const dist = join(folder, "dist");
    // A file that lost its source must not stay in the package.
    rmSync(dist, { recursive: true, force: true });
    const tsc = spawnSync("tsc", ["-p", join(folder, "tsconfig.build.json"), "--pretty", "false"], {
      encoding: "utf8",
      cwd: root,
    });
    if (tsc.error !== undefined) throw tsc.error;
    const faults = [
      ...faultsOf(tsc.stdout, hasFrameworks),
      ...(name === "l8nt" ? guessedTypes(folder) : []),
    ];
    if (faults.length > 0 || (tsc.status !== 0 && tsc.stdout === "")) {
      console.error([...faults, tsc.stderr, `build: ${name} does not compile`].join("\n"));
      process.exit(1);
    }
    console.log(`build: ${name}, ${rewriteDeclarations(dist)} declaration files`);
  }
}
