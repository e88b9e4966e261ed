import { beforeAll, expect, test } from "vitest";
import { bundle, runOn, runtimeNames } from "./runtimes.ts";

let onThisNode: readonly string[];

beforeAll(async () => {
  await bundle("smoke");
  onThisNode = (await runOn("Node 24")).passed;
});

test.each(runtimeNames)("%s passes the same checks", async (name) => {
  const { passed, error } = await runOn(name);
  expect(error).toBeUndefined();
  expect(passed).toEqual(onThisNode);
  expect(passed.length).toBeGreaterThan(5);
});
