/** What a clock says that may be ahead, or behind, and what has certainly passed. [case 109] */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PassedTime } from "./passed-time.ts";

const NOW = 1_900_000_000;
const DAY = 86_400;

/** A clock, and the time that passes by it. */
function world(start = NOW) {
  let [wall, elapsed] = [start, 0];
  const passed = new PassedTime(() => elapsed);
  passed.begin(wall);
  return {
    passed,
    jump: (seconds: number) => {
      wall += seconds;
    },
    /** Reads once an hour, and says how far it is behind the clock. */
    pass: (seconds: number) => {
      for (let left = seconds; left > 0; left -= 3600) {
        wall += Math.min(3600, left);
        elapsed += Math.min(3600, left);
        passed.at(wall);
      }
      return wall - passed.at(wall);
    },
    at: () => passed.at(wall),
  };
}

describe("a clock that was behind at the start", () => {
  test.each([1, 700, 20_000])("by %i days is believed after a week", (days) => {
    const { pass, jump } = world();
    pass(60);
    jump(days * DAY);
    expect(pass(6 * DAY)).toBe(Math.max(0, days * DAY - 3 * 6 * DAY));
    // From its first read after that on.
    expect(pass(DAY + 3600)).toBe(0);
    expect(pass(3600)).toBe(0);
  });

  test("is believed at once as far as the books had come", () => {
    const { passed, at, jump } = world(NOW - 700 * DAY);
    passed.atLeast(NOW - DAY);
    expect(at()).toBe(NOW - 700 * DAY);
    jump(700 * DAY);
    expect(at()).toBe(NOW - DAY);
  });
});

describe("a clock that is set ahead", () => {
  test("counts four times what passes, for days", () => {
    const { pass, jump, at } = world();
    jump(40 * DAY);
    expect(at()).toBe(NOW);
    expect(pass(DAY)).toBe(37 * DAY);
    jump(-40 * DAY);
    expect(pass(0)).toBe(0);
  });

  test("again and again is never believed", () => {
    const { pass, jump, at } = world();
    for (let times = 0; times < 20; times++) {
      jump(40 * DAY);
      pass(DAY);
      jump(-40 * DAY);
      pass(DAY);
    }
    expect(at()).toBeLessThanOrEqual(NOW + 40 * DAY);
  });

  test("a step of the network does not begin the week again", () => {
    const { pass, jump } = world();
    jump(700 * DAY);
    for (let day = 0; day < 7; day++) {
      pass(DAY);
      jump(day % 2 === 0 ? 3 : -3);
    }
    expect(pass(3600)).toBe(0);
  });
});

test("never says more than the clock, and goes back only with it", () => {
  const step = fc.oneof(
    fc.record({ jump: fc.integer({ min: -1000 * DAY, max: 1000 * DAY }) }),
    fc.record({ pass: fc.integer({ min: 0, max: 10 * DAY }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let [wall, elapsed] = [NOW, 0];
      const passed = new PassedTime(() => elapsed);
      let before = Number.NEGATIVE_INFINITY;
      let wallBefore = wall;
      for (const one of steps) {
        if ("jump" in one) wall += one.jump;
        else {
          wall += one.pass;
          elapsed += one.pass;
        }
        const at = passed.at(wall);
        expect(at).toBeLessThanOrEqual(wall);
        if (wall >= wallBefore) expect(at).toBeGreaterThanOrEqual(before);
        before = at;
        wallBefore = wall;
      }
    }),
  );
});
