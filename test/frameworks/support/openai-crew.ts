/**
 * The scripts of the contract as agents of the OpenAI Agents SDK, with the SDK's own scripted
 * model; and everything that the SDK traces.
 */
import { Agent, setTraceProcessors, setTracingDisabled, tool } from "@openai/agents";
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
import { withSigil } from "l8nt/openai-agents";
import { z } from "zod";
import type { Act, Get, Script } from "./agent-contract.ts";

/** Each trace and span that the SDK would have exported, with inputs and outputs. */
export const traced: unknown[] = [];

const keep = async (item: { toJSON(): object | null }) => {
  traced.push(item.toJSON());
};
setTracingDisabled(false);
setTraceProcessors([
  {
    onTraceStart: keep,
    onTraceEnd: keep,
    onSpanStart: keep,
    onSpanEnd: keep,
    shutdown: async () => {},
    forceFlush: async () => {},
  },
]);

/** How work is handed on: the conversation is transferred, and back; or the agent is a tool. */
export type Way = "transfers" | "tools";

export const call = (name: string, input: object, callId: string = crypto.randomUUID()) =>
  functionCall(name, input as Record<string, unknown>, { callId });

export const getTool = (get: Get, options: { readonly needsApproval?: boolean } = {}) =>
  tool({
    name: "get",
    description: "Gets a URL.",
    parameters: z.object({ url: z.string() }),
    execute: (input, _run, details) => get(input, details?.signal),
    ...options,
  });

/** An agent whose model gives one of these answers each turn. */
export function actor(
  name: string,
  turns: ConstructorParameters<typeof ScriptedModel>[0],
  parts: Partial<Pick<Agent, "tools" | "handoffs" | "mcpServers">> = {},
): Agent {
  return new Agent({ name, model: new ScriptedModel(turns), ...parts });
}

export const said = (text = "done") => [assistantMessage(text)];

/** The agent at the top of a script, and those below it, prepared as a user would do it. */
export function crew(way: Way, script: Script, get: Get): Agent {
  const boss = way === "tools" ? asTools(script, get) : transferring(script, get);
  return withSigil(boss);
}

const below = ({ acts }: Script): readonly Script[] =>
  acts.flatMap((act) => ("hand" in act ? [act.hand] : "handAll" in act ? act.handAll : []));

const turnOf = (act: Act, handing: (script: Script) => ReturnType<typeof call>) => {
  if ("get" in act) return [call("get", { url: act.get })];
  if ("getAll" in act) return act.getAll.map((url) => call("get", { url }));
  return ("hand" in act ? [act.hand] : act.handAll).map(handing);
};

function asTools(script: Script, get: Get): Agent {
  const turns = script.acts.map((act) => turnOf(act, ({ agent }) => call(agent, { input: "go" })));
  const others = below(script).map((one) =>
    withSigil(asTools(one, get)).asTool({ toolName: one.agent }),
  );
  return actor(script.agent, [...turns, said()], { tools: [getTool(get), ...others] });
}

function transferring(script: Script, get: Get, parent?: Agent): Agent {
  const transfer = (name: string) => call(`transfer_to_${name}`, {});
  const turns = script.acts.map((act) => turnOf(act, ({ agent }) => transfer(agent)));
  const agent = actor(
    script.agent,
    [...turns, parent === undefined ? said() : [transfer(parent.name)]],
    {
      tools: [getTool(get)],
    },
  );
  agent.handoffs = [
    ...below(script).map((one) => transferring(one, get, agent)),
    ...(parent === undefined ? [] : [parent]),
  ];
  return agent;
}
