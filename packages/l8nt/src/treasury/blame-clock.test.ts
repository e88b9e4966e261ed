/** What is held against an origin, by a clock that was ahead. spec/4-purchase.md §8. [case 109] */
import { expect, test } from "vitest";
import type { Verified } from "../l402/index.ts";
import { Blame } from "./blame.ts";

const START = 2_000_000_000;
const MONTH = 30 * 86_400;
const ORIGIN = "https://api.example";

const below = (...ids: string[]) => ({ nodes: ids.map((id) => ({ id })) }) as unknown as Verified;

test.each([
  ["10 minutes, as far as a clock may be apart from itself", 600, 1200],
  ["more", 601, 600],
  ["a month", MONTH, 600],
])(
  "a doubt of a clock that was ahead by %s holds for its length again once it is right",
  (_by, ahead, until) => {
    const blame = new Blame();
    const doubted = { isFirstHand: true, seconds: 600 };
    expect(blame.doubt(ORIGIN, below("root", "a"), START + ahead, doubted).seconds).toBe(600);
    const isDoubted = (now: number) => blame.isDoubted(ORIGIN, ["root", "a"], now);
    expect([isDoubted(START), isDoubted(START + until - 1)]).toEqual([true, true]);
    expect(isDoubted(START + until)).toBe(false);
    // The next one is still the second of the day, and no later than that.
    expect(blame.doubt(ORIGIN, below("root", "a"), START + until, doubted).count).toBe(2);
  },
);

test.each([
  [3000, "*"],
  [3601, "b"],
])("a proof of a clock that was ahead counts %d s after it was set right for %s", (seconds, to) => {
  const blame = new Blame();
  const ahead = START + MONTH;
  expect(blame.prove(ORIGIN, below("root", "a"), ahead, ahead + 3600)).toBe("a");
  expect(blame.prove(ORIGIN, below("root", "a"), START, START + 3600)).toBe("a");
  expect(blame.prove(ORIGIN, below("root", "b"), START + seconds, START + MONTH)).toBe(to);
});
