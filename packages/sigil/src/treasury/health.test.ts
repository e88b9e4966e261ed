/** What `sigil treasury health` shows. */
import { expect, test } from "vitest";
import { healthText } from "./health.ts";

const FINE = {
  spending: true,
  openPayments: 0,
  stuckPayments: 0,
  unexplainedPayments: 0,
  pendingRecalls: 0,
  previousSecretsNeeded: false,
};

test("a treasury that is well has a line for each number, and no hint", () => {
  expect(healthText(FINE, "")).toBe(`\
spending                             yes
open payments                        0
unexplained payments                 0
services to be told of a revocation  0
previous secrets                     not needed for purchases
`);
});

test("each number that is not zero says what to do, within 80 columns", () => {
  const text = healthText(
    {
      spending: false,
      reason:
        "this machine's clock says 2030-01-01 00:00:00 UTC and is behind the time of its books, 2030-01-01 03:00:00 UTC",
      openPayments: 3,
      stuckPayments: 2,
      unexplainedPayments: 1,
      pendingRecalls: 4,
      previousSecretsNeeded: true,
    },
    " --dir ~/treasury",
  );
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  for (const part of [
    "spending                             no",
    "3, 2 of them for more than an hour",
    "sigil payments --status open --dir ~/treasury",
    "sigil treasury unexplained --dir ~/treasury",
    "needed: keep them for now",
  ])
    expect(text).toContain(part);
  expect(text.replaceAll(/\s+/g, " ")).toContain(
    "this machine's clock says 2030-01-01 00:00:00 UTC and is behind the time",
  );
});
