/** Chat completions in OpenAI's form, which several vendors speak. */

import { set } from "../../body/edit.ts";
import type { JsonBody } from "../../body/json-body.ts";
import type { Target } from "../../core/request.ts";
import type { Encoding } from "../../tokens/encoding.ts";
import { type Bound, boundOf } from "../bound.ts";
import {
  countIn,
  type Fields,
  fieldsOf,
  flagIn,
  isObject,
  itemsOf,
  listOf,
  modelIn,
  objectIn,
  objectsOf,
  oneOf,
  quoted,
  textIn,
} from "../fields.ts";
import { dataOf, type ImageTokens, imageAt, type Part, PartSum, TEXT, textsIn } from "../parts.ts";
import {
  type Allowances,
  type Asked,
  type CapPlace,
  type Meter,
  NO_ALLOWANCES,
  type Note,
} from "../preset.ts";
import { asksForReasoning } from "../reasoning.ts";
import { RequestRefused } from "../refused.ts";
import { MESSAGE_TOKENS, REQUEST_TOKENS, tokensOf } from "../text.ts";
import { type ToolKind, toolCosts } from "../tools.ts";
import { ChatReader, type ChatUsageReader } from "./chat-usage.ts";

/** How one vendor's chat completions differ from the others'. */
export interface ChatKind {
  /** Fields of a request. Undefined: any. */
  readonly known: ReadonlySet<string> | undefined;
  /** Where a cap is written if the client gave none. */
  readonly cap: "max_completion_tokens" | "max_tokens";
  /** Whether a stream states its usage only if the request asks for it. */
  readonly mustAskForUsage: boolean;
  /** Whether a model without a cap goes on until it ends by itself. A cap below 1 is none. */
  readonly isEndless?: boolean;
  imageTokens(model: string): ImageTokens;
  /** Undefined if it is not known of a model, or of any. */
  encoding?(model: string): Encoding | undefined;
  /** @throws RequestRefused for what this vendor bills beside tokens */
  check?(fields: Fields, model: string): void;
  readonly usage: ChatUsageReader;
}

/** A meter for chat completions. */
export const chatMeter = (kind: ChatKind): Meter => ({
  ask: (body, target, allowances = NO_ALLOWANCES) => ask(kind, body, target, allowances),
  reader: ({ notes }) => new ChatReader(kind.usage, notes.has("usage_was_injected")),
});

function ask(
  kind: ChatKind,
  body: JsonBody | undefined,
  target: Target,
  allowances: Allowances,
): Asked {
  const fields = fieldsOf(body, kind.known, allowances);
  const model = modelIn(fields, target);
  kind.check?.(fields, model);
  const tools = toolCosts(fields.tools, toolKind);
  const parts = new PartSum(kind.imageTokens(model));
  for (const message of objectsOf(fields.messages)) {
    parts.addContent(message.content, partOf);
    // Audio of an earlier answer, by its id.
    if (isObject(message.audio)) parts.add({ kind: "audio" });
    for (const image of listOf(message.images, "images")) parts.add({ kind: "image", data: image });
  }
  const text =
    tokensOf(fields) +
    REQUEST_TOKENS +
    MESSAGE_TOKENS * itemsOf(fields.messages).length +
    tools.tokens;
  const maxField = oneOf(fields, "max_completion_tokens", "max_tokens");
  const isStream = flagIn(fields, "stream");
  const isUsageAsked = flagIn(objectIn(fields, "stream_options") ?? {}, "include_usage");
  const injects = isStream && kind.mustAskForUsage && !isUsageAsked;
  const { prediction } = fields;
  const { isEndless = false } = kind;
  const encoding = kind.encoding?.(model);
  const given = maxField === undefined ? undefined : fields[maxField];
  const isNone = maxField === undefined || (isEndless && typeof given === "number" && given <= 0);
  return {
    model,
    isStream,
    mayReason: asksForReasoning(fields),
    bound: boundOf({
      ...parts.bound(text),
      maxOutput: isNone ? undefined : countIn(fields, maxField),
      isEndless,
      choices: Math.max(1, countIn(fields, "n") ?? 1),
      // What the model rejects of a prediction is billed as output.
      output: isObject(prediction) ? tokensOf(prediction.content) : 0,
      outputKinds: listOf(fields.modalities, "modalities").flatMap(kindsOfModality),
      tier: textIn(fields, "service_tier"),
      model,
    }),
    countable: encoding && { encoding, texts: textsOf(fields) },
    cap: capOf(kind, fields, maxField),
    edits: injects ? [askForUsage(fields)] : [],
    notes: new Set<Note>(injects ? ["usage_was_injected"] : []),
  };
}

/** A tool's result may be written as JSON, and so is none of them. */
const textsOf = ({ messages }: Fields): readonly string[] =>
  objectsOf(messages)
    .filter(({ role }) => role !== "tool" && role !== "function")
    .flatMap(({ content }) => textsIn(content, ({ type }) => type === "text"));

function kindsOfModality(modality: unknown): Bound["outputKinds"] {
  if (modality === "text") return [];
  if (modality === "audio") return ["outputAudio"];
  if (modality === "image") return ["image_token"];
  throw new RequestRefused(
    "field_not_metered",
    `Output of the kind ${quoted(`${modality}`)} is not known here, so nobody can tell what it ` +
      "costs. Ask for text, audio or image.",
  );
}

const askForUsage = (fields: Fields) =>
  isObject(fields.stream_options)
    ? set(["stream_options", "include_usage"], true)
    : set(["stream_options"], { include_usage: true });

function capOf(kind: ChatKind, fields: Fields, maxField: string | undefined): CapPlace {
  // OpenRouter's budget for reasoning, which Anthropic's models need below the cap.
  const reasoning = isObject(fields.reasoning)
    ? countIn(fields.reasoning, "max_tokens")
    : undefined;
  return {
    path: [maxField ?? kind.cap],
    least: 1,
    below:
      reasoning === undefined
        ? []
        : [{ path: ["reasoning", "max_tokens"], value: reasoning, least: 1024 }],
  };
}

/** Only functions and custom tools are run by the client. */
const toolKind = ({ type }: Fields): ToolKind | undefined =>
  type === undefined || type === "function" || type === "custom" ? "own" : undefined;

const TEXT_PARTS: ReadonlySet<unknown> = new Set(["text", "refusal", "thinking", "reference"]);

function partOf(part: Fields): Part | undefined {
  if (TEXT_PARTS.has(part.type)) return TEXT;
  switch (part.type) {
    case "image_url": {
      const { image_url: image } = part;
      return imageAt(isObject(image) ? image.url : image);
    }
    case "input_audio": {
      const { input_audio: audio } = part;
      return { kind: "audio", data: isObject(audio) ? audio.data : audio };
    }
    case "file":
      return { kind: "window", data: isObject(part.file) ? part.file.file_data : undefined };
    case "document_url":
      return { kind: "window", data: dataOf(part.document_url) };
    case "video_url":
      return { kind: "video" };
    case undefined:
      return typeof part.text === "string" ? TEXT : undefined;
    default:
      return undefined;
  }
}
