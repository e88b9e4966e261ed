/** The rules of a price file: what it takes, what it finds, and what a request costs by it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Usage, usageOf } from "../usage.ts";
import { PriceTable, type PriceTableOptions } from "./table.ts";

const nothing = usageOf({});
const million = { ...nothing, input: 1_000_000 };

const file = (models: string, vendor = "acme") =>
  `date: 2026-09-01\nvendors:\n  ${vendor}:\n${models.replace(/^(?=.)/gm, "    ")}\n`;
const read = (models: string, options?: PriceTableOptions) =>
  PriceTable.read(file(models), options);
const cost = (models: string, usage: Partial<Usage>, options?: PriceTableOptions) =>
  read(models, options)
    .find("acme", "m")!
    .cost({ ...nothing, ...usage });

describe("a price file", () => {
  test.each([
    ["m: { input: 2.5, output: 10 }", undefined],
    ["m: free", undefined],
    ["m: { input: free, output: 0.000001 }", undefined],
    ["m: { units: { second: 0.36/3600 }, calls: { web_search: 10/1000 } }", undefined],
    ["m: { input: 0 }", /m\.input: a price of zero is written free/],
    ["m: { input: 0.00 }", /m\.input: a price of zero is written free/],
    ["m: { units: { image: 0/5 } }", /m\.units\.image: must be a price/],
    ["m: { input: -1 }", /m\.input: must be a price in US dollars/],
    ["m: { input: 1e-3 }", /m\.input: must be a price/],
    ["m: { input: 1/1000 }", /m\.input: must be a price/],
    ["m: { input: 2,5 }", /m: .*5/],
    ["m: { input: .inf }", /m\.input: must be a price/],
    ["m: { inputs: 1 }", /m: .*inputs/],
    ["m: 2.5", /m: /],
    ["m: { input: 1 }\nm: { input: 2 }", /unique/i],
    ["m: { input: 1, input: 2 }", /unique/i],
    ["m: { input: 1 }\nn: { names: [m], input: 2 }", /two models are named m/],
    ["m: { input: 1, factors: { us: 0.9 } }", /factors\.us: must be a factor of at least 1/],
    ["m: { input: 1, context: 0 }", /m\.context: must be a whole number/],
    ["m: { input: 1, later: [{ from: soon, input: 1 }] }", /later\.0\.from: must be a date/],
    ["m: &a { input: 1 }\nn: *a", /alias/i],
  ])("%s", (models, refusal) => {
    if (refusal === undefined) expect(() => read(models)).not.toThrow();
    else expect(() => read(models)).toThrow(refusal);
  });

  test("needs a date, and no other key than it has", () => {
    expect(() => PriceTable.read("vendors: {}\n")).toThrow("prices.yaml: date:");
    expect(() => PriceTable.read("date: 2026-09-01\nvendors: {}\nmargins: 1\n")).toThrow("margins");
  });
});

describe("find", () => {
  const table = read(
    "m: { input: 1 }\nm-<date>: { input: 2 }\nm*: { input: 3 }\nm-large*: { input: 4 }\nm-large: { input: 5 }",
  );

  test.each([
    ["m", 1_000_000n],
    ["m-20260131", 2_000_000n],
    ["m-2026-01-31", 2_000_000n],
    ["m-2512", 2_000_000n],
    ["m-mini", 3_000_000n],
    ["m-large", 5_000_000n],
    ["m-large-2", 4_000_000n],
    ["n", undefined],
    ["M", undefined],
    ["", undefined],
  ])("%s", (name, expected) => {
    expect(table.find("acme", name)?.cost(million)).toBe(expected);
  });

  test("a name that objects have by nature is not listed", () => {
    expect(read("m: { input: 1 }").find("acme", "constructor")).toBeUndefined();
    expect(read("m: { input: 1 }").find("__proto__", "m")).toBeUndefined();
  });

  test("an owner's own table wins, and leaves the rest to the pinned one", () => {
    const own = PriceTable.read(file("m*: { input: 7 }"), { name: "own.yaml" });
    const both = own.over(read("m: { input: 1 }\nn: { input: 2 }"));
    expect(both.find("acme", "m")!.cost(million)).toBe(7_000_000n);
    expect(both.find("acme", "n")!.cost(million)).toBe(2_000_000n);
    expect(both.find("acme", "o")).toBeUndefined();
  });
});

describe("cost", () => {
  test.each<[string, string, Partial<Usage>, bigint | undefined]>([
    ["rounds up once, on the sum", "m: { input: 0.5, output: 0.5 }", { input: 1, output: 1 }, 1n],
    ["rounds up", "m: { input: 0.1 }", { input: 1 }, 1n],
    ["keeps every digit", "m: { input: 0.08333333333333334 }", { input: 3_000_000 }, 250_001n],
    [
      "is exact where a float is not",
      "m: { input: 0.1, output: 0.2 }",
      { input: 1e7, output: 5e6 },
      2_000_000n,
    ],
    [
      "cached input without a price costs as input does",
      "m: { input: 1 }",
      { cacheRead: 5e6 },
      5_000_000n,
    ],
    [
      "a cache written for an hour costs at least as for minutes",
      "m: { input: 1, cacheWrite5m: 2 }",
      { cacheWrite1h: 1e6 },
      2_000_000n,
    ],
    [
      "audio without a price costs as text does",
      "m: { input: 1, output: 2 }",
      { inputAudio: 1e6, outputAudio: 1e6 },
      3_000_000n,
    ],
    ["output without a price is unpriced", "m: { input: 1 }", { output: 1 }, undefined],
    [
      "a call without a price is unpriced",
      "m: { input: 1 }",
      { calls: { web_search: 1 } },
      undefined,
    ],
    [
      "a call that was not made needs no price",
      "m: { input: 1 }",
      { calls: { web_search: 0 } },
      0n,
    ],
    [
      "a call named like a method is unpriced",
      "m: { input: 1 }",
      { calls: { toString: 1 } },
      undefined,
    ],
    ["calls", "m: { calls: { web_search: 10/1000 } }", { calls: { web_search: 3 } }, 30_000n],
    [
      "seconds with a fraction",
      "m: { units: { second: 0.36/3600 } }",
      { units: { second: 8.47 } },
      847n,
    ],
    ["a unit without a price is unpriced", "m: { input: 1 }", { units: { image: 1 } }, undefined],
    ["free", "m: free", { input: 5, output: 5, calls: { any: 1 }, tier: "odd" }, 0n],
    ["a cost that the vendor stated", "m: { input: 1 }", { input: 1, costUsd: 0.0001234 }, 124n],
    ["a stated cost of an unpriced part", "m: { input: 1 }", { output: 1, costUsd: 1e-7 }, 1n],
    ["a stated cost of zero says nothing", "m: { input: 1 }", { input: 5, costUsd: 0 }, 5n],
    ["a stated NaN says nothing", "m: { input: 1 }", { input: 5, costUsd: Number.NaN }, 5n],
    ["a stated negative cost says nothing", "m: { input: 1 }", { input: 5, costUsd: -1 }, 5n],
    ["NaN is no count", "m: { input: 1 }", { input: Number.NaN }, undefined],
    ["a negative count is none", "m: { input: 1 }", { input: -1 }, undefined],
    ["Infinity is no count", "m: free", { output: Number.POSITIVE_INFINITY }, undefined],
  ])("%s", (_, models, usage, expected) => {
    expect(cost(models, usage)).toBe(expected);
  });

  const long =
    "m: { input: 1, cacheRead: 0.1, over: [{ tokens: 10, input: 2 }, { tokens: 20, input: 3 }] }";
  test.each<[Partial<Usage>, bigint]>([
    [{ input: 10 }, 10n],
    [{ input: 11 }, 22n],
    [{ input: 1, cacheRead: 10 }, 3n],
    [{ input: 20, inputAudio: 1 }, 63n],
  ])("a long input raises the price of the whole request: %j", (usage, expected) => {
    expect(cost(long, usage)).toBe(expected);
  });

  const tiered =
    "m: { input: 1, factors: { us: 1.1, fast: 2 }, calls: { c: 1 }, tiers: { priority: { input: 3 } } }";
  test.each([
    [undefined, 2_000_000n],
    ["default", 2_000_000n],
    ["STANDARD", 2_000_000n],
    ["flex", 2_000_000n],
    ["priority", 4_000_000n],
    ["standard+us", 2_100_000n],
    ["standard+fast+us", 3_200_000n],
    ["priority+fast", 7_000_000n],
    ["scale", undefined],
    ["standard+eu", undefined],
    ["standard+", undefined],
  ])("service tier %s", (tier, expected) => {
    expect(cost(tiered, { input: 1_000_000, calls: { c: 1 }, tier })).toBe(expected);
  });

  test.each([
    ["1", 1_000_000n],
    ["1.1", 1_100_000n],
    ["1.000001", 1_000_001n],
    ["10", 10_000_000n],
  ])("a margin of %s multiplies it", (margin, expected) => {
    expect(cost("m: { input: 1 }", million, { margin })).toBe(expected);
  });

  test.each(["0.9", "10.1", "-1", "110 %", "", "1,1"])("a margin of %j is refused", (margin) => {
    expect(() => read("m: { input: 1 }", { margin })).toThrow("margin must be a factor");
  });
});

test("a model is free if the file says so of all of it", () => {
  expect(read("m: free").find("acme", "m")!.isFree).toBe(true);
  expect(read("m: { input: free, output: free }").find("acme", "m")!.isFree).toBe(false);
});

test("limits are as the file says", () => {
  const { limits } = read("m: { context: 1000, maxOutput: 100, reasons: true }").find("acme", "m")!;
  expect(limits).toEqual({ contextWindow: 1000, maxOutput: 100, reasons: true });
});

describe("a file that is older than 60 days", () => {
  const day = (n: number) => Date.parse("2026-09-01T00:00:00Z") + n * 86_400_000;
  const acme = new Set(["acme"]);

  test("warns from the 61st day on, and each file for itself", () => {
    const old = read("m: { input: 1 }");
    expect(old.warnings(acme, day(60))).toEqual([]);
    expect(old.warnings(acme, day(61))).toEqual([
      expect.stringMatching(/^prices\.yaml is 61 days old: .{1,120}$/),
    ]);
    const own = PriceTable.read("date: 2026-10-30\nvendors: { acme: { n: { input: 1 } } }\n", {
      name: "own.yaml",
    });
    expect(own.over(old).warnings(acme, day(61))).toHaveLength(1);
    expect(own.over(old).warnings(acme, day(200))).toHaveLength(2);
  });

  test("says nothing if no model is charged by it", () => {
    const priced = read("m: { input: 1 }");
    expect(priced.warnings(new Set(), day(200))).toEqual([]);
    expect(priced.warnings(new Set(["other"]), day(200))).toEqual([]);
    expect(read("m: free").warnings(acme, day(200))).toEqual([]);
  });
});

describe("dearest", () => {
  const price = fc.integer({ min: 1, max: 50_000 }).map((n) => (n / 1000).toString());
  const prices = fc.record(
    {
      input: price,
      cacheRead: price,
      cacheWrite5m: price,
      cacheWrite1h: price,
      output: price,
      inputAudio: price,
      outputAudio: price,
    },
    { requiredKeys: ["input", "output"] },
  );
  const tariff = fc
    .tuple(
      prices,
      fc.uniqueArray(fc.record({ tokens: fc.integer({ min: 1, max: 3000 }), p: prices }), {
        maxLength: 2,
        selector: ({ tokens }) => tokens,
      }),
    )
    .map(([base, over]) => ({
      ...base,
      over: over.map(({ tokens, p }) => ({ tokens: String(tokens), ...p })),
    }));
  const model = fc.record({ base: tariff, priority: tariff, flex: tariff });
  const counts = fc.array(fc.nat(1500), { minLength: 7, maxLength: 7 });

  test("no request that uses no more, in any tier and mix of caches, costs more", () => {
    fc.assert(
      fc.property(
        model,
        counts,
        counts,
        fc.constantFrom(undefined, "default", "priority", "flex"),
        fc.constantFrom("", "+us"),
        fc.boolean(),
        ({ base, ...tiers }, bound, parts, tier, suffix, isNamed) => {
          const text = JSON.stringify({ m: { ...base, tiers, factors: { us: "1.1" } } });
          const found = PriceTable.read(
            `date: 2026-09-01\nvendors: { acme: ${text.replaceAll(/"([\d.]+)"/g, "$1")} }\n`,
          ).find("acme", "m")!;
          const [input = 0, output = 0, inputAudio = 0, outputAudio = 0] = bound;
          // The bound's input, divided among plain and cached in some way, or less of it.
          let left = input;
          const [a, b, c, d] = parts.slice(0, 4).map((part) => {
            const share = Math.min(part, left);
            left -= share;
            return share;
          });
          const used: Usage = {
            ...nothing,
            input: a!,
            cacheRead: b!,
            cacheWrite5m: c!,
            cacheWrite1h: d!,
            output: Math.min(output, parts[4]!),
            inputAudio: Math.min(inputAudio, parts[5]!),
            outputAudio: Math.min(outputAudio, parts[6]!),
            tier: tier === undefined ? undefined : tier + suffix,
          };
          const asked = isNamed && tier !== undefined ? tier + suffix : `auto${suffix}`;
          const most = found.dearest({
            ...nothing,
            input,
            output,
            inputAudio,
            outputAudio,
            tier: asked,
          })!;
          expect(most).toBeGreaterThanOrEqual(found.cost(used)!);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test.each<[string, Partial<Usage>, bigint | undefined]>([
    ["m: { input: 1, cacheWrite1h: 2 }", { input: 1e6 }, 2_000_000n],
    ["m: { input: 1, tiers: { priority: { input: 3 } } }", { input: 1e6 }, 3_000_000n],
    [
      "m: { input: 1, tiers: { priority: { input: 3 } } }",
      { input: 1e6, tier: "default" },
      1_000_000n,
    ],
    ["m: { input: 1, factors: { fast: 2 } }", { input: 1e6 }, 1_000_000n],
    ["m: { input: 1, factors: { fast: 2 } }", { input: 1e6, tier: "auto+fast" }, 2_000_000n],
    ["m: { input: 1, tiers: { flex: { input: 0.5 } } }", { input: 1e6, tier: "flex" }, 1_000_000n],
    ["m: { input: 1, over: [{ tokens: 9, input: 5 }] }", { input: 9 }, 9n],
    ["m: { input: 1, over: [{ tokens: 9, input: 5 }] }", { input: 10 }, 50n],
    ["m: { input: 5, over: [{ tokens: 9, input: 1 }] }", { input: 10 }, 50n],
    ["m: { input: 1 }", { input: 1, calls: { web_search: 1 } }, undefined],
    ["m: { input: 1 }", { input: 1, tier: "priority" }, undefined],
    ["m: free", { input: 1, calls: { any: 1 } }, 0n],
  ])("%s for %j", (models, usage, expected) => {
    expect(
      read(models)
        .find("acme", "m")!
        .dearest({ ...nothing, ...usage }),
    ).toBe(expected);
  });
});
