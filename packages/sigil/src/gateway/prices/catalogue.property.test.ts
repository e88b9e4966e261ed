/** The pinned prices against genai-prices, which computes the vendors' published prices. */
import { calcPrice } from "@pydantic/genai-prices";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Usage, usageOf } from "../usage.ts";
import { pinnedPrices } from "./pinned-prices.ts";
import { PriceTable } from "./table.ts";

const text = pinnedPrices();
const table = PriceTable.read(text);
const timestamp = new Date(`${table.dates.get("prices.yaml")!}T12:00:00Z`);
const at = timestamp.getTime();

/** Every exact name of the file, with its vendor. Read by hand, so that none is missed. */
const listed = (() => {
  const found: { vendor: string; name: string }[] = [];
  let vendor = "";
  for (const line of text.split("\n")) {
    vendor = /^ {2}(\w+):$/.exec(line)?.[1] ?? vendor;
    const [, model, names] =
      /^ {4}"?([^"{ ]+?)"?: (?:\{(?: names: \[ (.*?) \])?|free)/.exec(line) ?? [];
    for (const name of [model, ...(names ?? "").split(", ")])
      if (name && !/[*>]$/.test(name)) found.push({ vendor, name: name.replaceAll('"', "") });
  }
  return found;
})();
/** A vendor first, because one of them has two thirds of the names. */
const priced = fc
  .constantFrom("openai", "anthropic", "gemini", "mistral", "openrouter")
  .chain((vendor) => fc.constantFrom(...listed.filter((each) => each.vendor === vendor)));
const PROVIDERS: Readonly<Record<string, string>> = { gemini: "google" };
const providerOf = (vendor: string) => PROVIDERS[vendor] ?? vendor;

const tokens = fc.oneof(
  fc.constant(0),
  fc.nat(100),
  fc.nat(400_000),
  fc.nat({ max: 2_000_000_000 }),
);
const usages: fc.Arbitrary<Usage> = fc.record({
  input: tokens,
  cacheRead: tokens,
  cacheWrite5m: tokens,
  cacheWrite1h: tokens,
  output: tokens,
  inputAudio: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { arbitrary: tokens, weight: 1 }),
  outputAudio: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { arbitrary: tokens, weight: 1 }),
  calls: fc.oneof(
    fc.constant({}),
    fc.dictionary(fc.constantFrom("web_search", "file_search"), fc.nat(50)),
  ),
  units: fc.oneof(
    { weight: 8, arbitrary: fc.constant({}) },
    fc.dictionary(fc.constantFrom("page", "annotated_page", "image_token"), fc.nat(5000)),
    fc.nat(10_000_000).map((hundredths) => ({ second: hundredths / 100 })),
  ),
  tier: fc.constantFrom(undefined, "default", "standard"),
  model: fc.constant(undefined),
});

type Modality = "text" | "image" | "video";
const MODALITIES: readonly Modality[] = ["text", "image", "video"];

/** The same usage in the words of genai-prices, if its tokens were of these modalities. */
function asPublished(usage: Usage, input: Modality, output: Modality): Record<string, number> {
  const { units, calls } = usage;
  const written = usage.cacheWrite5m + usage.cacheWrite1h;
  const text = usage.input + usage.cacheRead + written;
  const imageTokens = units.image_token ?? 0;
  return {
    input_tokens: text + usage.inputAudio,
    cache_read_tokens: usage.cacheRead,
    cache_write_tokens: written,
    cache_write_1h_tokens: usage.cacheWrite1h,
    input_audio_tokens: usage.inputAudio,
    cache_audio_read_tokens: 0,
    input_image_tokens: input === "image" ? text : 0,
    cache_image_read_tokens: input === "image" ? usage.cacheRead : 0,
    input_video_tokens: input === "video" ? text : 0,
    output_tokens: usage.output + usage.outputAudio + imageTokens,
    output_audio_tokens: usage.outputAudio,
    output_image_tokens: imageTokens + (output === "image" ? usage.output : 0),
    output_video_tokens: output === "video" ? usage.output : 0,
    output_reasoning_tokens: output === "text" ? usage.output : 0,
    web_searches: calls.web_search ?? 0,
    storage_searches: calls.file_search ?? 0,
    input_document_pages: (units.page ?? 0) + (units.annotated_page ?? 0),
    input_annotated_document_pages: units.annotated_page ?? 0,
    audio_seconds: units.second ?? 0,
    input_audio_seconds: units.second ?? 0,
  };
}

/** The dearest that the vendor's published prices make of it, in usd_micro, as a float. */
function published(vendor: string, name: string, used: Usage): number {
  let most = 0;
  const prices = calcPrice({}, name, { providerId: providerOf(vendor), timestamp })!.model_price;
  // Audio of a model without a price of audio is input or output like any other.
  const isHeard = prices.input_audio_mtok !== undefined;
  const isSpoken = prices.output_audio_mtok !== undefined;
  const usage: Usage = {
    ...used,
    ...(!isHeard && { input: used.input + used.inputAudio, inputAudio: 0 }),
    ...(!isSpoken && { output: used.output + used.outputAudio, outputAudio: 0 }),
  };
  for (const input of MODALITIES)
    for (const output of MODALITIES) {
      // Gemini's answers tell images apart, which are units here.
      if (vendor === "gemini" && output === "image") continue;
      const price = calcPrice(asPublished(usage, input, output), name, {
        providerId: providerOf(vendor),
        timestamp,
      });
      most = Math.max(most, price!.total_price * 1e6);
    }
  return most;
}

test("the file lists every name that this test tries", () => {
  expect(listed.length).toBeGreaterThan(900);
  for (const { vendor, name } of listed)
    expect(table.find(vendor, name, at), `${vendor} ${name}`).toBeDefined();
});

test("no cost is below the published price, nor above it by more than 1 usd_micro", () => {
  let compared = 0;
  fc.assert(
    fc.property(priced, usages, ({ vendor, name }, usage) => {
      const cost = table.find(vendor, name, at)!.cost(usage);
      if (cost === undefined) return;
      compared++;
      const figure = published(vendor, name, usage);
      // What the other one's floats may be wrong by.
      const error = figure * 1e-12;
      expect(Number(cost)).toBeGreaterThanOrEqual(figure - error);
      expect(Number(cost)).toBeLessThanOrEqual(figure + 1 + error);
    }),
    { numRuns: 5_000 },
  );
  expect(compared).toBeGreaterThan(1_000);
});

test("a name that is priced by its beginning has the price that the catalogue gives it", () => {
  const usage: Usage = { ...nothing, input: 1_000_000, output: 1_000_000 };
  const endings = ["", "-fast", "-5", "-20260131", "-2026-01-31", "-latest", "-001", "-0613", "x"];
  fc.assert(
    fc.property(priced, fc.constantFrom(...endings), ({ vendor, name }, ending) => {
      const cost = table.find(vendor, name + ending, at)?.cost(usage);
      const theirs = calcPrice({}, name + ending, { providerId: providerOf(vendor), timestamp });
      if (cost === undefined) return;
      // The catalogue's own rules for dates are narrower than ours.
      if (theirs === null) {
        expect(ending).toMatch(/^-\d{3,}/);
        return;
      }
      const figure = published(vendor, name + ending, usage);
      expect(Number(cost)).toBeGreaterThanOrEqual(figure * (1 - 1e-12));
      expect(Number(cost)).toBeLessThanOrEqual(figure + 1);
    }),
    { numRuns: 3_000 },
  );
});

const nothing = usageOf({});

test("Anthropic's console figure for a written cache is reproduced", () => {
  // BerriAI/litellm issue 9812: 0.000009 + 0.04614 + 0.00825 usd.
  const usage = { ...nothing, input: 3, cacheWrite5m: 12_304, output: 550 };
  expect(table.find("anthropic", "claude-3-7-sonnet-20250219")!.cost(usage)).toBe(54_399n);
});

test.each([
  ["claude-sonnet-5", true],
  ["claude-sonnet-5-20260601", true],
  ["claude-sonnet-5-5", false],
  ["claude-sonnet-5-5-20261101", false],
  ["claude-sonnet-5-20260601-fast", false],
  ["claude-opus-4-8-fast", false],
  ["claude-haiku-4-5@20251001", false],
  ["claude-haiku-5-5", false],
  ["CLAUDE-SONNET-5", false],
])("%s is priced: %s", (name, isPriced) => {
  expect(table.find("anthropic", name, at) !== undefined).toBe(isPriced);
});

test("a price that changes on a day in the catalogue changes on that day", () => {
  const usage = { ...nothing, input: 1_000_000 };
  const costAt = (when: string) =>
    table.find("gemini", "gemini-3.7-flash", Date.parse(when))!.cost(usage);
  expect(costAt("2026-12-31T23:59:59Z")).toBe(750_000n);
  expect(costAt("2027-01-01T00:00:00Z")).toBe(1_500_000n);
});
