/**
 * The sliding window: never more than the limit within any span of its length, wherever the span
 * begins.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { addToWindow, isAhead, type Slots, windowTotal } from "./window.ts";

const START = 1_900_000_000;
const WINDOWS = [60, 3600, 86_400, 2_592_000];

/** Moments in whole milliseconds, as a clock gives them. */
const moment = (windowSeconds: number) =>
  fc.integer({ min: 0, max: windowSeconds * 3000 }).map((ms) => START + ms / 1000);

const history = fc.constantFrom(...WINDOWS).chain((windowSeconds) =>
  fc.record({
    windowSeconds: fc.constant(windowSeconds),
    spends: fc.array(fc.tuple(moment(windowSeconds), fc.bigInt({ min: 1n, max: 50n })), {
      maxLength: 40,
    }),
    at: moment(windowSeconds),
  }),
);

const recorded = (spends: readonly (readonly [number, bigint])[], windowSeconds: number): Slots =>
  spends.reduce<Slots>((slots, [at, amount]) => addToWindow(slots, windowSeconds, at, amount), []);

const sum = (spends: readonly (readonly [number, bigint])[]) =>
  spends.reduce((total, [, amount]) => total + amount, 0n);

test("counts all of the last window, and at most one slot in sixty more", () => {
  fc.assert(
    fc.property(history, ({ windowSeconds, spends, at: asked }) => {
      const inOrder = [...spends].sort(([a], [b]) => a - b);
      const at = Math.max(asked, inOrder.at(-1)?.[0] ?? 0);
      const total = windowTotal(recorded(inOrder, windowSeconds), windowSeconds, at);
      const since = (edge: number) => sum(inOrder.filter(([spentAt]) => spentAt > edge));
      expect(total >= since(at - windowSeconds)).toBe(true);
      expect(total <= since(at - windowSeconds * (1 + 1 / 60) - 1e-6)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("a spender who takes all that he may never has more than the limit in any span [case 49]", () => {
  fc.assert(
    fc.property(history, fc.bigInt({ min: 1n, max: 100n }), ({ windowSeconds, spends }, max) => {
      let slots: Slots = [];
      const taken: [number, bigint][] = [];
      for (const [at, amount] of [...spends].sort(([a], [b]) => a - b)) {
        if (windowTotal(slots, windowSeconds, at) + amount > max) continue;
        slots = addToWindow(slots, windowSeconds, at, amount);
        taken.push([at, amount]);
      }
      for (const [end] of taken)
        expect(sum(taken.filter(([at]) => at <= end && at > end - windowSeconds)) <= max).toBe(
          true,
        );
    }),
    { numRuns: 500 },
  );
});

test("a clock that goes back frees nothing [case 109]", () => {
  fc.assert(
    fc.property(
      history,
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      ({ windowSeconds, spends, at }, back) => {
        const slots = recorded(spends, windowSeconds);
        expect(
          windowTotal(slots, windowSeconds, at - back) >= windowTotal(slots, windowSeconds, at),
        ).toBe(true);
      },
    ),
  );
});

test("a window is of nobody knows what after a clock that was more than ten minutes ahead [case 109]", () => {
  const hour = 3600;
  const spent = addToWindow([], hour, START, 5n);
  for (const ahead of [-hour, 0, 60, 599]) expect(isAhead(spent, hour, START - ahead)).toBe(false);
  for (const ahead of [721, hour, 172_800]) expect(isAhead(spent, hour, START - ahead)).toBe(true);
  // The few that were spent while it was ahead have dropped those before.
  const dropped = addToWindow(spent, hour, START + 172_800, 1n);
  expect(windowTotal(dropped, hour, START + 60)).toBe(1n);
  expect(isAhead(dropped, hour, START + 60)).toBe(true);
});

test.each(WINDOWS)(
  "the edges of %i s: at the length it may be free, a millisecond before it is not",
  (seconds) => {
    const slots = addToWindow([], seconds, START, 5n);
    for (const after of [0, 0.001, seconds / 2, seconds - 1, seconds - 0.001])
      expect(windowTotal(slots, seconds, START + after)).toBe(5n);
    expect(windowTotal(slots, seconds, START + seconds + seconds / 60)).toBe(0n);
  },
);

test("keeps one slot in sixty and no more, so that a row stays small [case 117]", () => {
  let slots: Slots = [];
  for (let second = 0; second < 20_000; second++) {
    slots = addToWindow(slots, 3600, START + second, 1n);
    expect(slots.length).toBeLessThanOrEqual(61);
  }
});

test("writes to nothing that it was given", () => {
  const slots = Object.freeze([Object.freeze([Math.floor(START / 60), 1n] as const)]);
  expect(addToWindow(slots, 3600, START, 1n)).toEqual([[Math.floor(START / 60), 2n]]);
  expect(slots[0]![1]).toBe(1n);
});
