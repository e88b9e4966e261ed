/** How long a revocation is remembered. [case 111] */
import { describe, expect, test } from "vitest";
import { type ProvenNode, RevocationList } from "./revocations.ts";

const START = 2_000_000_000;

/** Time passes as the clock shows it. */
const listOf = (clock: () => number) => new RevocationList({ clock }, clock);

const id = (at: number) => at.toString(16).padStart(32, "0");

/** A list whose clock the test sets. */
function listAt(start: number) {
  let now = start;
  const list = listOf(() => now);
  return Object.assign(list, {
    at: (seconds: number) => {
      now = seconds;
    },
  });
}

describe("a revocation is remembered", () => {
  test("until the end of what is below the node, that second included; without an end for good", () => {
    const list = listAt(0);
    list.revoke(id(1), 99);
    list.revoke(id(2), 100);
    list.revoke(id(3));
    list.at(100);
    for (let at = 10; at < 3000; at++) list.revoke(id(at), 100);
    expect([list.has(id(1)), list.has(id(2)), list.has(id(3))]).toEqual([false, true, true]);
    expect(list.size).toBe(2 + 2990);
  });

  test("until the later of two ends, in either order", () => {
    for (const ends of [
      [50, 200],
      [200, 50],
      [Number.POSITIVE_INFINITY, 50],
      [50, Number.POSITIVE_INFINITY],
    ]) {
      const list = listAt(0);
      for (const end of ends) list.revoke(id(1), end);
      list.at(150);
      for (let at = 10; at < 3000; at++) list.revoke(id(at), 150);
      expect(list.has(id(1))).toBe(true);
    }
  });

  test("and ended ones are removed in steps of 1,024, so memory is bounded by what can be valid", () => {
    const list = listAt(0);
    for (let now = 0; now < 100_000; now++) {
      list.at(now);
      list.revoke(id(now), now + 10);
    }
    expect(list.size).toBeLessThanOrEqual(1024 + 11);
  });
});

test("a clock that was set back to before a forgotten end denies [case 109]", () => {
  const list = listAt(0);
  list.revoke(id(1), 99);
  expect(list.certainFrom).toBe(Number.NEGATIVE_INFINITY);
  list.at(500);
  for (let at = 10; at < 3000; at++) list.revoke(id(at), 1000);
  expect(list.certainFrom).toBe(99);
});

test.each([
  ["a minute", 60, true],
  ["a week, in which time has passed", 7 * 86_400, false],
])(
  "a clock that is a month ahead for %s: everything is judged after it was set right: %s",
  (_for, elapsed, isKnown) => {
    let [now, passed] = [START, 0];
    const list = new RevocationList({ clock: () => now }, () => passed);
    list.revoke(id(1), START + 86_400);
    now += 31 * 86_400;
    passed += elapsed;
    for (let at = 10; at < 3000; at++) list.revoke(id(at), now + 60);
    now = START + 120;
    const nodes = () => [{ id: id(9) }] as unknown as ProvenNode[];
    expect(list.refusalOf(nodes, now) === undefined).toBe(isKnown);
    // What would be denied is not sold.
    expect(list.standstill(now) === undefined).toBe(isKnown);
    expect(list.has(id(1))).toBe(isKnown);
  },
);

test("a text that is not a node id is refused, and nothing is remembered", () => {
  const list = listAt(0);
  for (const text of ["", "ab", id(0xab).toUpperCase(), `${id(1)}0`, "agent"])
    expect(() => list.revoke(text)).toThrow(TypeError);
  expect(list.size).toBe(0);
});
