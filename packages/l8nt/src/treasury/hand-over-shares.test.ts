/** Whatever a node and those below it are handed, others have room. spec/4-purchase.md §6. */
import { describe, expect, test } from "vitest";
import { HandOverShares } from "./hand-over-shares.ts";

const NOW = 2_000_000_000;
const END = NOW + 960;

/** Shares, with a number for each hand-over. */
function shares() {
  const made = new HandOverShares();
  let number = 0;
  const take = (line: readonly string[], rows = 1, end = END, now = NOW) =>
    made.take(`k${number++}`, line, rows, end, now);
  /** Hands over to new children of `line` until there is no room. @returns how often there was */
  const fill = (line: readonly string[], rows = 1): number => {
    for (let count = 0; ; count++)
      if (!take([...line, `${line.at(-1)} child ${count}`], rows)) return count;
  };
  return { made, take, fill };
}

const lineOf = (length: number): readonly string[] => Array.from({ length }, (_, at) => `n${at}`);

describe("nodes that fill all that they can", () => {
  test.each([2, 3, 5, 8, 20, 40, 61])(
    "at depth %i leave room to each node above, and to its next child",
    (depth) => {
      const { take, fill } = shares();
      const line = lineOf(depth);
      expect(fill(line)).toBeGreaterThan(0);
      // A flooder makes itself new children, each with a flood of its own.
      for (let at = 0; at < 30; at++) fill([...line, `more ${at}`]);
      for (let above = depth - 1; above > 0; above--) {
        expect(take(line.slice(0, above)), `the node at depth ${above}`).toBe(true);
        expect(take([...line.slice(0, above), "an honest sibling"])).toBe(true);
      }
    },
  );

  test("of one tree leave half of all to the others, and a tenth one has room as well", () => {
    const { made, take, fill } = shares();
    fill(["root 0"]);
    expect(made.size).toBeLessThanOrEqual(30_000);
    for (let root = 1; root < 10; root++)
      expect(fill([`root ${root}`, `a ${root}`])).toBeGreaterThan(0);
    expect(made.size).toBeLessThanOrEqual(60_000);
    expect(take(["root 11", "b"])).toBe(true);
  });

  test("far below the node that paid use as much as they have rows", () => {
    const [near, far] = [shares(), shares()];
    const line = lineOf(3);
    expect(far.fill(line, 50) * 50).toBeLessThanOrEqual(near.fill(line));
  });
});

test("a node that paid, and those above it, use nothing", () => {
  const { made, take } = shares();
  for (let at = 0; at < 70_000; at++) expect(take(["root", `n${at}`], 0)).toBe(true);
  expect(made.size).toBe(0);
});

test("a repeated hand-over counts once, and until its later end", () => {
  const made = new HandOverShares();
  const line = ["root", "a"];
  for (let at = 0; at < 20; at++) made.take("one", line, 1, END + 60 * at, NOW);
  expect(made.size).toBe(1);
  made.take("other", line, 1, END + 6000, END + 60 * 18);
  expect(made.size).toBe(2);
  made.take("third", line, 1, END + 6000, END + 60 * 19);
  expect(made.size).toBe(2);
});

test("what has ended makes room, a hundred with each new one [case 118]", () => {
  const { made, take, fill } = shares();
  fill(["root", "a"]);
  const { size } = made;
  expect(take(["root", "a", "b"])).toBe(false);
  expect(take(["root", "a", "b"], 1, END + 960, END)).toBe(true);
  expect(made.size).toBe(size - 100 + 1);
  for (let at = 0; at < size / 100 + 1; at++) take(["root", "a", "b"], 1, END + 960, END + at);
  expect(made.size).toBeLessThan(size / 50);
});

test("what was not written is given back", () => {
  const made = new HandOverShares();
  made.take("one", ["root", "a"], 1, END, NOW);
  made.release("one");
  made.release("one");
  expect(made.size).toBe(0);
});
