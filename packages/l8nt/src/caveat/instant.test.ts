/** Instants in words. The texts are ISO 8601's, which has four digits for a year. */
import { expect, test } from "vitest";
import { formatInstant } from "./instant.ts";
import { formatUnixSeconds } from "./integer.ts";

test.each([
  [0, "1970-01-01 00:00:00 UTC", "1970-01-01T00:00:00Z"],
  [1_800_000_000.9, "2027-01-15 08:00:00 UTC", "2027-01-15T08:00:00Z"],
  [253_402_300_799, "9999-12-31 23:59:59 UTC", "9999-12-31T23:59:59Z"],
  [253_402_300_800, "the end of time (253402300800)", "253402300800 (Unix seconds)"],
  [8_640_000_000_000, "the end of time (8640000000000)", "8640000000000 (Unix seconds)"],
  [
    Number.MAX_SAFE_INTEGER,
    "the end of time (9007199254740991)",
    "9007199254740991 (Unix seconds)",
  ],
  [Number.NaN, "the end of time (NaN)", "NaN (Unix seconds)"],
])("%d is written whole, or as a number after the year 9999", (seconds, instant, short) => {
  expect(formatInstant(seconds)).toBe(instant);
  expect(formatUnixSeconds(seconds)).toBe(short);
});
