/**
 * `npm run test:interop`: aperture's own code, in Go, against ours, both ways; aperture itself
 * before real lnd nodes; and macaroons of a Rust crate. Ends with one line, `N passed, N failed`.
 * Where there is no Go or no Rust it says so, and nothing has been shown of what needs it.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { missingGo as missingGoOfLnd } from "../lnd/support/build.ts";
import { apertureVersion, build, missingGo } from "./go.ts";
import { buildRust, crateVersion, missingRust } from "./rust.ts";

const root = join(import.meta.dirname, "../..");
/** With lnd to be built. */
const RUN_MS = 30 * 60_000;
const say = (text: string): void => console.log(`interop: ${text}`);

const noGo = missingGo();
const hasGo = noGo === undefined;
if (!hasGo) console.log(`*** NOT RUN: interop with Go; ${noGo} ***`);
// lnd asks for a newer Go than aperture's packages do.
const missingLnd = hasGo ? missingGoOfLnd() : undefined;
if (missingLnd !== undefined)
  console.log(`*** NOT RUN: aperture the program, with lnd behind it; ${missingLnd} ***`);
const noRust = missingRust();
if (noRust !== undefined) console.log(`*** NOT RUN: macaroons of the Rust crate; ${noRust} ***`);
if (!hasGo && noRust !== undefined) {
  console.log("\n0 passed, 0 failed");
  process.exit(0);
}

if (hasGo) say(`aperture ${apertureVersion}`);
const binaries = hasGo ? await build(say) : undefined;
if (noRust === undefined) say(`the crate macaroon ${crateVersion}`);
const rust = noRust === undefined ? await buildRust(say) : undefined;

const projects = ["macaroons"];
if (hasGo) projects.push("library");
if (hasGo && missingLnd === undefined) projects.push("lnd");

const folder = join(root, ".cache/interop", `run-${process.pid}`);
mkdirSync(folder, { recursive: true });
const report = join(folder, "report.json");
const args = [
  join(root, "node_modules/vitest/vitest.mjs"),
  "run",
  "--config=test/interop/vitest.config.ts",
  "--allowOnly=false",
  "--reporter=verbose",
  "--reporter=json",
  `--outputFile.json=${report}`,
  ...projects.map((name) => `--project=${name}`),
  ...process.argv.slice(2),
];
const child = spawn(process.execPath, args, {
  cwd: root,
  env: {
    ...process.env,
    ...(binaries && {
      SIGIL_INTEROP_PEER: binaries.peer,
      SIGIL_INTEROP_APERTURE: binaries.aperture,
    }),
    ...(rust && { SIGIL_INTEROP_RUST: rust }),
  },
  stdio: "inherit",
  timeout: RUN_MS,
});
const status = await new Promise<number>((done, fail) => {
  child.on("error", fail);
  child.on("close", (code) => done(code ?? 1));
});
let counted = { numPassedTests: 0, numFailedTests: 0 };
try {
  counted = JSON.parse(readFileSync(report, "utf8")) as typeof counted;
} catch {
  console.error("interop: vitest wrote no report");
}
rmSync(folder, { recursive: true, force: true });
// A file that does not load has no test that could fail.
const failed = Math.max(counted.numFailedTests, status === 0 ? 0 : 1);
console.log(`\n${counted.numPassedTests} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
