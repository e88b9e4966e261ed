/** The examples of APIs that sell run as they are, each to its end. */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const EXAMPLES = resolve(import.meta.dirname, "../../examples");

test.each([
  ["openai-style-api.ts", "sold: 100000 msat at POST /v1/chat/completions"],
  ["stripe-style-api.ts", "GET /v1/customers/*: 1 sale, 50000 msat"],
])("examples/%s", { timeout: 60_000 }, async (name, said) => {
  const args = ["--conditions=l8nt-source", "--no-warnings", resolve(EXAMPLES, name)];
  const { stdout, stderr } = await run(process.execPath, args);
  expect(stderr).toBe("");
  expect(stdout).toContain(said);
});
