import { expect, test } from "vitest";
import { typeFaults } from "../../scripts/types.ts";

test("the tests in this folder fit the types of the peers as installed", () => {
  expect(typeFaults("peers")).toBe("");
});
