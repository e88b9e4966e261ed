/** A stand-in for Anthropic's Messages. */
import type { Play } from "../../../packages/sigil/src/gateway/fixtures/town.ts";
import { PARTS, TEXT, TOOL, USED } from "./client.ts";
import { bodyOf, json, namedEvents } from "./play.ts";

interface Asked {
  readonly model: string;
  readonly stream?: boolean;
  readonly tools?: readonly object[];
}

const usageOf = (output: number) => ({
  input_tokens: USED.input,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  output_tokens: output,
  service_tier: "standard",
});

export const messages: Play = (request, answer) => {
  const { model, stream, tools = [] } = bodyOf<Asked>(request);
  const hasTools = tools.length > 0;
  const base = { id: "msg_1", type: "message", role: "assistant", model, stop_sequence: null };
  const stop_reason = hasTools ? "tool_use" : "end_turn";
  const use = { type: "tool_use", id: "toolu_1", name: TOOL.name, input: TOOL.input };
  if (stream !== true) {
    const content = [hasTools ? use : { type: "text", text: TEXT, citations: null }];
    return json(answer, { ...base, content, stop_reason, usage: usageOf(USED.output) });
  }
  const start = hasTools ? { ...use, input: {} } : { type: "text", text: "" };
  const deltas = hasTools
    ? [{ type: "input_json_delta", partial_json: JSON.stringify(TOOL.input) }]
    : PARTS.map((text) => ({ type: "text_delta", text }));
  return namedEvents(answer, [
    {
      type: "message_start",
      message: { ...base, content: [], stop_reason: null, usage: usageOf(1) },
    },
    { type: "content_block_start", index: 0, content_block: start },
    { type: "ping" },
    ...deltas.map((delta) => ({ type: "content_block_delta", index: 0, delta })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason, stop_sequence: null },
      usage: { output_tokens: USED.output },
    },
    { type: "message_stop" },
  ] as readonly { readonly type: string }[]);
};
