/** A stand-in for chat completions of OpenAI and of Mistral. */
import type { Play } from "../../../packages/sigil/src/gateway/fixtures/town.ts";
import { PARTS, TEXT, TOOL, USED } from "./client.ts";
import { bodyOf, events, json } from "./play.ts";

interface Asked {
  readonly model: string;
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly tools?: readonly object[];
}

const usage = {
  prompt_tokens: USED.input,
  completion_tokens: USED.output,
  total_tokens: USED.input + USED.output,
};

const call = {
  id: "call_AbCdEfGhI",
  type: "function",
  function: { name: TOOL.name, arguments: JSON.stringify(TOOL.input) },
};

/**
 * @param statesUsage whether each stream has its usage in the last chunk, as Mistral's, or only one
 *   that asks for it has a chunk of its own, as OpenAI's
 */
export const chatCompletions =
  (statesUsage: "asked" | "always"): Play =>
  (request, answer) => {
    const { model, stream, stream_options, tools = [] } = bodyOf<Asked>(request);
    const base = { id: "chatcmpl-1", created: 1_900_000_000, model };
    const finish_reason = tools.length > 0 ? "tool_calls" : "stop";
    if (stream !== true) {
      const message =
        tools.length > 0
          ? { role: "assistant", content: null, tool_calls: [call] }
          : { role: "assistant", content: TEXT };
      const choices = [{ index: 0, message, logprobs: null, finish_reason }];
      return json(answer, { ...base, object: "chat.completion", choices, usage });
    }
    const chunk = (delta: object, finish: string | null = null, more: object = {}) => ({
      ...base,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...more,
    });
    const deltas =
      tools.length > 0
        ? [{ tool_calls: [{ index: 0, ...call }] }]
        : PARTS.map((content) => ({ content }));
    const isLast = statesUsage === "always";
    const hasOwn = statesUsage === "asked" && stream_options?.include_usage === true;
    return events(
      answer,
      [
        chunk({ role: "assistant", content: "" }),
        ...deltas.map((delta) => chunk(delta)),
        chunk(isLast ? { content: "" } : {}, finish_reason, isLast ? { usage } : {}),
        ...(hasOwn ? [{ ...base, object: "chat.completion.chunk", choices: [], usage }] : []),
      ],
      "[DONE]",
    );
  };
