/** Whether a request asks for reasoning, of which an answer need not show all that is billed. */
import { type Fields, isObject } from "./fields.ts";

/** In the requests of OpenAI, OpenRouter, Anthropic and Google. */
const NAMES = ["reasoning", "reasoning_effort", "include_reasoning", "thinking", "thinkingConfig"];

/**
 * What is left out of an answer (`exclude`, `include_reasoning: false`) is billed nevertheless.
 *
 * @param fields of the request, or of the part of it that has these members
 */
export const asksForReasoning = (fields: Fields): boolean =>
  NAMES.some((name) => (fields[name] ?? undefined) !== undefined && !isOff(fields[name]));

function isOff(value: unknown): boolean {
  if (value === "none") return true;
  if (!isObject(value) || value.exclude === true) return false;
  const { enabled, effort, type, thinkingBudget } = value;
  return enabled === false || effort === "none" || type === "disabled" || thinkingBudget === 0;
}
