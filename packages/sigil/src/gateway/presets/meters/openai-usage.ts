/** Usage as OpenAI states it: sums with their parts inside. */
import { type Usage, usageOf } from "../../usage.ts";
import type { Fields } from "../fields.ts";
import { count, inner, split, stated, word } from "../numbers.ts";

/** Of chat completions: `prompt_tokens` includes cached, written and audio tokens. */
export function chatUsage(usage: Fields, answer: Fields): Usage | undefined {
  const prompt = stated(usage.prompt_tokens);
  const completed = stated(usage.completion_tokens);
  if (prompt === undefined || completed === undefined) return undefined;
  // xAI counts reasoning beside `completion_tokens`; only the total has it.
  const completion = Math.max(completed, count(usage.total_tokens) - prompt);
  const details = inner(usage, "prompt_tokens_details");
  const outputAudio = Math.min(
    completion,
    count(inner(usage, "completion_tokens_details").audio_tokens),
  );
  return usageOf({
    ...split(prompt, {
      cacheRead: count(details.cached_tokens),
      cacheWrite: count(details.cache_write_tokens),
      audio: count(details.audio_tokens),
    }),
    output: completion - outputAudio,
    outputAudio,
    tier: word(answer.service_tier),
    model: word(answer.model),
  });
}

/** Of Responses and images: `input_tokens` includes cached and written tokens. */
export function responsesUsage(usage: Fields, answer: Fields): Usage | undefined {
  const input = stated(usage.input_tokens);
  const output = stated(usage.output_tokens);
  if (input === undefined || output === undefined) return undefined;
  const details = inner(usage, "input_tokens_details");
  return usageOf({
    ...split(input, {
      cacheRead: count(details.cached_tokens),
      cacheWrite: count(details.cache_write_tokens),
      audio: count(details.audio_tokens),
    }),
    output,
    tier: word(answer.service_tier),
    model: word(answer.model),
  });
}

/** Of embeddings: `prompt_tokens` alone. */
export function embeddingsUsage(usage: Fields, answer: Fields): Usage | undefined {
  const input = stated(usage.prompt_tokens);
  return input === undefined ? undefined : usageOf({ input, model: word(answer.model) });
}
