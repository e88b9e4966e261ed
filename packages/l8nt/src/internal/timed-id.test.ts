/** Ids that begin with the time. */
import { expect, test } from "vitest";
import { timedId } from "./timed-id.ts";

test("an id has 32 hex digits, begins with its millisecond, and is never made twice", () => {
  // 1,700,000,000,123 ms.
  const ids = Array.from({ length: 1000 }, () => timedId(1_700_000_000.1234));
  for (const id of ids) expect(id).toMatch(/^018bcfe5687b[0-9a-f]{20}$/);
  expect(new Set(ids).size).toBe(1000);
});

test("ids sort by time, from the first second of the clock on", () => {
  const times = [0, 1, 1_000_000_000, 1_700_000_000, 1_700_000_000.002, 2_000_000_000];
  const ids = times.map(timedId);
  expect([...ids].sort()).toEqual(ids);
  for (const id of ids) expect(id).toHaveLength(32);
});
