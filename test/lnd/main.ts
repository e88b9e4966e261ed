/**
 * `npm run test:lnd`: everything that is tried with real lnd nodes. Builds lnd and btcd with Go the
 * first time, and says so where there is no Go. Ends with one line, `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { missingGo } from "./support/build.ts";

const root = resolve(import.meta.dirname, "../..");

const missing = missingGo();
if (missing !== undefined) {
  console.log(`
*** NOT RUN: the tests with real lnd nodes. ${missing}. ***
*** Nothing that this repository says of lnd was shown here. ***

0 passed, 0 failed`);
  process.exit(0);
}

const output = join(root, ".cache/test", `lnd-${process.pid}`);
mkdirSync(output, { recursive: true });
const report = join(output, "report.json");
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const { status } = spawnSync(
  process.execPath,
  [
    vitest,
    "run",
    "--config",
    join(import.meta.dirname, "vitest.config.ts"),
    "--allowOnly=false",
    "--reporter=verbose",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
let counted = { numPassedTests: 0, numFailedTests: 0 };
try {
  counted = JSON.parse(readFileSync(report, "utf8"));
} catch {
  console.error("vitest wrote no report");
}
rmSync(output, { recursive: true, force: true });
// A file that does not load has no test that could fail.
const failed = Math.max(counted.numFailedTests, status === 0 ? 0 : 1);
process.exitCode = failed === 0 ? 0 : 1;
console.log(`\n${counted.numPassedTests} passed, ${failed} failed`);
