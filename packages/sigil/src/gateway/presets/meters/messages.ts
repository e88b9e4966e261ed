/** Anthropic's Messages. */

import { type Edit, set } from "../../body/edit.ts";
import type { JsonBody } from "../../body/json-body.ts";
import type { Target } from "../../core/request.ts";
import type { AtVendor } from "../../tokens/at-vendor.ts";
import { bytesOf } from "../../tokens/estimate.ts";
import { boundOf } from "../bound.ts";
import {
  countIn,
  type Fields,
  fieldsOf,
  flagIn,
  isObject,
  itemsOf,
  modelIn,
  objectIn,
  objectsOf,
  picked,
  textIn,
} from "../fields.ts";
import { type Part, PartSum, TEXT, WINDOW } from "../parts.ts";
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
import { MessagesReader } from "./messages-usage.ts";

/**
 * Fields of @anthropic-ai/sdk 1.14, with those of its beta that cost nothing of their own. Missing
 * are `mcp_servers`, `container`, `compaction`, `thread`, and `fallbacks`, which may use another
 * model.
 */
const KNOWN: ReadonlySet<string> = new Set([
  "cache_control",
  "context_management",
  "diagnostics",
  "inference_geo",
  "max_tokens",
  "messages",
  "metadata",
  "model",
  "output_config",
  "output_format",
  "service_tier",
  "speed",
  "stop_sequences",
  "stream",
  "system",
  "temperature",
  "thinking",
  "tool_choice",
  "tools",
  "top_k",
  "top_p",
  "user_profile_id",
]);

/**
 * The most tokens of an image: 4,784 for models that take images of high resolution, some 1,600
 * for the others.
 */
const IMAGE = { most: 8192, isBeyondWindow: false };
/** The smallest `thinking.budget_tokens` that Anthropic accepts. */
const LEAST_THINKING = 1024;

export const messagesMeter: Meter = {
  ask(body: JsonBody | undefined, target: Target, allowances: Allowances = NO_ALLOWANCES): Asked {
    const fields = fieldsOf(body, KNOWN, allowances);
    // Its SDKs send ?beta=true for beta features.
    const model = modelIn(fields, target, ["beta"]);
    checkContextManagement(fields);
    const tools = toolCosts(fields.tools, toolKind, allowances);
    const parts = new PartSum(IMAGE);
    if (tools.rounds > 0) parts.add(WINDOW);
    parts.addContent(fields.system, partOf);
    for (const message of objectsOf(fields.messages)) addContent(parts, message.content);
    const limits = limitCalls(fields, tools.calls);
    const text =
      tokensOf(fields) +
      REQUEST_TOKENS +
      MESSAGE_TOKENS * (itemsOf(fields.messages).length + 1) +
      tools.tokens;
    return {
      model,
      isStream: flagIn(fields, "stream"),
      mayReason: asksForReasoning(fields),
      bound: boundOf({
        ...parts.bound(text),
        maxOutput: countIn(fields, "max_tokens"),
        windows: 1 + Object.values(limits.calls).reduce((sum, calls) => sum + calls, 0),
        calls: limits.calls,
        tier: tierOf(fields),
        model,
      }),
      atVendor: () => countOf(fields, target, parts.dataBytes),
      cap: capOf(fields),
      edits: limits.edits,
      notes: new Set<Note>(cachesForAnHour(fields) ? ["caches_for_an_hour"] : []),
    };
  },
  reader: ({ notes, bound }) => new MessagesReader(notes.has("caches_for_an_hour"), bound.tier),
};

/** What `count_tokens` takes, of fields that a model reads. */
const COUNTED = ["messages", "output_config", "system", "thinking", "tool_choice", "tools"];

function countOf(fields: Fields, { path, query }: Target, dataBytes: number): AtVendor | undefined {
  const asked = picked(fields, COUNTED);
  const bytes = bytesOf(asked, dataBytes);
  if (bytes === undefined) return undefined;
  return {
    path: `${path}/count_tokens`,
    query: new URLSearchParams(query).has("beta") ? "?beta=true" : "",
    body: JSON.stringify({ ...asked, model: fields.model }),
    fields: ["anthropic-version", "anthropic-beta"],
    // Of earlier turns it leaves out what the model thought, which newer models read and bill.
    bytes: bytes - thoughtBytes(fields.messages),
    member: "input_tokens",
  };
}

const thoughtBytes = (messages: unknown): number =>
  objectsOf(messages)
    .flatMap(({ content }) => objectsOf(content))
    .filter(({ type }) => type === "thinking" || type === "redacted_thinking")
    .reduce((sum, block) => sum + tokensOf(block), 0);

/** A compaction is a request of its own. To clear old results only makes the input smaller. */
function checkContextManagement({ context_management: management }: Fields): void {
  if (!isObject(management)) return;
  for (const { type } of objectsOf(management.edits))
    if (typeof type !== "string" || !type.startsWith("clear_"))
      throw new RequestRefused(
        "field_not_metered",
        'Only edits that clear something are metered in "context_management". Leave others out.',
      );
}

function toolKind({ type }: Fields): ToolKind | undefined {
  if (type === undefined || type === null || type === "custom") return "own";
  if (typeof type !== "string") return undefined;
  if (/^(?:bash|text_editor|computer|memory|computer_toolset|browser_toolset)_\d+$/.test(type))
    return "typed";
  if (/^web_search_\d+$/.test(type)) return { hosted: "web_search" };
  if (/^web_fetch_\d+$/.test(type)) return { hosted: "web_fetch" };
  return undefined;
}

/** Writes `max_uses` into each hosted tool. */
function limitCalls(
  fields: Fields,
  allowed: Readonly<Record<string, number>>,
): { calls: Readonly<Record<string, number>>; edits: readonly Edit[] } {
  const calls: Record<string, number> = {};
  const edits: Edit[] = [];
  for (const [index, tool] of itemsOf(fields.tools).entries()) {
    const kind = isObject(tool) ? toolKind(tool) : undefined;
    if (!isObject(tool) || typeof kind !== "object") continue;
    const own = countIn(tool, "max_uses");
    const most = Math.min(allowed[kind.hosted] ?? 0, own ?? Number.POSITIVE_INFINITY);
    calls[kind.hosted] = (calls[kind.hosted] ?? 0) + most;
    if (most !== own) edits.push(set(["tools", index, "max_uses"], most));
  }
  return { calls, edits };
}

const TEXT_PARTS: ReadonlySet<unknown> = new Set([
  "text",
  "thinking",
  "redacted_thinking",
  "tool_use",
  "server_tool_use",
  "search_result",
]);
/** Results that the vendor keeps, or has encrypted and perhaps compressed. */
const KEPT_PARTS: ReadonlySet<unknown> = new Set([
  "web_search_tool_result",
  "web_fetch_tool_result",
  "code_execution_tool_result",
  "bash_code_execution_tool_result",
  "text_editor_code_execution_tool_result",
  "tool_search_tool_result",
]);

function addContent(parts: PartSum, content: unknown): void {
  parts.addContent(content, (part) => {
    if (part.type === "tool_result") addContent(parts, part.content);
    if (part.type === "document" && isObject(part.source) && part.source.type === "content")
      addContent(parts, part.source.content);
    return partOf(part);
  });
}

function partOf({ type, source }: Fields): Part | undefined {
  if (TEXT_PARTS.has(type) || type === "tool_result") return TEXT;
  if (KEPT_PARTS.has(type)) return WINDOW;
  const { type: from, data } = isObject(source) ? source : {};
  if (type === "image") return { kind: "image", data: from === "base64" ? data : undefined };
  if (type === "document") {
    if (from === "text" || from === "content") return TEXT;
    return { kind: "window", data: from === "base64" ? data : undefined };
  }
  return undefined;
}

function cachesForAnHour(fields: Fields): boolean {
  const isHour = ({ cache_control: control }: Fields): boolean =>
    isObject(control) && control.ttl === "1h";
  const isHourIn = (content: unknown): boolean =>
    objectsOf(content).some((block) => isHour(block) || isHourIn(block.content));
  return (
    isHour(fields) || isHourIn(fields.system) || isHourIn(fields.tools) || isHourIn(fields.messages)
  );
}

/** The tariff that is asked for, in the words of `Usage.tier`. */
function tierOf(fields: Fields): string | undefined {
  const asked = textIn(fields, "service_tier");
  const tier = asked === "standard_only" ? "standard" : (asked ?? "auto");
  const speed = textIn(fields, "speed") ?? "standard";
  const geo = textIn(fields, "inference_geo") ?? "global";
  return [tier, ...(speed === "standard" ? [] : [speed]), ...(geo === "global" ? [] : [geo])].join(
    "+",
  );
}

function capOf(fields: Fields): CapPlace {
  const thinking = objectIn(fields, "thinking");
  const budget = thinking === undefined ? undefined : countIn(thinking, "budget_tokens");
  return {
    path: ["max_tokens"],
    least: 1,
    below:
      budget === undefined
        ? []
        : [{ path: ["thinking", "budget_tokens"], value: budget, least: LEAST_THINKING }],
  };
}
