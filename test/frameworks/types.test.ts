import { expect, test } from "vitest";
import { typeFaults } from "../../scripts/types.ts";

test("the adapters' types fit the types of the frameworks as installed", () => {
  expect(typeFaults("frameworks")).toBe("");
});
