/** The snippets of docs/guides/testing.md, run unchanged by Node's own test runner. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { childEnv } from "./support/child-env.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/guides/testing.md"), "utf8");
const snippets = [...page.matchAll(/<!-- run: (\w+) -->\n```ts\n([\s\S]*?)```/g)];

test("every snippet of the page passes as a test file", { timeout: 60_000 }, async () => {
  expect(page.match(/```ts/g)).toHaveLength(snippets.length);
  const folder = mkdtempSync(join(import.meta.dirname, "snippet-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = snippets.map(([, name = "", text = ""]) => {
    const file = join(folder, `${name}.test.ts`);
    writeFileSync(file, text);
    return file;
  });
  const node = ["--conditions=l8nt-source", "--no-warnings", "--test", "--test-reporter=tap"];
  const { stdout } = await promisify(execFile)(process.execPath, [...node, ...files], {
    env: childEnv(),
  });
  expect(stdout).toMatch(/^# pass 3$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
});
