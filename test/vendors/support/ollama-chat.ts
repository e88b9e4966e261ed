/** A stand-in for Ollama. */
import type { Play } from "../../../packages/sigil/src/gateway/fixtures/town.ts";
import { PARTS, TEXT, TOOL, USED } from "./client.ts";
import { bodyOf, json, lines } from "./play.ts";

interface Asked {
  readonly model: string;
  readonly stream?: boolean;
  readonly tools?: readonly object[];
}

export const ollamaChat: Play = (request, answer) => {
  const { model, stream, tools = [] } = bodyOf<Asked>(request);
  const base = { model, created_at: "2026-11-01T10:00:00.000000Z" };
  const done = {
    done: true,
    done_reason: "stop",
    total_duration: 4_883_583_458,
    load_duration: 1_334_875,
    prompt_eval_count: USED.input,
    prompt_eval_duration: 342_546_000,
    eval_count: USED.output,
    eval_duration: 4_535_599_000,
  };
  const tool_calls = [{ function: { name: TOOL.name, arguments: TOOL.input } }];
  const message = (content: string) => ({
    role: "assistant",
    content,
    ...(tools.length > 0 && { tool_calls }),
  });
  // Without the field it streams.
  if (stream === false)
    return json(answer, { ...base, message: message(tools.length > 0 ? "" : TEXT), ...done });
  return lines(answer, [
    ...(tools.length > 0 ? [""] : PARTS).map((part) => ({
      ...base,
      message: message(part),
      done: false,
    })),
    { ...base, message: { role: "assistant", content: "" }, ...done },
  ]);
};
