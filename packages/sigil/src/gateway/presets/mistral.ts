/** Mistral: chat and fill-in-the-middle completions, embeddings, OCR. @mistralai/mistralai 2.7. */
import { type Usage, usageOf } from "../usage.ts";
import { openaiDialect } from "./dialects/openai.ts";
import type { Fields } from "./fields.ts";
import { chatMeter } from "./meters/chat.ts";
import { embeddingsMeter } from "./meters/embeddings.ts";
import { count, inner, split, stated, word } from "./numbers.ts";
import type { Preset } from "./preset.ts";

/** `guardrails` is missing: nothing says what they cost. */
const CHAT_FIELDS: ReadonlySet<string> = new Set([
  "frequency_penalty",
  "max_tokens",
  "messages",
  "metadata",
  "min_tokens",
  "model",
  "n",
  "parallel_tool_calls",
  "prediction",
  "presence_penalty",
  "prompt",
  "prompt_cache_key",
  "prompt_mode",
  "random_seed",
  "reasoning_effort",
  "response_format",
  "safe_prompt",
  "service_tier",
  "stop",
  "stream",
  "suffix",
  "temperature",
  "tool_choice",
  "tools",
  "top_p",
]);

const EMBEDDINGS_FIELDS: ReadonlySet<string> = new Set([
  "encoding_format",
  "input",
  "metadata",
  "model",
  "output_dimension",
  "output_dtype",
]);

/** Sums that include cached tokens. Audio is counted in seconds. */
export function mistralUsage(usage: Fields, answer: Fields): Usage | undefined {
  const prompt = stated(usage.prompt_tokens);
  const completion = stated(usage.completion_tokens);
  if (prompt === undefined || completion === undefined) return undefined;
  const seconds = count(usage.prompt_audio_seconds);
  const cached = count(usage.num_cached_tokens);
  return usageOf({
    ...split(prompt, {
      cacheRead: Math.max(cached, count(inner(usage, "prompt_tokens_details").cached_tokens)),
      cacheWrite: 0,
      audio: 0,
    }),
    output: completion,
    units: seconds > 0 ? { second: seconds } : {},
    tier: word(usage.service_tier),
    model: word(answer.model),
  });
}

const chat = chatMeter({
  known: CHAT_FIELDS,
  cap: "max_tokens",
  mustAskForUsage: false,
  // Pixtral: 1,024 by 1,024 pixels in patches of 16, and a break for each row.
  imageTokens: () => ({ most: 8192, isBeyondWindow: false }),
  usage: mistralUsage,
});

export const mistral: Preset = {
  name: "mistral",
  origin: "https://api.mistral.ai",
  keyPlace: { kind: "bearer" },
  credentialPlaces: ["bearer"],
  dialect: openaiDialect,
  routes: [
    { method: "POST", path: "/v1/chat/completions", capability: "chat", meter: chat },
    { method: "POST", path: "/v1/fim/completions", capability: "chat", meter: chat },
    {
      method: "POST",
      path: "/v1/embeddings",
      capability: "embeddings",
      meter: embeddingsMeter(EMBEDDINGS_FIELDS),
    },
    { method: "POST", path: "/v1/ocr", capability: "ocr", meter: "flat" },
    {
      method: "POST",
      path: "/v1/audio/transcriptions",
      capability: "transcription",
      meter: "flat",
    },
    { method: "GET", path: "/v1/models", capability: "models", meter: "free" },
    { method: "GET", path: "/v1/models/*", capability: "models", meter: "free" },
  ],
};
