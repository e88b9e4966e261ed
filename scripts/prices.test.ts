/** The pinned prices are what scripts/prices.ts makes of the installed catalogue. */
import { expect, test } from "vitest";
import { difference } from "../packages/sigil/src/gateway/prices/difference.ts";
import { factsOfFile, factsOfMap } from "../packages/sigil/src/gateway/prices/facts.ts";
import { readPriceFile } from "../packages/sigil/src/gateway/prices/file.ts";
import { pinned } from "../packages/sigil/src/gateway/prices/pinned.ts";
import { pinnedPrices } from "../packages/sigil/src/gateway/prices/pinned-prices.ts";
import { PriceTable } from "../packages/sigil/src/gateway/prices/table.ts";
import { catalogue, version } from "./prices.ts";

const text = pinnedPrices();
const { source = "", date } = readPriceFile(text, "prices.yaml");

test("prices.yaml is made from the installed version of the catalogue, and edited by nobody", () => {
  expect(source).toContain(`@pydantic/genai-prices ${version()}`);
  const again = pinned({ catalogue: catalogue(), source, date, facts: factsOfFile(text) });
  expect(difference(text, again.text)).toBe("");
  expect(again.text).toBe(text);
});

const provider = (id: string, ...models: object[]) => JSON.stringify([{ id, models }]);
const made = (json: string, facts?: Parameters<typeof pinned>[0]["facts"]) =>
  pinned({ catalogue: json, source: "test", date: "2026-09-01", ...(facts && { facts }) });

test.each([
  [{ per_day_kcount: 1, input_mtok: 1 }, "a usage does not count per_day_kcount"],
  [{}, "the catalogue has no price"],
  [
    [
      { prices: { input_mtok: 1 } },
      { constraint: { start_time: "00:30:00Z", end_time: "16:30:00Z" }, prices: { input_mtok: 2 } },
    ],
    "its price depends on the hour",
  ],
])("a model is left out, and so denied, if %j", (prices, reason) => {
  const { text, leftOut } = made(provider("openai", { id: "m", match: { equals: "m" }, prices }));
  expect(leftOut).toEqual([`openai m: ${reason}`]);
  expect(PriceTable.read(text).find("openai", "m")).toBeUndefined();
});

test.each(["", "{}", "[]x", '[{"id":"openai"}]', '[{"id":"openai","models":[{"id":"m"}]}]'])(
  "a catalogue of another form is refused: %j",
  (json) => {
    expect(() => made(json)).toThrow("is not the data of @pydantic/genai-prices");
  },
);

/** An excerpt of the map of LiteLLM 1.110.2. */
const MAP = JSON.stringify({
  "gpt-5.5": {
    litellm_provider: "openai",
    max_input_tokens: 1050000,
    max_output_tokens: 128000,
    supports_reasoning: true,
    input_cost_per_token: 0.000005,
    output_cost_per_token: 0.00003,
    cache_read_input_token_cost: 5e-7,
    input_cost_per_token_priority: 0.0000125,
    output_cost_per_token_priority: 0.000075,
    cache_read_input_token_cost_priority: 0.00000125,
    input_cost_per_token_flex: 0.0000025,
    output_cost_per_token_flex: 0.000015,
  },
});
const GPT = {
  id: "gpt-5.5",
  match: { equals: "gpt-5.5" },
  prices: {
    input_mtok: { base: 5, tiers: [{ start: 271999, price: 10 }] },
    cache_read_mtok: { base: 0.5, tiers: [{ start: 271999, price: 1 }] },
    output_mtok: { base: 30, tiers: [{ start: 271999, price: 45 }] },
  },
};

test("the map gives limits, and the tiers that it prices wholly, where both mean one price", () => {
  const { text } = made(provider("openai", GPT), factsOfMap(MAP));
  expect(text).toContain("maxOutput: 128000, reasons: true");
  expect(text).toContain("priority: { input: 12.5, cacheRead: 1.25, output: 75, over: [");
  // It does not say what flex asks for cached input.
  expect(text).not.toContain("flex");
  const dearer = { ...GPT, prices: { ...GPT.prices, output_mtok: 31 } };
  const other = made(provider("openai", dearer), factsOfMap(MAP)).text;
  expect(other).toContain("maxOutput: 128000");
  expect(other).not.toContain("priority");
  // An update without the map keeps both, and the tiers only while the price is the same.
  expect(made(provider("openai", GPT), factsOfFile(text)).text).toBe(text);
  const changed = made(provider("openai", dearer), factsOfFile(text)).text;
  expect(changed).toContain("maxOutput: 128000");
  expect(changed).not.toContain("priority");
});

test("the map gives a context window where there is none, and limits of what others sell", () => {
  const { text } = made(
    JSON.stringify([
      { id: "openai", models: [GPT] },
      {
        id: "openrouter",
        models: [{ ...GPT, id: "openai/gpt-5.5", match: { equals: "openai/gpt-5.5" } }],
      },
    ]),
    factsOfMap(MAP),
  );
  expect(PriceTable.read(text).find("openai", "gpt-5.5")!.limits.contextWindow).toBe(1_050_000);
  expect(PriceTable.read(text).find("openrouter", "openai/gpt-5.5")!.limits).toEqual({
    contextWindow: 1_050_000,
    maxOutput: 128_000,
    reasons: true,
  });
  // Service tiers are those of the maker's own API.
  expect(/openrouter:\n.*priority/.test(text)).toBe(false);
  const own = made(provider("openai", { ...GPT, context_window: 7 }), factsOfMap(MAP)).text;
  expect(PriceTable.read(own).find("openai", "gpt-5.5")!.limits.contextWindow).toBe(7);
  const later = made(provider("openai", { ...GPT, context_window: 8 }), factsOfFile(own)).text;
  expect(PriceTable.read(later).find("openai", "gpt-5.5")!.limits.contextWindow).toBe(8);
});

test("a difference has a line for what is new, gone and changed", () => {
  const file = (models: string) => `date: 2026-09-01\nvendors: { acme: { ${models} } }\n`;
  expect(
    difference(
      file("a: { input: 1, output: 2 }, b: free, c: free"),
      file("a: { input: 1.5, output: 2, cacheRead: 0.1 }, c: { input: 3 }, d: { input: 4 }"),
    ),
  ).toBe(`~ acme a input: 1 -> 1.5
~ acme a cacheRead: none -> 0.1
- acme b: no longer listed, so denied
~ acme c: free -> { input: 3 }
+ acme d: { input: 4 }
`);
  expect(() => difference("a: 1", text)).toThrow("the old file:");
});
