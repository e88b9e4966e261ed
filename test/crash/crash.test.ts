/**
 * [cases 56, 63, 72, 82, 89, 106] A treasury that is killed at any moment loses nothing that it
 * acknowledged, and pays nothing twice.
 */
import { expect, test } from "vitest";
import { crash } from "./crash.ts";

test("100 kills, at named points and at random times, lose nothing that was acknowledged", async () => {
  const report = await crash({ kills: 100, seed: 7 });
  expect(report.wrong).toEqual([]);
  expect(report.starts).toBeGreaterThanOrEqual(100);
  expect(report.purchases).toBeGreaterThan(100);
}, 900_000);
