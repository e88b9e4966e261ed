/** The presets by name. */
import { anthropic } from "./anthropic.ts";
import { gemini } from "./gemini.ts";
import { generic } from "./generic.ts";
import { mistral } from "./mistral.ts";
import { ollama } from "./ollama.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import type { Preset } from "./preset.ts";
import { stripe } from "./stripe.ts";

export const PRESETS: ReadonlyMap<string, Preset> = new Map(
  [openai, anthropic, gemini, mistral, ollama, openrouter, stripe, generic].map((preset) => [
    preset.name,
    preset,
  ]),
);
