/**
 * `npm run test:frameworks`: the adapters whose frameworks are too heavy to be installed with
 * everything else. Installs them here the first time, and says so where that is not possible. Ends
 * with one line, `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const here = import.meta.dirname;
const root = resolve(here, "../..");

/** What `npm ci` was done for; written once it has ended well. */
const mark = join(here, "node_modules/.installed-for");
const lock = createHash("sha256")
  .update(readFileSync(join(here, "package-lock.json")))
  .digest("hex");

function installedFor(): string | undefined {
  try {
    return readFileSync(mark, "utf8");
  } catch {
    return undefined;
  }
}

/** Exit status 0 or not; its output is the reader's. */
const run = (command: string, args: readonly string[], cwd: string): boolean =>
  spawnSync(command, args, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32" && command === "npm",
  }).status === 0;

function install(): boolean {
  if (installedFor() === lock) return true;
  console.log("installing the frameworks (some hundreds of MB, once)");
  if (!run("npm", ["ci", "--ignore-scripts"], here)) return false;
  writeFileSync(mark, lock);
  return true;
}

if (!install()) {
  console.log(`
*** NOT RUN: the adapters of the Claude Agent SDK, Genkit and Google ADK. npm ci failed in test/frameworks. ***
*** Nothing that this repository says of them was shown here. ***

0 passed, 0 failed`);
  process.exit(0);
}

const bin = (path: string): string => join(root, "node_modules", path);
const typed = run(process.execPath, [bin("typescript/bin/tsc"), "--noEmit", "-p", here], root);
if (!typed) console.error("the adapters' own types no longer fit the frameworks' (tsc above)");

const output = join(root, ".cache/test", `frameworks-${process.pid}`);
mkdirSync(output, { recursive: true });
const report = join(output, "report.json");
const ran = run(
  process.execPath,
  [
    bin("vitest/vitest.mjs"),
    "run",
    "--config",
    join(here, "vitest.config.ts"),
    "--allowOnly=false",
    "--reporter=verbose",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  root,
);
let counted = { numPassedTests: 0, numFailedTests: 0 };
try {
  counted = JSON.parse(readFileSync(report, "utf8"));
} catch {
  console.error("vitest wrote no report");
}
rmSync(output, { recursive: true, force: true });
// A file that does not load has no test that could fail.
const failed = Math.max(counted.numFailedTests, ran ? 0 : 1) + (typed ? 0 : 1);
process.exitCode = failed === 0 ? 0 : 1;
console.log(`\n${counted.numPassedTests + (typed ? 1 : 0)} passed, ${failed} failed`);
