/** Usage in the answers of OpenAI's Responses. */
import type { Usage } from "../../usage.ts";
import { type Fields, isObject, objectsOf } from "../fields.ts";
import { eventWith } from "../numbers.ts";
import type { UsageReader } from "../preset.ts";
import { responsesUsage } from "./openai-usage.ts";

const LAST_EVENTS: ReadonlySet<unknown> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
]);

/** Items of the output that are calls of hosted tools. */
const HOSTED_CALLS: Readonly<Record<string, string>> = {
  web_search_call: "web_search",
  file_search_call: "file_search",
  code_interpreter_call: "code_interpreter",
  image_generation_call: "image_generation",
  mcp_call: "mcp",
};

export class ResponsesReader implements UsageReader {
  #usage: Usage | undefined;

  get usage(): Usage | undefined {
    return this.#usage;
  }

  whole(json: unknown): Usage | undefined {
    return isObject(json) ? usageOfResponse(json) : undefined;
  }

  event(data: string): "pass" {
    const event = eventWith('"usage"', data);
    if (event !== undefined && LAST_EVENTS.has(event.type))
      this.#usage = this.whole(event.response) ?? this.#usage;
    return "pass";
  }
}

function usageOfResponse(response: Fields): Usage | undefined {
  if (!isObject(response.usage)) return undefined;
  const usage = responsesUsage(response.usage, response);
  const calls: Record<string, number> = {};
  for (const { type } of objectsOf(response.output)) {
    const name = typeof type === "string" ? HOSTED_CALLS[type] : undefined;
    if (name !== undefined) calls[name] = (calls[name] ?? 0) + 1;
  }
  return usage === undefined ? undefined : { ...usage, calls };
}
