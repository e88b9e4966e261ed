/**
 * The scripts of the contract as Mastra agents, with mock models of the AI SDK.
 */
import { Agent } from "@mastra/core/agent";
import type { MastraModelConfig } from "@mastra/core/llm";
import type { MockMemory } from "@mastra/core/memory";
import { createTool } from "@mastra/core/tools";
import { MockLanguageModelV4 } from "ai/test";
import { MockLanguageModelV3 } from "ai6/test";
import { withSigil } from "l8nt/mastra";
import { z } from "zod";
import type { Act, Get, Script } from "./agent-contract.ts";

/** What a model answers: calls of tools, or a text. */
export type Said = string | readonly { readonly toolName: string; readonly input: object }[];

/** The two versions of the model interface that AI SDK 6 and 7 have. */
export const MODELS = { v3: MockLanguageModelV3, v4: MockLanguageModelV4 };

let calls = 0;

/** A model that answers with these lines, and then with "done". */
export function scripted(
  version: keyof typeof MODELS,
  ...lines: readonly Said[]
): MastraModelConfig {
  const left = [...lines];
  const next = () => {
    const said = left.shift() ?? "done";
    const finishReason = {
      unified: typeof said === "string" ? "stop" : "tool-calls",
      raw: undefined,
    };
    return { said, finishReason, usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } } };
  };
  const called = (said: Exclude<Said, string>) =>
    said.map(({ toolName, input }) => ({
      type: "tool-call",
      toolCallId: `call-${++calls}`,
      toolName,
      input: JSON.stringify(input),
    }));
  const model = new MODELS[version]({
    doGenerate: async () => {
      const { said, ...end } = next();
      const content = typeof said === "string" ? [{ type: "text", text: said }] : called(said);
      return { content, ...end, warnings: [] } as never;
    },
    doStream: async () => {
      const { said, ...end } = next();
      const text = [
        { type: "text-start", id: "t" },
        { type: "text-delta", id: "t", delta: said },
        { type: "text-end", id: "t" },
      ];
      const parts = typeof said === "string" ? text : called(said);
      const chunks = [{ type: "stream-start", warnings: [] }, ...parts, { type: "finish", ...end }];
      const stream = new ReadableStream({
        start(controller) {
          for (const chunk of chunks) controller.enqueue(chunk);
          controller.close();
        },
      });
      return { stream } as never;
    },
  });
  return model as unknown as MastraModelConfig;
}

export const callsGet = (url: string) => ({ toolName: "get", input: { url } });
export const callsAgent = (name: string) => ({
  toolName: `agent-${name}`,
  input: { prompt: "go on" },
});

function saidOf(act: Act): Said {
  if ("get" in act) return [callsGet(act.get)];
  if ("getAll" in act) return act.getAll.map(callsGet);
  return handed(act).map(({ agent }) => callsAgent(agent));
}

const handed = (act: Act): readonly Script[] =>
  "hand" in act ? [act.hand] : "handAll" in act ? act.handAll : [];

export const getTool = (get: Get) =>
  createTool({
    id: "get",
    description: "Gets a URL.",
    inputSchema: z.object({ url: z.string() }),
    execute: (input, { abortSignal }) => get(input, abortSignal),
  });

/** What every agent's configuration has. */
export const named = (id: string) => ({
  id,
  name: `The ${id}`,
  description: `Does what the ${id} does.`,
  instructions: "Do as you are told.",
});

/** @param more further members of the configuration of the agent at the top */
export function agentOf(
  version: keyof typeof MODELS,
  { agent, acts }: Script,
  get: Get,
  more: { memory?: MockMemory } = {},
): Agent {
  const agents = acts
    .flatMap(handed)
    .map((script) => [script.agent, agentOf(version, script, get)]);
  return new Agent(
    withSigil({
      ...named(agent),
      model: scripted(version, ...acts.map(saidOf)),
      tools: { get: getTool(get) },
      agents: Object.fromEntries(agents),
      defaultOptions: { maxSteps: 12 },
      ...more,
    }),
  );
}
