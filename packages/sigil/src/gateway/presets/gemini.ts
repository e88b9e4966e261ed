/** Gemini, as @google/genai 2.32 speaks to it. */
import { googleDialect } from "./dialects/google.ts";
import { embedMeter } from "./meters/embed.ts";
import { generateMeter } from "./meters/generate.ts";
import type { Meter, Preset, PresetRoute } from "./preset.ts";

const METHODS: readonly (readonly [string, string, Meter | "free"])[] = [
  ["generateContent", "chat", generateMeter],
  ["streamGenerateContent", "chat", generateMeter],
  ["countTokens", "chat", "free"],
  ["embedContent", "embeddings", embedMeter],
  ["batchEmbedContents", "embeddings", embedMeter],
];

const routesOf = (version: string): readonly PresetRoute[] => [
  ...METHODS.map(([method, capability, meter]) => ({
    method: "POST",
    path: `/${version}/models/{model}:${method}`,
    capability,
    meter,
  })),
  { method: "GET", path: `/${version}/models`, capability: "models", meter: "free" },
  { method: "GET", path: `/${version}/models/{model}`, capability: "models", meter: "free" },
];

export const gemini: Preset = {
  name: "gemini",
  origin: "https://generativelanguage.googleapis.com",
  keyPlace: { kind: "header", name: "x-goog-api-key" },
  credentialPlaces: [{ header: "x-goog-api-key" }, { query: "key" }, "bearer"],
  dialect: googleDialect,
  // The first can take the usage out of an answer, the second bills another project, and the third
  // makes another method of it.
  fieldsRefused: [
    { name: "x-goog-fieldmask" },
    { name: "x-goog-user-project" },
    { name: "x-http-method-override" },
  ],
  routes: [...routesOf("v1beta"), ...routesOf("v1")],
};
