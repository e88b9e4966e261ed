/** OpenAI: chat completions, Responses, embeddings, images, transcription. openai 6.49. */
import { OPENAI_PROTOCOL } from "../credential/place.ts";
import { openaiEncoding } from "../tokens/encoding.ts";
import { openaiDialect } from "./dialects/openai.ts";
import type { Fields } from "./fields.ts";
import { quoted } from "./fields.ts";
import { chatMeter } from "./meters/chat.ts";
import { embeddingsMeter } from "./meters/embeddings.ts";
import { imagesMeter } from "./meters/images.ts";
import { chatUsage } from "./meters/openai-usage.ts";
import { responsesMeter } from "./meters/responses.ts";
import type { ImageTokens } from "./parts.ts";
import type { Preset } from "./preset.ts";
import { RequestRefused } from "./refused.ts";

/** `web_search_options` is missing: searches are billed for each call, and nothing caps them. */
export const OPENAI_CHAT_FIELDS: ReadonlySet<string> = new Set([
  "audio",
  "frequency_penalty",
  "function_call",
  "functions",
  "logit_bias",
  "logprobs",
  "max_completion_tokens",
  "max_tokens",
  "messages",
  "metadata",
  "modalities",
  "model",
  "moderation",
  "n",
  "parallel_tool_calls",
  "prediction",
  "presence_penalty",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "reasoning_effort",
  "response_format",
  "safety_identifier",
  "seed",
  "service_tier",
  "stop",
  "store",
  "stream",
  "stream_options",
  "temperature",
  "tool_choice",
  "tools",
  "top_logprobs",
  "top_p",
  "user",
  "verbosity",
]);

/**
 * `context_management` is missing: a compaction is a request of its own. `client_metadata` is what
 * Codex says of itself.
 */
const RESPONSES_FIELDS: ReadonlySet<string> = new Set([
  "background",
  "client_metadata",
  "conversation",
  "include",
  "input",
  "instructions",
  "max_output_tokens",
  "max_tool_calls",
  "metadata",
  "model",
  "moderation",
  "parallel_tool_calls",
  "previous_response_id",
  "prompt",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "reasoning",
  "safety_identifier",
  "service_tier",
  "store",
  "stream",
  "stream_options",
  "temperature",
  "text",
  "tool_choice",
  "tools",
  "top_logprobs",
  "top_p",
  "truncation",
  "user",
]);

export const EMBEDDINGS_FIELDS: ReadonlySet<string> = new Set([
  "dimensions",
  "encoding_format",
  "input",
  "model",
  "user",
]);

/**
 * The most tokens of an image. `gpt-4o-mini` bills 2,833 and 5,667 for each of up to 8 tiles,
 * beside its context window. Other models have at most 10,000 patches, times 2.46.
 */
export const openaiImage = (model: string): ImageTokens =>
  model.includes("4o-mini")
    ? { most: 48_169, isBeyondWindow: true }
    : { most: 24_600, isBeyondWindow: false };

/** Models that search by themselves, and bill it. */
function checkSearch(_fields: Fields, model: string): void {
  if (/search|deep-research/.test(model))
    throw new RequestRefused(
      "tool_not_metered",
      `The model ${quoted(model)} searches the web, which is billed for each call. Use a model ` +
        "without search.",
    );
}

export const openai: Preset = {
  name: "openai",
  origin: "https://api.openai.com",
  keyPlace: { kind: "bearer" },
  credentialPlaces: ["bearer", { header: "api-key" }, { subprotocol: OPENAI_PROTOCOL }],
  dialect: openaiDialect,
  // Whose bill it is, and so whose limits.
  fieldsRefused: [{ name: "openai-organization" }, { name: "openai-project" }],
  routes: [
    {
      method: "POST",
      path: "/v1/chat/completions",
      capability: "chat",
      meter: chatMeter({
        known: OPENAI_CHAT_FIELDS,
        cap: "max_completion_tokens",
        mustAskForUsage: true,
        imageTokens: openaiImage,
        encoding: openaiEncoding,
        check: checkSearch,
        usage: chatUsage,
      }),
    },
    {
      method: "POST",
      path: "/v1/responses",
      capability: "chat",
      meter: responsesMeter({
        known: RESPONSES_FIELDS,
        imageTokens: openaiImage,
        encoding: openaiEncoding,
      }),
    },
    {
      method: "POST",
      path: "/v1/embeddings",
      capability: "embeddings",
      meter: embeddingsMeter(EMBEDDINGS_FIELDS, openaiEncoding),
    },
    {
      method: "POST",
      path: "/v1/images/generations",
      capability: "images",
      meter: imagesMeter,
    },
    // Forms, which are not read: a flat price for each request.
    { method: "POST", path: "/v1/images/edits", capability: "images", meter: "flat" },
    { method: "POST", path: "/v1/images/variations", capability: "images", meter: "flat" },
    {
      method: "POST",
      path: "/v1/audio/transcriptions",
      capability: "transcription",
      meter: "flat",
    },
    { method: "POST", path: "/v1/audio/translations", capability: "transcription", meter: "flat" },
    { method: "GET", path: "/v1/models", capability: "models", meter: "free" },
    { method: "GET", path: "/v1/models/*", capability: "models", meter: "free" },
  ],
};
