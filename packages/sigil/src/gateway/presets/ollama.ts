/** Ollama: its own API, and OpenAI's form of it below /v1. Models cannot be pulled or deleted. */
import { ollamaDialect } from "./dialects/ollama.ts";
import { openaiDialect } from "./dialects/openai.ts";
import { checkCase, type Fields } from "./fields.ts";
import { chatMeter } from "./meters/chat.ts";
import { embeddingsMeter } from "./meters/embeddings.ts";
import { OLLAMA_IMAGE, OLLAMA_OPEN, ollamaMeter } from "./meters/ollama.ts";
import { chatUsage } from "./meters/openai-usage.ts";
import { EMBEDDINGS_FIELDS, OPENAI_CHAT_FIELDS } from "./openai.ts";
import type { Preset } from "./preset.ts";
import { RequestRefused } from "./refused.ts";

const text = ollamaMeter("text");
const embeddings = ollamaMeter("embeddings");
const dialect = openaiDialect;

function checkChat(fields: Fields): void {
  checkCase(fields, OLLAMA_OPEN);
  if (fields.max_completion_tokens === undefined || fields.max_completion_tokens === null) return;
  throw new RequestRefused(
    "field_not_metered",
    'Ollama does not read "max_completion_tokens", so it caps nothing. Send "max_tokens".',
  );
}

export const ollama: Preset = {
  name: "ollama",
  origin: "http://127.0.0.1:11434",
  keyPlace: { kind: "bearer" },
  credentialPlaces: ["bearer"],
  dialect: ollamaDialect,
  routes: [
    { method: "POST", path: "/api/chat", capability: "chat", meter: text },
    { method: "POST", path: "/api/generate", capability: "chat", meter: text },
    { method: "POST", path: "/api/embed", capability: "embeddings", meter: embeddings },
    { method: "POST", path: "/api/embeddings", capability: "embeddings", meter: embeddings },
    { method: "GET", path: "/api/tags", capability: "models", meter: "free" },
    { method: "GET", path: "/api/ps", capability: "models", meter: "free" },
    { method: "POST", path: "/api/show", capability: "models", meter: "free" },
    { method: "GET", path: "/api/version", capability: "models", meter: "free" },
    {
      method: "POST",
      path: "/v1/chat/completions",
      capability: "chat",
      meter: chatMeter({
        known: OPENAI_CHAT_FIELDS,
        cap: "max_tokens",
        mustAskForUsage: true,
        isEndless: true,
        imageTokens: () => OLLAMA_IMAGE,
        check: checkChat,
        usage: chatUsage,
      }),
      dialect,
    },
    {
      method: "POST",
      path: "/v1/embeddings",
      capability: "embeddings",
      meter: embeddingsMeter(EMBEDDINGS_FIELDS),
      dialect,
    },
    { method: "GET", path: "/v1/models", capability: "models", meter: "free", dialect },
  ],
};
