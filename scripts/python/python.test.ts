/** The parts of `npm run test:python` that need no Python. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { mainInterpreter, otherInterpreters } from "./interpreters.ts";
import { countReport } from "./reports.ts";

/** A program that answers as this version of Python would. */
function fakePython(path: string, version: string): string {
  writeFileSync(path, `#!/bin/sh\necho "${version.replace(".", " ")} ${path}"\n`);
  chmodSync(path, 0o755);
  return path;
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "sigil-python-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test.each([
  ["3.10", { minor: 10 }],
  ["3.13", { minor: 13 }],
  ["3.9", expect.stringContaining("Python 3.9, and the package needs 3.10 or newer")],
  ["2.7", "the program in PYTHON does not run, or is no Python 3"],
])("the interpreter in PYTHON is judged by its version: %s", (version, expected) => {
  const path = fakePython(join(folder(), "python"), version);
  const found = mainInterpreter({ PYTHON: path });
  expect(found).toEqual(
    typeof expected === "object" && "minor" in expected ? { path, ...expected } : expected,
  );
});

test("one interpreter of each other version is found below pyenv's folder", () => {
  const root = folder();
  for (const version of ["3.9.1", "3.11.2", "3.12.7", "3.14.0"]) {
    mkdirSync(join(root, "versions", version, "bin"), { recursive: true });
    fakePython(join(root, "versions", version, "bin/python"), version.replace(/\.\d+$/, ""));
  }
  const main = { path: "python3", minor: 11 };
  const found = otherInterpreters(main, { PYENV_ROOT: root, PATH: "" });
  expect(found.map(({ minor }) => minor)).toContain(12);
  for (const { minor } of found) expect([10, 12, 13]).toContain(minor);
});

test.each([
  [
    '<testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="0.1">',
    [4, 3, 3],
  ],
  [
    '<testsuites><testsuite errors="0" failures="0" skipped="0" tests="7"/></testsuites>',
    [7, 0, 0],
  ],
])("the counts of pytest's report are read: %s", (xml, [passed, failed, skipped]) => {
  expect(countReport(xml)).toEqual({ passed, failed, skipped });
});

test("a text that is no report has no counts", () => {
  expect(countReport("")).toBeUndefined();
});

test("without Python the tests say that they did not run, and do not fail", () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [resolve(import.meta.dirname, "test.ts")],
    { env: { PATH: process.env.PATH, PYTHON: join(folder(), "none"), CI: "1" }, encoding: "utf8" },
  );
  expect(stderr).toContain(
    "*** NOT RUN: python: the program in PYTHON does not run, or is no Python 3 ***",
  );
  expect(stdout).toMatch(/^0 passed, 0 failed\n$/m);
  expect(status).toBe(0);
});
