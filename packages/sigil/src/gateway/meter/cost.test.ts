/** What an exchange costs whose usage the vendor did not state, or not all of it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJson } from "../body/json-body.ts";
import { PRESETS } from "../presets/index.ts";
import { matchRoute } from "../presets/match.ts";
import type { Meter } from "../presets/preset.ts";
import { PriceTable } from "../prices/table.ts";
import { type Usage, usageOf } from "../usage.ts";
import { costOf, type Ended } from "./cost.ts";

const TABLE = PriceTable.read(`
source: a test
date: "2026-11-01"
vendors:
  openai:
    plain: { input: "1", output: "10", tiers: { priority: { input: "2", output: "20" }, flex: { input: "0.5", output: "5" } } }
    o1-mini: { input: "1", output: "10" }
    o1-told: { input: "1", output: "10", reasons: "false" }
  gemini:
    gemini-3-pro-preview: { input: "1", output: "10" }
    gemini-2.5-flash-image: { input: "1", output: "10" }
    gemini-2.0-flash: { input: "1", output: "10" }
  openrouter:
    x-ai/grok-4-fast: { input: "1", output: "10" }
    meta-llama/llama-4: { input: "1", output: "10" }
`);
const price = TABLE.find("openai", "plain", 0)!;
const MOST = usageOf({ input: 1000, output: 30_000 });
const RESERVED = price.dearest(MOST)!;
const ended = (parts: Partial<Ended>): Ended => ({
  isComplete: false,
  isStream: true,
  bytesSince: 0,
  usage: undefined,
  latest: parts.usage,
  mayReason: false,
  ...parts,
});

test("an end without a final usage costs no less than the last one that was stated", () => {
  const count = fc.nat({ max: 40_000 });
  const usage = fc.record({ input: count, output: count }).map((parts) => usageOf(parts));
  fc.assert(
    fc.property(
      fc.option(usage, { nil: undefined }),
      usage,
      fc.nat({ max: 50_000 }),
      fc.boolean(),
      fc.boolean(),
      (stated, latest, bytesSince, isComplete, mayReason) => {
        const how = ended({
          usage: stated,
          latest: stated ?? latest,
          bytesSince,
          isComplete,
          mayReason,
        });
        const { value } = costOf(how, price, MOST, RESERVED);
        const last = price.cost(stated ?? latest)!;
        expect(value).toBeGreaterThanOrEqual(last < RESERVED ? last : RESERVED);
        expect(value).toBeLessThanOrEqual(RESERVED);
      },
    ),
  );
});

test("hidden reasoning that a chunk stated is charged to a client that leaves before the end", () => {
  const meter = PRESETS.get("gemini")!;
  const path = "/v1beta/models/gemini-2.0-flash:streamGenerateContent";
  const target = { path, query: "?alt=sse" };
  const { meter: generate } = matchRoute(meter, "POST", path)!.route;
  const asked = (generate as Meter).ask(readJson(Buffer.from('{"contents":[]}')), target);
  const reader = (generate as Meter).reader(asked);
  reader.event(
    JSON.stringify({
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 1, thoughtsTokenCount: 20_000 },
    }),
  );
  expect(reader.usage).toBeUndefined();
  const { value } = costOf(ended({ latest: reader.latest }), price, MOST, RESERVED);
  expect(value).toBeGreaterThanOrEqual(200_020n);
});

describe("all that was reserved is charged if a stream breaks off", () => {
  test.each([
    ["openai", "o1-mini", true],
    ["openai", "plain", false],
    // By the owner's word.
    ["openai", "o1-told", false],
    ["gemini", "gemini-3-pro-preview", true],
    ["gemini", "gemini-2.5-flash-image", false],
    ["gemini", "gemini-2.0-flash", false],
    ["openrouter", "x-ai/grok-4-fast", true],
    ["openrouter", "meta-llama/llama-4", false],
  ])("of %s %s, which may reason: %s", (vendor, model, mayReason) => {
    const one = TABLE.find(vendor, model, 0)!;
    const { value } = costOf(ended({ bytesSince: 5 }), one, MOST, RESERVED);
    expect(value === RESERVED).toBe(mayReason);
  });

  test.each<[string, string, object, boolean]>([
    ["openrouter", "/v1/chat/completions", { reasoning: { exclude: true } }, true],
    ["openrouter", "/v1/chat/completions", { include_reasoning: false }, true],
    ["openrouter", "/v1/chat/completions", { reasoning: { enabled: false } }, false],
    ["openrouter", "/v1/chat/completions", {}, false],
    ["openai", "/v1/chat/completions", { reasoning_effort: "high" }, true],
    ["openai", "/v1/chat/completions", { reasoning_effort: "none" }, false],
    ["openai", "/v1/responses", { input: "hi", reasoning: { effort: "low" } }, true],
    ["anthropic", "/v1/messages", { thinking: { type: "enabled", budget_tokens: 2000 } }, true],
    ["anthropic", "/v1/messages", { thinking: { type: "disabled" } }, false],
    [
      "gemini",
      "/v1beta/models/m:generateContent",
      { contents: [], generation_config: { thinking_config: { thinking_budget: 100 } } },
      true,
    ],
    [
      "gemini",
      "/v1beta/models/m:generateContent",
      { contents: [], generationConfig: { thinkingConfig: { thinkingBudget: 0 } } },
      false,
    ],
  ])("%s %s %j asks for reasoning: %s", (name, path, more, mayReason) => {
    const preset = PRESETS.get(name)!;
    const route = ["", "/api"]
      .map((prefix) => matchRoute(preset, "POST", prefix + path))
      .find(Boolean)!.route;
    const isChat = !path.includes("generateContent");
    const body = { ...(isChat && { model: "m", max_tokens: 3000, messages: [] }), ...more };
    if (path === "/v1/responses")
      Object.assign(body, { max_tokens: undefined, messages: undefined });
    const meter = route.meter as Meter;
    const asked = meter.ask(readJson(Buffer.from(JSON.stringify(body))), { path, query: "" });
    expect(asked.mayReason === true).toBe(mayReason);
  });
});

describe("a tier that was asked for and is not named in the answer", () => {
  const complete = (tier: string | undefined, answered?: string) => {
    const usage: Usage = usageOf({ input: 1000, output: 1000, tier: answered });
    return costOf(ended({ isComplete: true, usage }), price, { ...MOST, tier }, RESERVED);
  };
  test.each([
    ["priority", undefined, 22_000n, true],
    ["priority", "priority", 22_000n, false],
    ["priority", "default", 11_000n, false],
    ["flex", undefined, 11_000n, false],
    ["auto", undefined, 11_000n, false],
    [undefined, undefined, 11_000n, false],
  ])("%s, answered %s, costs %s", (tier, answered, value, isEstimated) => {
    expect(complete(tier, answered)).toMatchObject({ value, isEstimated });
  });

  test("of Anthropic's place of inference is that of the request", () => {
    const meter = matchRoute(PRESETS.get("anthropic")!, "POST", "/v1/messages")!.route
      .meter as Meter;
    const body = { model: "m", max_tokens: 10, messages: [], inference_geo: "us" };
    const asked = meter.ask(readJson(Buffer.from(JSON.stringify(body))), {
      path: "/v1/messages",
      query: "",
    });
    const usage = { input_tokens: 1, output_tokens: 1, service_tier: "standard" };
    const read = (more: object) =>
      meter.reader(asked).whole({ usage: { ...usage, ...more } })?.tier;
    expect([read({}), read({ inference_geo: "global" })]).toEqual(["standard+us", "standard"]);
  });
});
