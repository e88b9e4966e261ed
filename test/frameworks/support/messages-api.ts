/**
 * The streaming form of Anthropic's Messages API on loopback, so far as Claude's program needs it.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Block =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "tool_use";
      readonly id: string;
      readonly name: string;
      readonly input: object;
    };

/** @param answer what the model says to the body of a request */
export async function messagesApi(
  answer: (body: string) => readonly Block[],
): Promise<{ readonly url: string; close(): Promise<void> }> {
  let messages = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (!/^\/v1\/messages(?:\?|$)/.test(request.url ?? "")) {
      response.writeHead(404).end("{}");
      return;
    }
    const { model } = JSON.parse(body) as { model: string };
    stream(response, model, answer(body), `msg_${++messages}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function stream(
  response: ServerResponse,
  model: string,
  blocks: readonly Block[],
  id: string,
): void {
  const send = (type: string, data: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  response.writeHead(200, { "content-type": "text/event-stream" });
  send("message_start", {
    message: {
      id,
      type: "message",
      role: "assistant",
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  });
  for (const [index, block] of blocks.entries()) {
    const isText = block.type === "text";
    send("content_block_start", {
      index,
      content_block: isText ? { ...block, text: "" } : { ...block, input: {} },
    });
    const delta = isText
      ? { type: "text_delta", text: block.text }
      : { type: "input_json_delta", partial_json: JSON.stringify(block.input) };
    send("content_block_delta", { index, delta });
    send("content_block_stop", { index });
  }
  const stop_reason = blocks[0]?.type === "tool_use" ? "tool_use" : "end_turn";
  send("message_delta", {
    delta: { stop_reason, stop_sequence: null },
    usage: { output_tokens: 1 },
  });
  send("message_stop", {});
  response.end();
}
