/** Each example is a program that asserts its own outcome. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);

test.each(["claude-agent-sdk", "genkit", "google-adk"])("the example for %s runs", async (name) => {
  const example = join(import.meta.dirname, "../../examples", `${name}.ts`);
  const { stdout } = await run(process.execPath, ["--conditions=l8nt-source", example], {
    timeout: 100_000,
  });
  expect(stdout).toContain("scout: 4.98 sat left of 25 sat");
});
