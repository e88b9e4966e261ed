/** A model for Claude's program, with which each agent follows its script. */
import { onTestFinished } from "vitest";
import type { Act, Script } from "./agent-contract.ts";
import { type Block, messagesApi } from "./messages-api.ts";

interface Message {
  readonly role: string;
  readonly content: string | readonly { readonly type: string; readonly text?: string }[];
}

export interface ClaudeModel {
  readonly url: string;
  /** The bodies of all requests: what the model is shown. */
  readonly asked: string[];
}

/** The place of an agent's part in the script, which is in its prompt. */
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

  const { url, close } = await messagesApi((body) => {
    asked.push(body);
    return answer((JSON.parse(body) as { messages: Message[] }).messages);
  });
  onTestFinished(close);
  return { url, asked };
}

export const handed = (act: Act): readonly Script[] =>
  "hand" in act ? [act.hand] : "handAll" in act ? act.handAll : [];

/** `path` has two numbers for each hand-off: the act, and the index of the script. */
function find(script: Script, path: readonly number[]): Script {
  let at = script;
  for (let index = 0; index < path.length; index += 2)
    at = handed(at.acts[path[index]!]!)[path[index + 1]!]!;
  return at;
}

const textOf = ({ content }: Message): string =>
  typeof content === "string" ? content : content.map(({ text = "" }) => text).join("\n");
