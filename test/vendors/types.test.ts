import { expect, test } from "vitest";
import { typeFaults } from "../../scripts/types.ts";

test("the tests in this folder fit the types of the vendors' SDKs as installed", () => {
  expect(typeFaults("vendors")).toBe("");
});
