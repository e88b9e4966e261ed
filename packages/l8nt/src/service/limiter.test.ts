/** The rate of unpaid challenges, and whose it is. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clientKey, Limiter } from "./limiter.ts";

const START = 1_900_000_000;

describe("a limiter", () => {
  test("gives a minute's worth at once, then one at a time, and says when", () => {
    const limiter = new Limiter(6, 10);
    const burst = Array.from({ length: 8 }, () => limiter.take("a", START));
    expect(burst).toEqual([0, 0, 0, 0, 0, 0, 10, 10]);
    expect(limiter.take("a", START + 9.9)).toBe(1);
    expect(limiter.take("a", START + 10)).toBe(0);
    expect(limiter.take("a", START + 10)).toBe(10);
    expect(limiter.take("a", START + 10_000)).toBe(0);
  });

  test("whoever waits as long as he is told is let in", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(fc.nat(90_000), { maxLength: 50 }),
        (perMinute, waits) => {
          const limiter = new Limiter(perMinute, 10);
          let now = START;
          for (const wait of waits) {
            const seconds = limiter.take("a", now);
            expect(Number.isInteger(seconds) && seconds >= 0).toBe(true);
            if (seconds > 0) expect(limiter.take("a", now + seconds)).toBe(0);
            now += seconds + wait / 1000;
          }
        },
      ),
    );
  });

  test("never gives more than a minute's worth and the refill, in any span", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.nat(5000), { minLength: 1, maxLength: 200 }),
        (perMinute, gaps) => {
          const limiter = new Limiter(perMinute, 10);
          const taken: number[] = [];
          let now = START;
          for (const gap of gaps) {
            now += gap / 1000;
            if (limiter.take("a", now) === 0) taken.push(now);
          }
          for (const [from, first] of taken.entries())
            for (const [to, last] of taken.entries())
              if (to > from)
                expect(to - from + 1).toBeLessThanOrEqual(
                  perMinute + ((last - first) * perMinute) / 60 + 1e-6,
                );
        },
      ),
    );
  });

  test("gives nothing for a clock that goes back", () => {
    const limiter = new Limiter(2, 10);
    limiter.take("a", START);
    limiter.take("a", START);
    for (const now of [START - 1, START - 10_000, START])
      expect(limiter.take("a", now)).toBeGreaterThan(0);
  });

  test("counts each client on its own, and forgets the oldest of too many [case 114]", () => {
    const limiter = new Limiter(1, 2);
    expect(["a", "b", "a", "b"].map((client) => limiter.take(client, START))).toEqual([
      0, 0, 60, 60,
    ]);
    limiter.take("c", START);
    expect(["b", "c", "a"].map((client) => limiter.take(client, START))).toEqual([60, 60, 0]);
  });
});

describe("a client", () => {
  test.each<[string | undefined, string]>([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::1", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2:ffff::", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    [undefined, "unknown"],
  ])("%s is %s", (address, key) => {
    expect(clientKey(address)).toBe(key);
  });
});
