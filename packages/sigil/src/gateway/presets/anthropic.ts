/** Anthropic: Messages, counting of tokens, models. */
import { anthropicDialect } from "./dialects/anthropic.ts";
import { messagesMeter } from "./meters/messages.ts";
import type { Preset } from "./preset.ts";

/** Betas with a larger context window, which has a higher price, or a longer output. */
export const WIDER_BETA = /context-1m|output-\d+k/i;

export const anthropic: Preset = {
  name: "anthropic",
  origin: "https://api.anthropic.com",
  keyPlace: { kind: "header", name: "x-api-key" },
  // Its own SDKs send `apiKey` as a bearer token since 1.0, @ai-sdk/anthropic as x-api-key.
  credentialPlaces: ["bearer", { header: "x-api-key" }],
  dialect: anthropicDialect,
  fieldsRefused: [{ name: "anthropic-beta", matches: WIDER_BETA }],
  routes: [
    { method: "POST", path: "/v1/messages", capability: "chat", meter: messagesMeter },
    { method: "POST", path: "/v1/messages/count_tokens", capability: "chat", meter: "free" },
    { method: "GET", path: "/v1/models", capability: "models", meter: "free" },
    { method: "GET", path: "/v1/models/*", capability: "models", meter: "free" },
  ],
};
