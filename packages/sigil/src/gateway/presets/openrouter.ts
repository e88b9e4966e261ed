/** OpenRouter: chat completions with any vendor's models. @openrouter/sdk 1.3. */
import type { Usage } from "../usage.ts";
import { openaiDialect } from "./dialects/openai.ts";
import { type Fields, quoted } from "./fields.ts";
import { chatMeter } from "./meters/chat.ts";
import { chatUsage } from "./meters/openai-usage.ts";
import { count, inner } from "./numbers.ts";
import { OPENAI_CHAT_FIELDS } from "./openai.ts";
import type { Preset } from "./preset.ts";
import { RequestRefused } from "./refused.ts";

/**
 * Missing are `models` and `route`, which may use another model, `plugins` and
 * `web_search_options`, which are billed for each call, and `preset`, which may set all of them.
 */
const CHAT_FIELDS: ReadonlySet<string> = new Set([
  ...OPENAI_CHAT_FIELDS,
  "cache_control",
  "image_config",
  "include_reasoning",
  "min_p",
  "provider",
  "reasoning",
  "repetition_penalty",
  "session_id",
  "structured_outputs",
  "top_a",
  "top_k",
  "trace",
  "transforms",
  "usage",
]);

/** OpenRouter's own models choose another one, and a suffix may add a search. */
function checkModel(_fields: Fields, model: string): void {
  const suffix = /:([^:]*)$/.exec(model)?.[1];
  const isRouter = /^openrouter\/|^~|^@|@preset/.test(model);
  if (isRouter || suffix === "online")
    throw new RequestRefused(
      "tool_not_metered",
      `The model ${quoted(model)} may use another model, or search the web, which is billed for ` +
        "each call. Name the model itself.",
    );
}

/** OpenAI's form, with what OpenRouter took in dollars. */
export function openrouterUsage(usage: Fields, answer: Fields): Usage | undefined {
  const read = chatUsage(usage, answer);
  if (read === undefined) return undefined;
  const searches = count(inner(usage, "server_tool_use_details").web_search_requests);
  const calls = searches > 0 ? { web_search: searches } : {};
  const { cost } = usage;
  // With a key of one's own at the vendor, the cost is OpenRouter's share alone.
  const isWhole = typeof cost === "number" && cost > 0 && usage.is_byok !== true;
  return { ...read, calls, ...(isWhole ? { costUsd: cost } : {}) };
}

export const openrouter: Preset = {
  name: "openrouter",
  origin: "https://openrouter.ai",
  keyPlace: { kind: "bearer" },
  credentialPlaces: ["bearer"],
  dialect: openaiDialect,
  routes: [
    {
      method: "POST",
      path: "/api/v1/chat/completions",
      capability: "chat",
      meter: chatMeter({
        known: CHAT_FIELDS,
        cap: "max_tokens",
        // Each stream states its usage, and clients know that.
        mustAskForUsage: false,
        // The most of any vendor: see `openaiImage`.
        imageTokens: () => ({ most: 48_169, isBeyondWindow: true }),
        check: checkModel,
        usage: openrouterUsage,
      }),
    },
    { method: "GET", path: "/api/v1/models", capability: "models", meter: "free" },
    { method: "GET", path: "/api/v1/models/**", capability: "models", meter: "free" },
  ],
};
