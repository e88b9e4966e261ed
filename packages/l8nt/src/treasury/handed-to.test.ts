/** What is remembered of hand-overs. spec/4-purchase.md §5. */
import { expect, test } from "vitest";
import { HandedTo } from "./handed-to.ts";

const HASH = "ab".repeat(32);

test("one pass that is handed to 10,000 orders takes no more memory than one handed to two", () => {
  const handed = new HandedTo();
  for (let order = 0; order < 10_000; order++) handed.note(HASH, `node ${order}`);
  expect(handed.orders(HASH)).toHaveLength(2);
  expect(handed.isAgain(HASH)).toBe(false);
});

test("a purchase tells of another order, and of the same one once more", () => {
  const handed = new HandedTo();
  expect(handed.orders(HASH)).toEqual([]);
  handed.note(HASH, "one");
  expect(handed.orders(HASH)).toEqual(["one"]);
  expect(handed.isAgain(HASH)).toBe(false);
  handed.note(HASH, "one");
  expect(handed.isAgain(HASH)).toBe(true);
  expect(handed.orders(HASH)).toEqual(["one"]);
  handed.note(HASH, "two");
  for (const order of ["one", "two", "three"])
    expect(handed.orders(HASH).some((other) => other !== order)).toBe(true);
  expect(handed.orders("cd".repeat(32))).toEqual([]);
});
