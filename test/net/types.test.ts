import { expect, test } from "vitest";
import { typeFaults } from "../../scripts/types.ts";

test("the tests in this folder fit the types of what it installs", () => {
  expect(typeFaults("net")).toBe("");
});
