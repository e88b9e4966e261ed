/** OpenAI's Responses. */

import { type Edit, set } from "../../body/edit.ts";
import type { JsonBody } from "../../body/json-body.ts";
import type { Target } from "../../core/request.ts";
import type { Encoding } from "../../tokens/encoding.ts";
import { boundOf } from "../bound.ts";
import {
  countIn,
  type Fields,
  fieldsOf,
  flagIn,
  isObject,
  isSet,
  listOf,
  modelIn,
  objectsOf,
  textIn,
} from "../fields.ts";
import { type ImageTokens, imageAt, type Part, PartSum, TEXT, textsIn, WINDOW } from "../parts.ts";
import { type Allowances, type Asked, type Meter, NO_ALLOWANCES } from "../preset.ts";
import { asksForReasoning } from "../reasoning.ts";
import { RequestRefused } from "../refused.ts";
import { MESSAGE_TOKENS, REQUEST_TOKENS, tokensOf } from "../text.ts";
import { type ToolKind, toolCosts } from "../tools.ts";
import { ResponsesReader } from "./responses-usage.ts";

/** The smallest `max_output_tokens` that OpenAI accepts. */
const LEAST_OUTPUT = 16;

export interface ResponsesKind {
  readonly known: ReadonlySet<string>;
  imageTokens(model: string): ImageTokens;
  /** Undefined if it is not known. */
  encoding(model: string): Encoding | undefined;
}

/** A meter for Responses. */
export const responsesMeter = (kind: ResponsesKind): Meter => ({
  ask: (body, target, allowances = NO_ALLOWANCES) => ask(kind, body, target, allowances),
  reader: () => new ResponsesReader(),
});

function ask(
  kind: ResponsesKind,
  body: JsonBody | undefined,
  target: Target,
  allowances: Allowances,
): Asked {
  const fields = fieldsOf(body, kind.known, allowances);
  const model = modelIn(fields, target);
  if (flagIn(fields, "background"))
    throw new RequestRefused(
      "field_not_metered",
      'The usage of a response with "background": true is known only later. Leave it out.',
    );
  if (isSet(fields.prompt))
    throw new RequestRefused(
      "field_not_metered",
      'The template in "prompt" may name tools and another model. Send what it says instead.',
    );
  const items = objectsOf(fields.input);
  const tools = toolCosts(toolsIn(fields, items), toolKind, allowances);
  const parts = new PartSum(kind.imageTokens(model));
  if (isSet(fields.previous_response_id) || isSet(fields.conversation)) parts.add(WINDOW);
  // What a hosted tool finds is read by the model, and is not in the body.
  if (tools.rounds > 0) parts.add(WINDOW);
  for (const item of items) addItem(parts, item);
  const text =
    tokensOf(fields) + REQUEST_TOKENS + MESSAGE_TOKENS * (items.length + 1) + tools.tokens;
  const encoding = kind.encoding(model);
  const limit = callLimit(fields, tools.calls);
  return {
    model,
    isStream: flagIn(fields, "stream"),
    mayReason: asksForReasoning(fields),
    bound: boundOf({
      ...parts.bound(text),
      maxOutput: countIn(fields, "max_output_tokens"),
      windows: 1 + limit.calls,
      calls: Object.fromEntries(Object.keys(tools.calls).map((name) => [name, limit.calls])),
      tier: textIn(fields, "service_tier"),
      model,
    }),
    countable: encoding && { encoding, texts: textsOf(fields) },
    cap: { path: ["max_output_tokens"], least: LEAST_OUTPUT, below: [] },
    edits: limit.edits,
    notes: new Set(),
  };
}

function textsOf({ instructions, input }: Fields): readonly string[] {
  const isText = ({ type }: Fields): boolean => TEXT_PARTS.has(type);
  const plain = [instructions, input].filter((text) => typeof text === "string");
  const messages = objectsOf(input).filter(isMessage);
  return [...plain, ...messages.flatMap(({ content }) => textsIn(content, isText))];
}

const isMessage = ({ type, role }: Fields): boolean =>
  role !== undefined && (type === undefined || type === null || type === "message");

/** The tools at each place where one can stand: the list, items of the input, and the choice. */
function toolsIn(fields: Fields, items: readonly Fields[]): readonly unknown[] {
  const ofItems = items.flatMap((item) => {
    const tools = listOf(item.tools, "tools");
    // Descriptions of the tools of a server, which have no type.
    return item.type === "mcp_list_tools"
      ? tools.filter((tool) => !isObject(tool) || isSet(tool.type))
      : tools;
  });
  const { tool_choice: choice } = fields;
  const isList = isObject(choice) && choice.type === "allowed_tools";
  const chosen = isList ? listOf(choice.tools, "tools") : isObject(choice) ? [choice] : [];
  // A choice only names the shell, whose environment is in the list.
  const named = chosen.filter((tool) => !isObject(tool) || !NAMED_TOOLS.has(tool.type));
  return [...listOf(fields.tools, "tools"), ...ofItems, ...named];
}

/** `max_tool_calls` counts the calls of all hosted tools, so each may be all of them. */
function callLimit(
  fields: Fields,
  allowed: Readonly<Record<string, number>>,
): { calls: number; edits: readonly Edit[] } {
  const most = Object.values(allowed);
  if (most.length === 0) return { calls: 0, edits: [] };
  const own = countIn(fields, "max_tool_calls");
  const calls = Math.min(...most, own ?? Number.POSITIVE_INFINITY);
  return { calls, edits: calls === own ? [] : [set(["max_tool_calls"], calls)] };
}

const OWN_TOOLS: ReadonlySet<unknown> = new Set(["function", "custom"]);
const TYPED_TOOLS: ReadonlySet<unknown> = new Set([
  "local_shell",
  "apply_patch",
  "computer",
  "computer_use_preview",
]);
const NAMED_TOOLS: ReadonlySet<unknown> = new Set(["shell", "tool_search", "namespace"]);
const HOSTED_TOOLS: ReadonlySet<string> = new Set([
  "web_search",
  "file_search",
  "code_interpreter",
  "image_generation",
  "mcp",
]);

function toolKind(tool: Fields): ToolKind | undefined {
  const { type } = tool;
  if (OWN_TOOLS.has(type)) return "own";
  if (TYPED_TOOLS.has(type)) return "typed";
  if (type === "namespace")
    return listOf(tool.tools, "tools").every((inner) =>
      OWN_TOOLS.has((inner as Fields | null)?.type),
    )
      ? "own"
      : undefined;
  if (type === "tool_search") return tool.execution === "client" ? "typed" : undefined;
  // Without an environment of the client's, the shell is a container that is billed.
  if (type === "shell")
    return (tool.environment as Fields | null | undefined)?.type === "local" ? "typed" : undefined;
  if (typeof type !== "string") return undefined;
  // "web_search_preview_2025_03_11"
  const name = type.replace(/^web_search(?:_preview)?(?:_\d{4}_\d{2}_\d{2})?$/, "web_search");
  return HOSTED_TOOLS.has(name) ? { hosted: name } : undefined;
}

/** Items whose cost is their text. */
const TEXT_ITEMS: ReadonlySet<unknown> = new Set([
  "function_call",
  "custom_tool_call",
  "reasoning",
  "compaction",
  "computer_call",
  "local_shell_call",
  "local_shell_call_output",
  "shell_call",
  "shell_call_output",
  "apply_patch_call",
  "apply_patch_call_output",
  "tool_search_call",
  "tool_search_output",
  "additional_tools",
  "mcp_list_tools",
  "mcp_approval_request",
  "mcp_approval_response",
  "mcp_call",
]);
/** Items that stand for something which the vendor keeps. */
const KEPT_ITEMS: ReadonlySet<unknown> = new Set([
  "item_reference",
  "web_search_call",
  "file_search_call",
  "code_interpreter_call",
  "image_generation_call",
]);

function addItem(parts: PartSum, item: Fields): void {
  const { type } = item;
  if (TEXT_ITEMS.has(type)) return;
  if (type === undefined || type === null || type === "message") {
    // An item without role and content is a reference, whose type may be left out.
    if (item.role === undefined) parts.add(WINDOW);
    else parts.addContent(item.content, partOf);
  } else if (type === "function_call_output" || type === "custom_tool_call_output")
    parts.addContent(item.output, partOf);
  else if (type === "computer_call_output") parts.addContent([item.output], partOf);
  else if (KEPT_ITEMS.has(type)) parts.add(WINDOW);
  else parts.addContent([item], () => undefined);
}

const TEXT_PARTS: ReadonlySet<unknown> = new Set([
  "input_text",
  "output_text",
  "text",
  "refusal",
  "summary_text",
  "reasoning_text",
]);

function partOf(part: Fields): Part | undefined {
  if (TEXT_PARTS.has(part.type)) return TEXT;
  switch (part.type) {
    case "input_image":
    case "computer_screenshot":
      return imageAt(part.image_url);
    case "input_file":
      return { kind: "window", data: part.file_data };
    case "input_audio":
      return { kind: "audio" };
    default:
      return undefined;
  }
}
