/** Until when a top-up is, as its owner writes it. */
import { expect, test } from "vitest";
import { instantOf } from "./command.ts";

const NOW = 1_900_000_000;

test.each([
  ["a day", "2027-02-28", Date.UTC(2027, 1, 28) / 1000],
  ["a leap day", "2028-02-29", Date.UTC(2028, 1, 29) / 1000],
  ["a time with a zone", "2026-11-30T23:30+01:00", Date.UTC(2026, 10, 30, 22, 30) / 1000],
  ["a time from now on", "12h", NOW + 43_200],
])("%s is read", (_what, text, expected) => {
  expect(instantOf(text, NOW)).toBe(expected);
});

test.each([
  ...["2027-02-30", "2026-11-31", "2027-02-29T10:00Z", "2026-13-01", "2026-00-10"],
  ...["2026-11-30T18:00", "tomorrow", undefined],
])("%s is no time", (text) => {
  expect(() => instantOf(text, NOW)).toThrow(/--until/);
});
