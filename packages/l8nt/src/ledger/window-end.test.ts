/** When a window is whole again: just before it something counts, and from then on nothing. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { addToWindow, type Slots, windowEnd, windowTotal } from "./window.ts";

const START = 1_900_000_000;

test("a window counts something until its end and nothing from then on", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(60, 3600, 86_400, 2_592_000),
      fc.array(fc.tuple(fc.nat(1_000_000), fc.bigInt({ min: 1n, max: 50n })), { minLength: 1 }),
      (windowSeconds, spends) => {
        let slots: Slots = [];
        let at = START;
        for (const [ms, amount] of spends) {
          at += ms / 1000;
          slots = addToWindow(slots, windowSeconds, at, amount);
        }
        const end = windowEnd(slots, windowSeconds, at)!;
        expect(end).toBeGreaterThan(at + windowSeconds);
        expect(end).toBeLessThanOrEqual(at + windowSeconds * (1 + 1 / 60) + 1e-3);
        expect(windowTotal(slots, windowSeconds, end - 0.001)).toBeGreaterThan(0n);
        expect(windowTotal(slots, windowSeconds, end)).toBe(0n);
        expect(windowEnd(slots, windowSeconds, end)).toBeUndefined();
      },
    ),
  );
});

test("an empty window has no end", () => {
  expect(windowEnd([], 60, START)).toBeUndefined();
});
