/** How many challenges are given and not paid, and to whom. spec/3-challenge.md §5. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ChallengeLimits } from "./challenge-limits.ts";
import { networksOf } from "./networks.ts";

const START = 1_900_000_000;
const ALONE = { total: 1_000_000 };

/** The seconds that `address` has to wait; 0 if it was given a challenge. */
const wait = (limits: ChallengeLimits, address: string | undefined, now: number): number =>
  limits.take(address, now).waitSeconds;

describe("the rate of one client", () => {
  test("is a minute's worth at once, then one at a time, and says when", () => {
    const limits = new ChallengeLimits({ perClient: 6, ...ALONE });
    const burst = Array.from({ length: 8 }, () => wait(limits, "192.0.2.1", START));
    expect(burst).toEqual([0, 0, 0, 0, 0, 0, 10, 10]);
    expect(wait(limits, "192.0.2.1", START + 9.9)).toBe(1);
    expect(wait(limits, "192.0.2.1", START + 10)).toBe(0);
    expect(wait(limits, "192.0.2.1", START + 10)).toBe(10);
    expect(wait(limits, "192.0.2.1", START + 10_000)).toBe(0);
  });

  test.each([
    [601, 0],
    [30 * 86_400, 0],
    // As far as a clock may be apart from itself: it is given no place twice.
    [600, 10],
  ])(
    "a clock that was %d s ahead for a moment gives nothing more, and one a tenth of a minute later waits %d s",
    (ahead, seconds) => {
      const limits = new ChallengeLimits({ perClient: 6, ...ALONE });
      const ask = (now: number) => wait(limits, "192.0.2.1", now);
      for (let nth = 0; nth < 6; nth++) expect(ask(START + ahead)).toBe(0);
      expect(ask(START)).toBe(10);
      expect(ask(START + 9.9)).toBeGreaterThan(0);
      expect(ask(START + 10)).toBe(seconds);
    },
  );

  test("a network that was given a challenge by a clock that was ahead is a newcomer again ten minutes later", () => {
    const limits = new ChallengeLimits({ perClient: 60, total: 4 });
    expect(wait(limits, "192.0.2.1", START + 30 * 86_400)).toBe(0);
    // Others use up all but what is kept for newcomers.
    for (const host of ["198.51.100.1", "203.0.113.1"]) expect(wait(limits, host, START)).toBe(0);
    expect(wait(limits, "192.0.2.1", START)).toBeGreaterThan(0);
    for (let nth = 0; nth < 4; nth++) wait(limits, "198.51.100.1", START + 601);
    expect(wait(limits, "192.0.2.1", START + 601)).toBe(0);
  });

  test("lets in a client that waits as long as it is told", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(fc.nat(90_000), { maxLength: 50 }),
        (perClient, waits) => {
          const limits = new ChallengeLimits({ perClient, ...ALONE });
          let now = START;
          for (const more of waits) {
            const seconds = wait(limits, "2001:db8::1", now);
            expect(Number.isInteger(seconds) && seconds >= 0).toBe(true);
            if (seconds > 0) expect(wait(limits, "2001:db8::1", now + seconds)).toBe(0);
            now += seconds + more / 1000;
          }
        },
      ),
    );
  });

  test("is never more than a minute's worth and the refill, in any span", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.nat(5000), { minLength: 1, maxLength: 200 }),
        (perClient, gaps) => {
          const limits = new ChallengeLimits({ perClient, ...ALONE });
          const taken: number[] = [];
          let now = START;
          for (const gap of gaps) {
            now += gap / 1000;
            if (wait(limits, "192.0.2.1", now) === 0) taken.push(now);
          }
          for (const [from, first] of taken.entries())
            for (const [to, last] of taken.entries())
              if (to > from)
                expect(to - from + 1).toBeLessThanOrEqual(
                  perClient + ((last - first) * perClient) / 60 + 1e-6,
                );
        },
      ),
    );
  });

  test("gives nothing for a clock that goes back", () => {
    const limits = new ChallengeLimits({ perClient: 2, ...ALONE });
    wait(limits, "192.0.2.1", START);
    wait(limits, "192.0.2.1", START);
    for (const now of [START - 1, START - 600, START, START - 10_000])
      expect(wait(limits, "192.0.2.1", now)).toBeGreaterThan(0);
  });
});

describe("a challenge that was paid", () => {
  test("gives its place back once, to its client, to the networks around it, and to all", () => {
    for (const [perClient, total, address] of [
      [1, 1000, "192.0.2.1"],
      [1, 1000, "2001:db8::1"],
      [1, 1000, undefined],
      [9, 1, "192.0.2.1"],
    ] as const) {
      const limits = new ChallengeLimits({ perClient, total });
      const place = limits.take(address, START);
      limits.given(place, "aa");
      expect(wait(limits, address, START)).toBeGreaterThan(0);
      limits.paid("bb");
      expect(wait(limits, address, START)).toBeGreaterThan(0);
      limits.paid("aa");
      const again = limits.take(address, START);
      expect(again.waitSeconds).toBe(0);
      limits.given(again, "cc");
      expect(wait(limits, address, START)).toBeGreaterThan(0);
      // A credential is presented again and again.
      limits.paid("aa");
      expect(wait(limits, address, START)).toBeGreaterThan(0);
    }
  });

  test("makes no more room than a minute's worth, however late it is paid", () => {
    const limits = new ChallengeLimits({ perClient: 2, ...ALONE });
    for (const hash of ["aa", "bb"]) limits.given(limits.take("192.0.2.1", START), hash);
    expect(wait(limits, "192.0.2.1", START + 600)).toBe(0);
    for (const hash of ["aa", "bb"]) limits.paid(hash);
    const burst = Array.from({ length: 4 }, () => wait(limits, "192.0.2.1", START + 600));
    expect(burst.filter((seconds) => seconds === 0)).toHaveLength(2);
  });

  test("a client that pays for each has any number of them in a minute", () => {
    const limits = new ChallengeLimits({ perClient: 60, total: 6000 });
    for (let at = 0; at < 10_000; at++) {
      const place = limits.take("192.0.2.1", START + at / 1000);
      expect(place.waitSeconds).toBe(0);
      limits.given(place, String(at));
      limits.paid(String(at));
    }
  });
});

describe("a client that has paid for as many challenges as it has open", () => {
  /** 300 a second for a minute, each from a network that was never seen before. */
  const flooded = (limits: ChallengeLimits, second: number, atOnce: number): number => {
    for (let nth = 0; nth < 300; nth++) {
      const network = second * 300 + nth;
      wait(limits, `10.${network >> 8}.${network & 255}.1`, START + second + nth / 300);
    }
    const now = START + second + 1;
    const places = Array.from({ length: atOnce }, () => limits.take("192.0.2.1", now));
    const given = places.filter(({ waitSeconds }) => waitSeconds === 0);
    for (const [at, place] of given.entries()) limits.given(place, `${second} ${at}`);
    for (const at of given.keys()) limits.paid(`${second} ${at}`);
    return given.length;
  };

  test("is not kept waiting by others, however many of them it asks for at once", () => {
    const limits = new ChallengeLimits({ perClient: 60, total: 6000 });
    const given = Array.from({ length: 60 }, (_, second) => flooded(limits, second, 8));
    expect(given).toEqual(given.map(() => 8));
  });

  test("has no more open while others wait than it has paid for", () => {
    const limits = new ChallengeLimits({ perClient: 60, total: 400 });
    for (let second = 0; second < 5; second++) flooded(limits, second, 1);
    const open = Array.from({ length: 60 }, () => wait(limits, "192.0.2.1", START + 5));
    expect(open.filter((seconds) => seconds === 0)).toHaveLength(5);
  });

  test("waits for the rates of its own networks all the same", () => {
    const limits = new ChallengeLimits({ perClient: 2, total: 400 });
    for (let second = 0; second < 5; second++) expect(flooded(limits, second, 1)).toBe(1);
    expect(flooded(limits, 5, 8)).toBe(2);
  });
});

/** Addresses of one network, another one each time. */
const within = (prefix: string, groups: number) => {
  let count = 0;
  return (): string => {
    const text = (count++).toString(16).padStart(groups * 4, "0");
    return `${prefix}${text.replace(/(.{4})(?!$)/g, "$1:")}${groups < 8 - prefix.split(":").length + 1 ? "::" : ""}`;
  };
};

interface Customer {
  readonly at: number;
  readonly address: string;
}

/** How many of the customers, one in each half second, are given a challenge under a flood. */
function served(flood: () => string, customers: readonly Customer[], perSecond: number): number {
  const limits = new ChallengeLimits({ perClient: 60, total: 6000 });
  let count = 0;
  let next = 0;
  for (let tick = 0; tick < 60 * perSecond; tick++) {
    const now = START + tick / perSecond;
    wait(limits, flood(), now);
    for (; next < customers.length && customers[next]!.at <= now; next++)
      if (wait(limits, customers[next]!.address, now) === 0) count++;
  }
  return count;
}

const customersOf = (address: (at: number) => string): readonly Customer[] =>
  Array.from({ length: 120 }, (_, at) => ({ at: START + at / 2, address: address(at) }));

describe("120 first-time customers, each get a challenge while a flood of 300 a second comes from", () => {
  const v6 = customersOf((at) => `2a02:${(at + 1).toString(16)}:1:2::1`);
  const v4 = customersOf((at) => `198.51.${at}.7`);
  const many = (networks: number, of: (network: number) => () => string) => {
    const all = Array.from({ length: networks }, (_, network) => of(network));
    let turn = 0;
    return () => all[turn++ % networks]!();
  };
  test.each<[string, () => () => string]>([
    ["one IPv6 /48", () => within("2001:db8:1:", 1)],
    ["one IPv6 /32", () => within("2001:db8:", 2)],
    ["one IPv4 /24", () => many(254, (host) => () => `192.0.2.${host + 1}`)],
    ["one IPv4 address", () => () => "192.0.2.1"],
    ["40 IPv6 /32 of other providers", () => many(40, (at) => within(`2600:${at + 1}:`, 2))],
    ["100 IPv4 /24 of others", () => many(25_400, (at) => () => `10.0.${at % 100}.${at % 254}`)],
    ["clients whose address is not known", () => () => "unknown"],
  ])("%s", (_, flood) => {
    expect([served(flood(), v6, 300), served(flood(), v4, 300)]).toEqual([120, 120]);
  });

  test("one IPv6 /48, the customers in other /48 of the same provider", () => {
    const near = customersOf((at) => `2001:db8:${(at + 2).toString(16)}::1`);
    expect(served(within("2001:db8:1:", 1), near, 300)).toBe(120);
  });
});

describe("networks", () => {
  const v6 = (text: string): readonly string[] => networksOf(text);
  test.each([
    ["192.0.2.1", ["192.0.2.1/32", "192.0.2/24"]],
    ["::ffff:192.0.2.1", ["192.0.2.1/32", "192.0.2/24"]],
    ["::FFFF:192.0.2.1", ["192.0.2.1/32", "192.0.2/24"]],
    ["::ffff:c000:201", ["192.0.2.1/32", "192.0.2/24"]],
    ["192.0.2.1:4711", ["192.0.2.1/32", "192.0.2/24"]],
  ])("of %s are %j", (address, networks) => {
    expect(networksOf(address)).toEqual(networks);
  });

  test.each<[string, string, number]>([
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::1", 4],
    ["2001:DB8:1:2:ffff::", "2001:0db8:0001:0002::", 4],
    ["[2001:db8:1:2::1]:443", "2001:db8:1:2::9", 4],
    ["fe80::1%eth0", "fe80::2%eth1", 4],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", 3],
    ["2001:db8:1:200::1", "2001:db8:1:100::1", 2],
    ["2001:db8:1::", "2001:db8:2::", 1],
    ["2001:db8::", "2001:db9::", 0],
  ])("of %s and %s: %i of four are the same", (one, other, shared) => {
    const [a, b] = [v6(one), v6(other)];
    expect(a).toHaveLength(4);
    expect(a.filter((network, level) => network === b[level])).toHaveLength(shared);
  });

  test.each([undefined, "", "unknown", "localhost", "256.1.1.1", "1.2.3", "::g", "a".repeat(9999)])(
    "of %j are those of everybody whose address is not known",
    (address) => {
      expect(networksOf(address)).toEqual(["unknown"]);
    },
  );
});
