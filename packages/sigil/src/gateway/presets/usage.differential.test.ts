/** What the meters read in the vectors, against @pydantic/genai-prices, which reads them too. */
import { readdirSync, readFileSync } from "node:fs";
import { extractUsage, findProvider } from "@pydantic/genai-prices";
import { describe, expect, test } from "vitest";
import { ask, meterOf } from "./fixtures/ask.ts";

/** The name of the vendor there, and of each kind of answer. */
const FLAVORS: Readonly<Record<string, readonly [string, Readonly<Record<string, string>>]>> = {
  openai: [
    "openai",
    {
      "/v1/chat/completions": "chat",
      "/v1/responses": "responses",
      "/v1/embeddings": "embeddings",
    },
  ],
  anthropic: ["anthropic", { "/v1/messages": "default" }],
  gemini: ["google", { "/v1beta/models/gemini-3.5-flash:generateContent": "default" }],
};

interface Vector {
  readonly name: string;
  readonly route: string;
  readonly request: unknown;
  readonly answer?: { readonly usage?: { readonly iterations?: unknown } };
  readonly usage?: unknown;
  readonly allow?: Readonly<Record<string, number>>;
}

const folder = new URL("./vectors/", import.meta.url);
const cases = readdirSync(folder).flatMap((file) => {
  const preset = file.replace(".json", "");
  const [vendor, flavors] = FLAVORS[preset] ?? ["", {}];
  const vectors: Vector[] = JSON.parse(readFileSync(new URL(file, folder), "utf8")).cases;
  return vectors.flatMap((vector) => {
    const target = new URL(vector.route.split(" ")[1]!, "https://gateway.example");
    const flavor = flavors[target.pathname];
    const hasUsage = vector.answer !== undefined && vector.usage !== null;
    return flavor !== undefined && hasUsage ? [{ ...vector, preset, vendor, flavor, target }] : [];
  });
});

describe("the sums of an answer are the same", () => {
  test.each(cases)("$preset: $name", ({ preset, vendor, flavor, target, ...vector }) => {
    const path = target.pathname;
    const asked = ask(preset, path, vector.request, { tools: vector.allow ?? {}, fields: [] });
    const ours = meterOf(preset, path).reader(asked).whole(vector.answer)!;
    const provider = findProvider({ providerId: vendor })!;
    const { usage: theirs } = extractUsage(provider, vector.answer, flavor);
    // It does not know the iterations of Anthropic's beta.
    if (vector.answer?.usage?.iterations !== undefined) return;
    expect({
      input: ours.input + ours.inputAudio + ours.cacheRead + ours.cacheWrite5m + ours.cacheWrite1h,
      output: ours.output + ours.outputAudio + (ours.units.image_token ?? 0),
    }).toEqual({ input: theirs.input_tokens, output: theirs.output_tokens ?? 0 });
    if (ours.inputAudio === 0) expect(ours.cacheRead).toBe(theirs.cache_read_tokens ?? 0);
  });
});

test("there are vectors of each vendor that it knows", () => {
  expect(new Set(cases.map(({ preset }) => preset))).toEqual(new Set(Object.keys(FLAVORS)));
});
