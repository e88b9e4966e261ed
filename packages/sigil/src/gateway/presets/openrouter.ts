/** OpenRouter: chat completions with any vendor's models. @openrouter/sdk 1.3. */
import type { Usage } from "../usage.ts";
import { WIDER_BETA } from "./anthropic.ts";
import { openaiDialect } from "./dialects/openai.ts";
import { type Fields, isObject, objectIn, objectsOf, quoted } from "./fields.ts";
import { chatMeter } from "./meters/chat.ts";
import { chatUsage } from "./meters/openai-usage.ts";
import { count, inner } from "./numbers.ts";
import { OPENAI_CHAT_FIELDS } from "./openai.ts";
import { dataOf } from "./parts.ts";
import type { Preset } from "./preset.ts";
import { RequestRefused } from "./refused.ts";

/**
 * Missing are `models` and `route`, which may use another model, `plugins` and
 * `web_search_options`, which are billed for each call, `transforms`, which changes what is sent,
 * `image_config`, which makes images dearer, and `preset`, which may set all of them.
 */
const CHAT_FIELDS: ReadonlySet<string> = new Set([
  ...OPENAI_CHAT_FIELDS,
  "cache_control",
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
  "usage",
]);

/** Suffixes of models with a price of their own, and `floor`, which takes the cheapest provider. */
const SUFFIXES: ReadonlySet<string> = new Set(["beta", "extended", "floor", "free", "thinking"]);

/**
 * OpenRouter's own models choose another one, and a suffix may add a search or choose a dearer
 * provider.
 */
function checkModel(model: string): void {
  const [, ...suffixes] = model.split(":");
  const isRouter = /^openrouter\/|^~|^@|@preset/.test(model);
  if (isRouter || suffixes.some((suffix) => !SUFFIXES.has(suffix)))
    throw new RequestRefused(
      "tool_not_metered",
      `The model ${quoted(model)} may use another model, a dearer provider, or search the web, ` +
        "which is billed for each call. Name the model itself.",
    );
  if (/image|banana/i.test(model))
    throw new RequestRefused(
      "field_not_metered",
      `The model ${quoted(model)} makes images, which have no price here. Use a model for text.`,
    );
}

/** Members of `provider` that cannot lead to a provider with a higher price. */
const PROVIDER_FIELDS: ReadonlySet<string> = new Set(["allow_fallbacks", "max_price"]);

function checkProvider(fields: Fields): void {
  for (const name of Object.keys(objectIn(fields, "provider") ?? {}))
    if (!PROVIDER_FIELDS.has(name))
      throw new RequestRefused(
        "field_not_metered",
        `${quoted(name)} in "provider" may choose a provider with a higher price. Leave it out; ` +
          '"max_price" and "allow_fallbacks" are sent.',
      );
}

/** What a model cannot read is turned into text by a service that is billed for each page. */
function checkFiles(fields: Fields): void {
  for (const { content } of objectsOf(fields.messages))
    for (const part of objectsOf(content)) {
      const image = isObject(part.image_url) ? part.image_url.url : part.image_url;
      const data = dataOf(image);
      const isImage = data === undefined || /^data:image\//i.test(data);
      if (part.type === "file" || part.type === "document_url" || !isImage)
        throw new RequestRefused(
          "field_not_metered",
          "A file may be read by a service that OpenRouter bills for each page. Send its text.",
        );
    }
}

function check(fields: Fields, model: string): void {
  checkModel(model);
  checkProvider(fields);
  checkFiles(fields);
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
  // Passed on to Anthropic.
  fieldsRefused: [{ name: "x-anthropic-beta", matches: WIDER_BETA }],
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
        check,
        usage: openrouterUsage,
      }),
    },
    { method: "GET", path: "/api/v1/models", capability: "models", meter: "free" },
    { method: "GET", path: "/api/v1/models/**", capability: "models", meter: "free" },
  ],
};
