/** A stand-in for OpenAI's Responses. */
import type { Play } from "../../../packages/sigil/src/gateway/fixtures/town.ts";
import { PARTS, TEXT, TOOL, USED } from "./client.ts";
import { bodyOf, json, namedEvents } from "./play.ts";

interface Asked {
  readonly model: string;
  readonly stream?: boolean | null;
  readonly tools?: readonly object[];
}

const usage = {
  input_tokens: USED.input,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: USED.output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: USED.input + USED.output,
};

const messageOf = (text: string) => ({
  id: "msg_1",
  type: "message",
  status: "completed",
  role: "assistant",
  content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
});

const call = {
  id: "fc_1",
  type: "function_call",
  status: "completed",
  call_id: "call_1",
  name: TOOL.name,
  arguments: JSON.stringify(TOOL.input),
};

export const responses: Play = (request, answer) => {
  const { model, stream, tools = [] } = bodyOf<Asked>(request);
  const response = (status: string, output: readonly object[], used: object | null) => ({
    id: "resp_1",
    object: "response",
    created_at: 1_900_000_000,
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model,
    output,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: "auto",
    tools,
    top_p: 1,
    usage: used,
  });
  const item = tools.length > 0 ? call : messageOf(TEXT);
  const whole = response("completed", [item], usage);
  if (stream !== true) return json(answer, whole);
  const place = { item_id: item.id, output_index: 0, content_index: 0 };
  const middle =
    tools.length > 0
      ? [
          { type: "response.output_item.added", output_index: 0, item: { ...call, arguments: "" } },
          { type: "response.function_call_arguments.delta", ...place, delta: call.arguments },
          { type: "response.function_call_arguments.done", ...place, arguments: call.arguments },
        ]
      : [
          { type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } },
          {
            type: "response.content_part.added",
            ...place,
            part: { type: "output_text", text: "", annotations: [] },
          },
          ...PARTS.map((delta) => ({
            type: "response.output_text.delta",
            ...place,
            delta,
            logprobs: [],
          })),
          { type: "response.output_text.done", ...place, text: TEXT, logprobs: [] },
        ];
  const started = response("in_progress", [], null);
  return namedEvents(
    answer,
    [
      { type: "response.created", response: started },
      ...middle,
      { type: "response.output_item.done", output_index: 0, item },
      { type: "response.completed", response: whole },
    ].map((event, sequence_number) => ({ ...event, sequence_number })),
  );
};
