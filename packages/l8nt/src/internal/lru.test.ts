import { expect, test } from "vitest";
import { Lru } from "./lru.ts";

test("the least recently used entry is forgotten first, and never more than the capacity is kept", () => {
  const lru = new Lru<string, number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  expect(lru.get("a")).toBe(1);
  lru.set("c", 3);
  expect([lru.get("a"), lru.get("b"), lru.get("c")]).toEqual([1, undefined, 3]);
  expect(lru.size).toBe(2);
});

test("setting an entry again renews it", () => {
  const lru = new Lru<string, number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  lru.set("a", 3);
  lru.set("c", 4);
  expect([lru.get("a"), lru.get("b"), lru.get("c")]).toEqual([3, undefined, 4]);
});

test("a capacity of 0 keeps nothing", () => {
  const lru = new Lru<string, number>(0);
  lru.set("a", 1);
  expect(lru.get("a")).toBeUndefined();
  expect(lru.size).toBe(0);
});

test("deleted and cleared entries are gone", () => {
  const lru = new Lru<string, number>(3);
  lru.set("a", 1);
  lru.set("b", 2);
  lru.delete("a");
  expect([lru.get("a"), lru.get("b")]).toEqual([undefined, 2]);
  lru.clear();
  expect([lru.size, lru.get("b")]).toEqual([0, undefined]);
});
