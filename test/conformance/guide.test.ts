/** The example of docs/reference/conformance.md, as its reader runs it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { missingPython } from "../../scripts/toolchains/python.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/reference/conformance.md"), "utf8");
const block = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page)![1]!;
const missing = missingPython();
if (missing !== undefined)
  console.log(`*** NOT RUN: the example of the conformance guide; ${missing} ***`);

function run(adapter: string) {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "adapter.py"), adapter);
  const [, ...args] = block("sh").trim().split(" ").slice(1);
  const main = join(root, "conformance/src/main.js");
  const { stdout, status } = spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { stdout, status, report: readFileSync(join(folder, "report.html"), "utf8") };
}

it.skipIf(missing !== undefined)("the adapter of the guide does what the guide says", () => {
  const { stdout, status, report } = run(block("python"));
  const shown = stdout.replace(/\d+ (not supported|of another form)/g, "… $1");
  expect(shown).toBe(block("text"));
  expect(status).toBe(0);
  expect(report).toContain("mine 1");
});

it.skipIf(missing !== undefined)("the mistake that the guide proposes is found", () => {
  const [, from = "", to = ""] = /Change `(.*?)` to `(.*?)`/.exec(page)!;
  const adapter = block("python");
  expect(adapter).toContain(from);
  const { stdout, status } = run(adapter.replace(from, to));
  expect(stdout).toMatch(/1 failed/);
  expect(status).toBe(1);
});

it.skipIf(missing !== undefined)("an adapter that supports nothing does not exit with 0", () => {
  const { stdout, status } = run(block("python").replace('"features": ["core"]', '"features": []'));
  expect(stdout).toContain(" 0 passed");
  expect(status).toBe(1);
});
