/** Rows of a list: whole in a file, and as wide as a terminal. */
import { expect, test } from "vitest";
import { row, sentenceRow } from "./rows.ts";

const HASH = "ab".repeat(32);
const PAYMENT = [
  "2030-01-01 00:00:00 UTC",
  "undelivered",
  "      1.001 sat",
  "GET https://api.weather.example/forecast?city=tokyo",
  "boss > scout",
  HASH,
];

test("a file gets a row as one line", () => {
  expect(row(PAYMENT, undefined)).toBe(PAYMENT.join("  "));
  expect(sentenceRow("12  now", `payment ${HASH} is used`, undefined)).toBe(
    `12  now  payment ${HASH} is used`,
  );
});

test.each([40, 80, 200])("a terminal of %d columns gets no longer line", (columns) => {
  for (const text of [row(PAYMENT, columns), sentenceRow("12  now", `payment ${HASH}`, columns)])
    expect(text.split("\n").filter((line) => line.length > columns)).toEqual([]);
});

test("a part moves to the next line whole, and is cut only if a line is too short for it", () => {
  expect(row(PAYMENT, 80).split("\n")).toEqual([
    "2030-01-01 00:00:00 UTC  undelivered        1.001 sat",
    "  GET https://api.weather.example/forecast?city=tokyo  boss > scout",
    `  ${HASH}`,
  ]);
  expect(row(["GET https://api.example/abc"], 12)).toBe("GET https:/…");
});

test("a sentence is broken between words, and its start stays together", () => {
  expect(sentenceRow("12  2030-01-01 00:00:00 UTC", `payment ${HASH} is used`, 80)).toBe(
    `12  2030-01-01 00:00:00 UTC  payment\n  ${HASH} is used`,
  );
});
