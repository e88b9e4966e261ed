/** A lower cap on the output of a request. */
import { type Edit, set } from "../body/edit.ts";
import type { CapPlace } from "./preset.ts";

/**
 * The edits that lower the output of one answer to `tokens`; undefined if the vendor would refuse
 * the request then, so that it is denied here with what it needs and what is left.
 *
 * Anthropic wants `thinking.budget_tokens` below `max_tokens` and at least 1,024, and OpenAI's
 * Responses at least 16 tokens.
 */
export function clamp(cap: CapPlace, tokens: number): readonly Edit[] | undefined {
  if (!Number.isSafeInteger(tokens) || tokens < Math.max(1, cap.least)) return undefined;
  const edits: Edit[] = [set(cap.path, tokens)];
  for (const { path, value, least } of cap.below) {
    if (value < tokens) continue;
    if (tokens - 1 < least) return undefined;
    edits.push(set(path, tokens - 1));
  }
  return edits;
}
