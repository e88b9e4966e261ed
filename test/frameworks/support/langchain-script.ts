/** The scripts of the contract as LangChain agents, with the framework's own fake model. */
import { randomUUID } from "node:crypto";
import type { RunCollectorCallbackHandler } from "@langchain/core/tracers/run_collector";
import type { MemorySaver } from "@langchain/langgraph";
import type { SigilHandle } from "l8nt/agents";
import { sigilContext, withSigil } from "l8nt/langchain";
import {
  AIMessage,
  createAgent,
  fakeModel,
  type ReactAgent,
  type ToolRuntime,
  tool,
} from "langchain";
import { z } from "zod";
import type { Act, Get, Script } from "./agent-contract.ts";

// Traces stay in this process, whatever the environment says.
process.env.LANGSMITH_TRACING = "false";
process.env.LANGCHAIN_TRACING_V2 = "false";

export interface RunConfig {
  readonly context?: { readonly sigil: SigilHandle };
  readonly configurable?: { readonly thread_id: string };
  readonly callbacks?: RunCollectorCallbackHandler[];
  readonly signal?: AbortSignal;
}

/** Runs an agent. Returns everything that the run shows. */
export type Run = (agent: ReactAgent, config: RunConfig) => Promise<unknown>;

/**
 * How work is handed on: with a context of the sub-agent's own, or with none, so that it inherits
 * its caller's.
 */
export interface Way {
  readonly run: Run;
  readonly handsOn: "a narrowed context" | "nothing";
  /** Of the tool node: one task for all calls of a message, or one for each. */
  readonly version: "v1" | "v2";
}

export const TASK = { messages: [{ role: "user" as const, content: "do your acts" }] };

export const invoked: Run = (agent, config) => agent.invoke(TASK, config);

export const streamed: Run = async (agent, config) =>
  collected(
    await agent.stream(TASK, {
      ...config,
      streamMode: ["updates", "messages", "values", "debug", "tasks", "checkpoints"],
    }),
  );

export const streamedEvents: Run = async (agent, config) =>
  collected(agent.streamEvents(TASK, { ...config, version: "v2" }));

export async function collected<Part>(parts: AsyncIterable<Part>): Promise<Part[]> {
  const all: Part[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

/**
 * The agent of a script.
 *
 * @param name its entry in the table; left out for the agent at the top
 */
export function agentOf(
  script: Script,
  get: Get,
  way: Way,
  name?: string,
  checkpointer?: MemorySaver,
): ReactAgent {
  const subAgents = script.acts.flatMap((act, at) =>
    scriptsOf(act).map((sub, which) =>
      tool(
        async (
          _: object,
          { context }: ToolRuntime<unknown, { sigil: SigilHandle }>,
        ): Promise<string> => {
          const child = agentOf(sub, get, way, sub.agent);
          const narrowed = { context: sigilContext(context.sigil.forAgent(sub.agent)) };
          return JSON.stringify(await way.run(child, way.handsOn === "nothing" ? {} : narrowed));
        },
        { name: `ask_${at}_${which}`, description: `Asks ${sub.agent}.`, schema: z.object({}) },
      ),
    ),
  );
  const agent = createAgent(
    withSigil({
      ...(name !== undefined && { name }),
      model: modelOf(script.acts.map(callsOf)),
      tools: [getTool(get), ...subAgents],
      version: way.version,
      ...(checkpointer !== undefined && { checkpointer }),
    }),
  );
  return agent as unknown as ReactAgent;
}

export const getTool = (get: Get) =>
  tool((input: { url: string }, { signal }: ToolRuntime) => get(input, signal), {
    name: "get",
    description: "Gets a URL.",
    schema: z.object({ url: z.string() }),
  });

/**
 * A model that makes these calls, one message after another, and then is done. It does not use
 * `respondWithTools`, because the messages of two such models have the same ids, and LangGraph
 * confuses them if agents share their messages.
 */
export const modelOf = (messages: readonly { name: string; args: object }[][]) =>
  messages
    .map((calls) => calls.map((call) => ({ ...call, id: randomUUID() })))
    .reduce(
      (model, tool_calls) => model.respond(new AIMessage({ content: "", tool_calls })),
      fakeModel(),
    )
    .respond(new AIMessage("done"));

function callsOf(act: Act, at: number): { name: string; args: object }[] {
  if ("get" in act) return [{ name: "get", args: { url: act.get } }];
  if ("getAll" in act) return act.getAll.map((url) => ({ name: "get", args: { url } }));
  return scriptsOf(act).map((_, which) => ({ name: `ask_${at}_${which}`, args: {} }));
}

const scriptsOf = (act: Act): readonly Script[] =>
  "hand" in act ? [act.hand] : "handAll" in act ? act.handAll : [];

/** Everything that a checkpointer has stored, with bytes decoded to text. */
export const saved = ({ storage, writes }: MemorySaver): string =>
  JSON.stringify([storage, writes], (_, part) =>
    part instanceof Uint8Array ? Buffer.from(part).toString() : part,
  );
