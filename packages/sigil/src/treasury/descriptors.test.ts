/** Connections by the files that a process may open. */
import { expect, test } from "vitest";
import { connectionBounds, openFilesLimit } from "./descriptors.ts";

test.each([
  [undefined, { incoming: 10_000, orders: 10_000 }],
  [1_048_576, { incoming: 10_000, orders: 10_000 }],
  [1024, { incoming: 480, orders: 240 }],
  [256, { incoming: 96, orders: 48 }],
  [64, { incoming: 4, orders: 4 }],
])("of %s descriptors, 64 stay free, and an order needs two", (descriptors, bounds) => {
  expect(connectionBounds(descriptors)).toEqual(bounds);
});

test("the limit of this process is read", () => {
  expect(openFilesLimit() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(64);
});
