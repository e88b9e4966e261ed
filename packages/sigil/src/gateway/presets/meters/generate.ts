/** Gemini's `generateContent` and `streamGenerateContent`. */

import type { JsonBody } from "../../body/json-body.ts";
import type { Target } from "../../core/request.ts";
import type { AtVendor } from "../../tokens/at-vendor.ts";
import { bytesOf } from "../../tokens/estimate.ts";
import { type Bound, boundOf } from "../bound.ts";
import {
  countIn,
  type Fields,
  isObject,
  isSet,
  listOf,
  objectsOf,
  picked,
  quoted,
} from "../fields.ts";
import { type ImageTokens, type Part, PartSum, TEXT, WINDOW } from "../parts.ts";
import {
  type Allowances,
  type Asked,
  type CapPlace,
  type Meter,
  NO_ALLOWANCES,
} from "../preset.ts";
import { asksForReasoning } from "../reasoning.ts";
import { RequestRefused } from "../refused.ts";
import { byteLength, MESSAGE_TOKENS, REQUEST_TOKENS, tokensOf } from "../text.ts";
import { type ToolKind, toolCosts } from "../tools.ts";
import { GenerateReader } from "./generate-usage.ts";
import { googleFields, googleModel } from "./google-request.ts";
import { camel, memberOf, spellingIn } from "./proto.ts";

const KNOWN: ReadonlySet<string> = new Set([
  "cachedContent",
  "contents",
  "generationConfig",
  "labels",
  "model",
  "safetySettings",
  "serviceTier",
  "store",
  "systemInstruction",
  "toolConfig",
  "tools",
]);

/** Of Gemini 3, 2,240 at the highest resolution. Before, an image had tiles without a limit. */
const imageTokens = (model: string): ImageTokens => ({
  most: /^gemini-3/.test(model) ? 2240 : Number.POSITIVE_INFINITY,
  isBeyondWindow: false,
});

export const generateMeter: Meter = {
  ask(body: JsonBody | undefined, target: Target, allowances: Allowances = NO_ALLOWANCES): Asked {
    const fields = googleFields(body, KNOWN, allowances);
    const { model, method, alt } = googleModel(fields, target);
    const isStream = method === "streamGenerateContent";
    if (isStream && alt !== "sse")
      throw new RequestRefused(
        "bad_request",
        "Without ?alt=sse the answer is one growing array, whose usage is not read. Add alt=sse.",
      );
    const given = memberOf(fields, "tools");
    const tools = toolCosts(isObject(given) ? [given] : given, toolKind);
    const parts = new PartSum(imageTokens(model));
    if (isSet(memberOf(fields, "cachedContent"))) parts.add(WINDOW);
    const contents = objectsOf(memberOf(fields, "contents"));
    for (const content of [...contents, ...objectsOf(memberOf(fields, "systemInstruction"))])
      addParts(parts, memberOf(content, "parts"));
    const config = configOf(fields);
    const text =
      tokensOf(fields) + REQUEST_TOKENS + MESSAGE_TOKENS * (contents.length + 1) + tools.tokens;
    const maxOutput = spellingIn(config, "maxOutputTokens");
    const candidates = spellingIn(config, "candidateCount");
    return {
      model,
      isStream,
      mayReason: asksForReasoning({ thinkingConfig: thinkingOf(config) }),
      bound: boundOf({
        ...parts.bound(text),
        maxOutput: maxOutput === undefined ? undefined : countIn(config, maxOutput),
        choices: candidates === undefined ? 1 : Math.max(1, countIn(config, candidates) ?? 1),
        outputKinds: kindsOf(model, memberOf(config, "responseModalities")),
        tier: tierOf(memberOf(fields, "serviceTier")),
        model,
      }),
      atVendor: () => countOf(fields, model, target, parts.dataBytes),
      cap: capOf(fields, maxOutput),
      edits: [],
      notes: new Set(),
    };
  },
  reader: () => new GenerateReader(),
};

/** What the model reads as its prompt. */
const COUNTED = ["contents", "systemInstruction", "toolConfig", "tools"];

function countOf(
  fields: Fields,
  model: string,
  { path }: Target,
  dataBytes: number,
): AtVendor | undefined {
  const names = COUNTED.flatMap((name) => spellingIn(fields, name) ?? []);
  const asked = picked(fields, names);
  const bytes = bytesOf(asked, dataBytes);
  if (bytes === undefined) return undefined;
  return {
    path: path.replace(/:[A-Za-z]+$/, ":countTokens"),
    query: "",
    body: JSON.stringify({ generateContentRequest: { ...asked, model: `models/${model}` } }),
    fields: [],
    bytes: bytes - signatureBytes(memberOf(fields, "contents")),
    member: "totalTokens",
  };
}

/** Signatures of thoughts, which stand for what the model thought before. */
const signatureBytes = (contents: unknown): number =>
  objectsOf(contents)
    .flatMap((content) => objectsOf(memberOf(content, "parts")))
    .map((part) => memberOf(part, "thoughtSignature"))
    .reduce<number>((sum, one) => sum + (typeof one === "string" ? byteLength(one) : 0), 0);

function configOf(fields: Fields): Fields {
  const config = memberOf(fields, "generationConfig");
  if (config === undefined) return {};
  // Null has no members, so a cap could not be written into it.
  if (!isObject(config))
    throw new RequestRefused("bad_request", '"generationConfig" must be an object.');
  return config;
}

/** In one spelling of its two. */
function thinkingOf(config: Fields): unknown {
  const thinking = memberOf(config, "thinkingConfig");
  return isObject(thinking) ? { thinkingBudget: memberOf(thinking, "thinkingBudget") } : thinking;
}

function capOf(fields: Fields, maxOutput: string | undefined): CapPlace {
  const config = spellingIn(fields, "generationConfig") ?? "generationConfig";
  return { path: [config, maxOutput ?? "maxOutputTokens"], least: 1, below: [] };
}

/** What the answer may be made of. A model for images makes them unless it is asked for text. */
function kindsOf(model: string, modalities: unknown): Bound["outputKinds"] {
  const asked = listOf(modalities, "responseModalities").map(kindsOfModality);
  const others = asked.flatMap((kinds) => kinds ?? []);
  const isText = asked.length > 0 && asked.every((kinds) => kinds?.length === 0);
  const makesImages = /image|banana/i.test(model) && !isText;
  return makesImages && !others.includes("image_token") ? ["image_token", ...others] : others;
}

/** Undefined for the default of the model. Enumerations may be written as numbers. */
function kindsOfModality(modality: unknown): Bound["outputKinds"] | undefined {
  switch (typeof modality === "string" ? modality.toUpperCase() : modality) {
    case "MODALITY_UNSPECIFIED":
    case 0:
      return undefined;
    case "TEXT":
    case 1:
      return [];
    case "IMAGE":
    case 2:
      return ["image_token"];
    case "AUDIO":
    case 3:
      return ["outputAudio"];
    default:
      throw new RequestRefused(
        "field_not_metered",
        `Output of the kind ${quoted(`${modality}`)} is not known here, so nobody can tell what ` +
          "it costs. Ask for TEXT, IMAGE or AUDIO.",
      );
  }
}

const tierOf = (tier: unknown): string | undefined =>
  typeof tier === "string" ? tier.toLowerCase() : undefined;

/** Each member of a tool is a tool. Nothing caps the calls of those that Google runs. */
function toolKind(tool: Fields): ToolKind | undefined {
  const names = Object.keys(tool).map(camel);
  if (names.every((name) => name === "functionDeclarations")) return "own";
  const isClients = names.every(
    (name) => name === "functionDeclarations" || name === "computerUse",
  );
  return isClients ? "typed" : undefined;
}

/** Members beside what a part says. */
const BESIDE: ReadonlySet<string> = new Set([
  "thought",
  "thoughtSignature",
  "videoMetadata",
  "mediaResolution",
  "partMetadata",
  "mediaProcessing",
]);
const TEXT_PARTS: ReadonlySet<string> = new Set([
  "text",
  "functionCall",
  "functionResponse",
  "executableCode",
  "codeExecutionResult",
]);

/** Adds the parts of a content to what they cost. */
export function addParts(parts: PartSum, content: unknown): void {
  parts.addContent(content, (part) => {
    const [name, ...more] = Object.keys(part)
      .map(camel)
      .filter((key) => !BESIDE.has(key));
    if (more.length > 0) return undefined;
    // A part that is a signature alone.
    if (name === undefined) return TEXT;
    if (name === "functionResponse") {
      const response = memberOf(part, name);
      if (isObject(response)) addParts(parts, memberOf(response, "parts"));
    }
    if (TEXT_PARTS.has(name)) return TEXT;
    if (name === "inlineData" || name === "fileData") return mediaOf(memberOf(part, name));
    return undefined;
  });
}

function mediaOf(media: unknown): Part {
  if (!isObject(media)) return WINDOW;
  const { data } = media;
  const type = `${memberOf(media, "mimeType")}`.toLowerCase();
  if (type.startsWith("image/")) return { kind: "image", data };
  if (type.startsWith("audio/")) return { kind: "audio", data };
  // A file by its address may be of another type than it says.
  if (type.startsWith("video/") || data === undefined) return { kind: "video", data };
  return { kind: "window", data };
}
