/** What a map of recent entries keeps. */
import { expect, test } from "vitest";
import { Recent } from "./recent.ts";

test("the last entries are kept, and at most twice as many", () => {
  const recent = new Recent<number, string>(3);
  for (let key = 0; key < 100; key++) {
    recent.set(key, `${key}`);
    const kept = Array.from({ length: key + 1 }, (_, at) => at).filter((at) => recent.get(at));
    expect(kept.length).toBeLessThanOrEqual(6);
    expect(kept.slice(-3)).toEqual([key - 2, key - 1, key].filter((at) => at >= 0));
  }
});

test("an entry that is set again has its last value, whether the first is old or not", () => {
  const recent = new Recent<string, number>(2);
  recent.set("a", 1);
  recent.set("b", 1);
  recent.set("a", 2);
  expect([recent.get("a"), recent.get("b"), recent.get("c")]).toEqual([2, 1, undefined]);
});
