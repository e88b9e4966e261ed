/** A model for Claude's program: the Messages API's streaming form on loopback, which has each agent do what its script says. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Act, Script } from "../../agents/support/agent-contract.ts";

interface Message {
  readonly role: string;
  readonly content: string | readonly { readonly type: string; readonly text?: string }[];
}

type Block = { type: "text"; text: string } | { type: "tool_use"; id: string; name: string; input: object };

export interface ClaudeModel {
  readonly url: string;
  /** The bodies of all requests: what the model is shown. */
  readonly asked: string[];
}

/** Where in the script an agent's own part is; its prompt says it. */
const MARK = /\[part ([\d.]*)\]/g;
export const promptOf = (part: readonly number[]): string => `[part ${part.join(".")}]`;

export async function claudeModel(script: Script, tool: string): Promise<ClaudeModel> {
  const asked: string[] = [];
  let ids = 0;

  const calls = (act: Act, at: readonly number[]): Block[] => {
    const call = (name: string, input: object): Block => ({
      type: "tool_use",
      id: `toolu_${++ids}`,
      name,
      input,
    });
    if ("get" in act) return [call(tool, { url: act.get })];
    if ("getAll" in act) return act.getAll.map((url) => call(tool, { url }));
    return handed(act).map(({ agent }, index) =>
      call("Agent", {
        description: `work for ${agent}`,
        prompt: promptOf([...at, index]),
        subagent_type: agent,
        run_in_background: false,
      }),
    );
  };

  const answer = (messages: readonly Message[]): Block[] => {
    const parts = messages.map(textOf).join("\n");
    const part = [...parts.matchAll(MARK)][0]?.[1] ?? "";
    const path = part === "" ? [] : part.split(".").map(Number);
    const turn = messages.filter(({ role }) => role === "assistant").length;
    const act = find(script, path).acts[turn];
    return act === undefined ? [{ type: "text", text: "done" }] : calls(act, [...path, turn]);
  };

  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push(body);
    if (!request.url?.startsWith("/v1/messages?") && request.url !== "/v1/messages") {
      response.writeHead(404).end("{}");
      return;
    }
    const { model, messages } = JSON.parse(body) as { model: string; messages: Message[] };
    stream(response, model, answer(messages), `msg_${++ids}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

export const handed = (act: Act): readonly Script[] =>
  "hand" in act ? [act.hand] : "handAll" in act ? act.handAll : [];

/** `path` has two numbers for each hand-off: the act, and which of its scripts. */
function find(script: Script, path: readonly number[]): Script {
  let at = script;
  for (let index = 0; index < path.length; index += 2) at = handed(at.acts[path[index]!]!)[path[index + 1]!]!;
  return at;
}

const textOf = ({ content }: Message): string =>
  typeof content === "string" ? content : content.map(({ text = "" }) => text).join("\n");

function stream(response: ServerResponse, model: string, blocks: readonly Block[], id: string): void {
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
  send("message_delta", { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 1 } });
  send("message_stop", {});
  response.end();
}
