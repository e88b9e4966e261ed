/** The fuzzer itself: the same seed is the same run, and a short one finds no fault. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

async function fuzz(
  seed: number,
): Promise<{ results: { target: string; executions: number; outcomes: unknown }[] }> {
  const args = ["--conditions=l8nt-source", join(import.meta.dirname, "main.ts"), "--json"];
  // The count ends the run, not the clock.
  const limits = ["--seed", `${seed}`, "--executions", "1500", "--seconds", "100"];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, ...limits]);
  return JSON.parse(stdout);
}

test("the same seed is the same run, another seed another, and 1,500 inputs a parser find no fault [case 1]", async () => {
  const outcomes = ({ results }: Awaited<ReturnType<typeof fuzz>>) =>
    results.map(({ target, executions, outcomes: classes }) => ({ target, executions, classes }));
  const [first, again, other] = [
    outcomes(await fuzz(7)),
    outcomes(await fuzz(7)),
    outcomes(await fuzz(8)),
  ];
  expect(first.map(({ target, executions }) => [target, executions])).toEqual(
    [
      "credential",
      "public-key",
      "macaroon-field",
      "challenge",
      "invoice",
      "endpoint",
      "holder",
    ].map((target) => [target, 1500]),
  );
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});
