/** No token of an answer is lost or counted twice, whatever parts its sums have. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { TOKEN_PARTS, type Usage } from "../usage.ts";
import { ask, meterOf } from "./fixtures/ask.ts";

const RUNS = { numRuns: Number(process.env.SIGIL_LAW_RUNS ?? 1000) };
const tokens = fc.oneof(fc.nat(10), fc.nat(2_000_000));
const inputOf = (usage: Usage): number =>
  usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h + usage.inputAudio;

function read(preset: string, path: string, request: unknown, answer: unknown): Usage {
  const usage = meterOf(preset, path)
    .reader(ask(preset, path, request))
    .whole(answer)!;
  for (const part of TOKEN_PARTS) expect(usage[part]).toBeGreaterThanOrEqual(0);
  return usage;
}

test("openai: the parts of chat completions are their sums", () => {
  fc.assert(
    fc.property(
      fc.record({ prompt: tokens, cached: tokens, written: tokens, audio: tokens }),
      fc.record({ completion: tokens, speech: tokens }),
      ({ prompt, cached, written, audio }, { completion, speech }) => {
        const usage = read(
          "openai",
          "/v1/chat/completions",
          { model: "m", messages: [] },
          {
            usage: {
              prompt_tokens: prompt,
              completion_tokens: completion,
              prompt_tokens_details: {
                cached_tokens: cached,
                cache_write_tokens: written,
                audio_tokens: audio,
              },
              completion_tokens_details: { audio_tokens: speech },
            },
          },
        );
        expect(inputOf(usage)).toBe(prompt);
        expect(usage.output + usage.outputAudio).toBe(completion);
      },
    ),
    RUNS,
  );
});

// xAI's form, as its documentation shows it: the total is prompt, completion and reasoning.
test.each<readonly [what: string, stated: object, output: number]>([
  ["reasoning beside the completion", { completion_tokens: 9, total_tokens: 135 }, 103],
  ["reasoning inside the completion", { completion_tokens: 103, total_tokens: 135 }, 103],
  ["no total", { completion_tokens: 9 }, 9],
  ["a total that is less than its parts", { completion_tokens: 9, total_tokens: 20 }, 9],
  ["a total that is no count", { completion_tokens: 9, total_tokens: "135" }, 9],
])("openai: with %s, all of the output counts", (_, stated, output) => {
  const details = { reasoning_tokens: 94 };
  const answer = {
    usage: { prompt_tokens: 32, completion_tokens_details: details, ...stated },
  };
  const usage = read("openai", "/v1/chat/completions", { model: "m", messages: [] }, answer);
  expect([inputOf(usage), usage.output]).toEqual([32, output]);
});

test("gemini: the parts are the sums of prompt, tools, candidates and thoughts", () => {
  fc.assert(
    fc.property(
      fc.record({ prompt: tokens, tools: tokens, cached: tokens, audio: tokens }),
      fc.record({ candidates: tokens, thoughts: tokens, speech: tokens, images: tokens }),
      ({ prompt, tools, cached, audio }, { candidates, thoughts, speech, images }) => {
        const usage = read(
          "gemini",
          "/v1beta/models/m:generateContent",
          { contents: [] },
          {
            usageMetadata: {
              promptTokenCount: prompt,
              toolUsePromptTokenCount: tools,
              cachedContentTokenCount: cached,
              candidatesTokenCount: candidates,
              thoughtsTokenCount: thoughts,
              promptTokensDetails: [{ modality: "AUDIO", tokenCount: audio }],
              candidatesTokensDetails: [
                { modality: "AUDIO", tokenCount: speech },
                { modality: "IMAGE", tokenCount: images },
              ],
            },
          },
        );
        expect(inputOf(usage)).toBe(prompt + tools);
        const output = usage.output + usage.outputAudio + (usage.units.image_token ?? 0);
        expect(output).toBe(candidates + thoughts);
      },
    ),
    RUNS,
  );
});

test("anthropic: what is written to a cache is never less than its sum", () => {
  fc.assert(
    fc.property(
      fc.record({ input: tokens, output: tokens, read: tokens, written: tokens }),
      fc.option(fc.record({ minutes: tokens, hour: tokens })),
      (sums, split) => {
        const usage = read(
          "anthropic",
          "/v1/messages",
          { model: "m", max_tokens: 1, messages: [] },
          {
            usage: {
              input_tokens: sums.input,
              output_tokens: sums.output,
              cache_read_input_tokens: sums.read,
              cache_creation_input_tokens: sums.written,
              cache_creation: split && {
                ephemeral_5m_input_tokens: split.minutes,
                ephemeral_1h_input_tokens: split.hour,
              },
            },
          },
        );
        const parts = split === null ? 0 : split.minutes + split.hour;
        const written = Math.max(sums.written, parts);
        expect(inputOf(usage)).toBe(sums.input + sums.read + written);
        expect(usage.output).toBe(sums.output);
      },
    ),
    RUNS,
  );
});
