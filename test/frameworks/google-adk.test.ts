/**
 * Google ADK with a scripted `BaseLlm`: agents as tools, transfers, parallel agents.
 */
import * as sdk from "@google/adk";
import {
  AgentTool,
  type BaseAgent,
  BaseLlm,
  type BaseLlmConnection,
  type Event,
  FunctionTool,
  InMemoryRunner,
  InMemorySessionService,
  LlmAgent,
  type LlmRequest,
  type LlmResponse,
  ParallelAgent,
  SequentialAgent,
} from "@google/adk";
import { trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import type { SigilHandle } from "l8nt/agents";
import * as adapter from "l8nt/google-adk";
import { sigilTools, withSigil } from "l8nt/google-adk";
import { expect, test } from "vitest";
import { z } from "zod";
import {
  type AgentAdapter,
  agentContract,
  type Get,
  type Script,
} from "./support/agent-contract.ts";
import { handed } from "./support/claude-model.ts";
import { runSnippet } from "./support/page.ts";
import { place } from "./support/place.ts";

const spans: unknown[] = [];
trace.setGlobalTracerProvider(
  new BasicTracerProvider({
    spanProcessors: [
      {
        onStart: () => {},
        onEnd: ({ name, attributes, events }) => spans.push({ name, attributes, events }),
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  }),
);

type Call = { readonly name: string; readonly args: Record<string, unknown> };

/** A model that makes these calls, one message after another, and then is done. */
class Scripted extends BaseLlm {
  readonly asked: unknown[];
  readonly #messages: Call[][];
  constructor(messages: Call[][], asked: unknown[]) {
    super({ model: "scripted" });
    this.#messages = [...messages];
    this.asked = asked;
  }

  async *generateContentAsync(request: LlmRequest): AsyncGenerator<LlmResponse, void> {
    this.asked.push(
      structuredClone({
        contents: request.contents,
        config: { ...request.config, abortSignal: undefined, tools: undefined },
      }),
    );
    const calls = this.#messages.shift();
    const parts = calls?.map((functionCall) => ({ functionCall })) ?? [{ text: "done" }];
    yield { content: { role: "model", parts } };
  }

  override connect(): Promise<BaseLlmConnection> {
    throw new Error("not in these tests");
  }
}

interface World {
  readonly handle: SigilHandle;
  readonly get: Get;
  readonly signal?: AbortSignal;
}

type Act = Script["acts"][number];
const urls = (act: Act): readonly string[] =>
  "get" in act ? [act.get] : "getAll" in act ? act.getAll : [];

/** @param transfers whether work is transferred, there and back; otherwise agents are tools */
function agentOf(
  script: Script,
  get: Get,
  asked: unknown[],
  transfers: boolean,
  parent?: string,
): LlmAgent {
  const { agent: name, acts } = script;
  const tool = new FunctionTool({
    name: "get",
    description: "Gets a URL.",
    parameters: z.object({ url: z.string() }),
    execute: ({ url }, context) => get({ url }, context?.abortSignal),
  });
  const below = acts.map((act) =>
    handed(act).map((one) => agentOf(one, get, asked, transfers, name)),
  );
  const tools = below.map((agents, turn) =>
    agents.length > 1
      ? new AgentTool({ agent: new ParallelAgent({ name: `all${turn}`, subAgents: agents }) })
      : agents.map((agent) => new AgentTool({ agent })),
  );
  const messages = acts.map((act, turn): Call[] => {
    const [hand] = handed(act);
    if (hand === undefined) return urls(act).map((url) => ({ name: "get", args: { url } }));
    if (transfers) return [{ name: "transfer_to_agent", args: { agentName: hand.agent } }];
    return [[tools[turn]!].flat()[0]!].map(({ name }) => ({ name, args: { request: "work" } }));
  });
  if (transfers && parent !== undefined)
    messages.push([{ name: "transfer_to_agent", args: { agentName: parent } }]);
  return new LlmAgent({
    name,
    description: name,
    model: new Scripted(messages, asked),
    tools: [tool, ...(transfers ? [] : tools.flat())],
    ...(transfers && { subAgents: below.flat() }),
  });
}

const newMessage = { role: "user", parts: [{ text: "work" }] };

async function play(
  script: Script,
  { handle, get, signal }: World,
  transfers = false,
): Promise<unknown> {
  const asked: unknown[] = [];
  const runner = new InMemoryRunner({
    agent: agentOf(script, get, asked, transfers),
    appName: "app",
  });
  const whose = { appName: "app", userId: "u", sessionId: "s" };
  await runner.sessionService.createSession({
    ...whose,
    state: { "user:sigil": JSON.parse(JSON.stringify(handle)) },
  });
  const before = spans.length;
  const seen: unknown[] = [asked];
  try {
    const params = { ...whose, newMessage, ...(signal !== undefined && { abortSignal: signal }) };
    for await (const event of withSigil(runner, handle).runAsync(params)) seen.push(event);
  } finally {
    seen.push(await runner.sessionService.getSession(whose), spans.slice(before));
  }
  return seen;
}

const adk: AgentAdapter = {
  name: "Google ADK, agents as tools",
  siblings: true,
  run: (script, world) => play(script, world),
};

agentContract(adk);
agentContract({
  name: "Google ADK, transfers",
  siblings: false,
  run: (script, world) => play(script, world, true),
});

test("an agent that is not in the table runs, and is denied, as a tool and after a transfer", async () => {
  const { handle, get, lineages } = place({});
  const stranger: Script = { agent: "stranger", acts: [{ get: "a" }] };
  const script: Script = { agent: "boss", acts: [{ hand: stranger }, { get: "b" }] };
  await play(script, { handle, get });
  await play(script, { handle, get }, true);
  expect(lineages).toEqual(["a ERR_AGENT_UNKNOWN", "b ", "a ERR_AGENT_UNKNOWN", "b "]);
  expect(spans.length).toBeGreaterThan(4);
});

const call = (name: string, args: Record<string, unknown>): Call[] => [{ name, args }];
const transfer = (agentName: string): Call[] => call("transfer_to_agent", { agentName });
const get = (url: string): Call[] => call("get", { url });

/** An agent with scripted messages, whose tool `get` notes the agent that calls it. */
const actor = (
  { get: body }: { get: Get },
  name: string,
  messages: Call[][],
  more: Partial<ConstructorParameters<typeof LlmAgent>[0]> = {},
): LlmAgent => {
  const tool = new FunctionTool({
    name: "get",
    description: "Gets a URL.",
    parameters: z.object({ url: z.string() }),
    execute: (input) => body(input),
  });
  return new LlmAgent({
    name,
    model: new Scripted(messages, []),
    ...more,
    tools: [tool, ...(more.tools ?? [])],
  });
};

async function runnerOf(agent: BaseAgent) {
  const runner = new InMemoryRunner({ agent, appName: "app" });
  await runner.sessionService.createSession({ appName: "app", userId: "u", sessionId: "s" });
  return runner;
}

const params = { userId: "u", sessionId: "s", newMessage };

async function ended(events: AsyncIterable<Event>): Promise<Event[]> {
  const all: Event[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test("a transfer to a peer is denied unless the agent that transfers has an entry for it", async () => {
  for (const [agents, expected] of [
    [{ left: {}, right: {} }, "by right ERR_AGENT_UNKNOWN"],
    [{ left: { agents: { right: {} } }, right: {} }, "by right /left/right"],
  ] as const) {
    const seen = place({ agents });
    const left = actor(seen, "left", [transfer("right")]);
    const right = actor(seen, "right", [get("by right")]);
    const boss = actor(seen, "boss", [transfer("left")], { subAgents: [left, right] });
    await ended(withSigil(await runnerOf(boss), seen.handle).runAsync(params));
    expect(seen.lineages).toEqual([expected]);
  }
});

test("an agent that is a tool is below its caller, even if it is one of the agents above", async () => {
  const seen = place({ agents: { scout: { agents: { runner: {} } } } });
  const tools: AgentTool[] = [];
  const runner = actor(seen, "runner", [get("run"), call("scout", { request: "again" })], {
    tools,
  });
  const scout = actor(
    seen,
    "scout",
    [call("runner", { request: "run" }), get("again"), get("back")],
    {
      tools: [new AgentTool({ agent: runner })],
    },
  );
  runner.tools.push(new AgentTool({ agent: scout }));
  const boss = actor(seen, "boss", [call("scout", { request: "go" })], {
    tools: [new AgentTool({ agent: scout })],
  });
  await ended(withSigil(await runnerOf(boss), seen.handle).runAsync(params));
  // The runner has no entry for a scout. The scout that the boss called goes on as itself.
  expect(seen.lineages.slice(0, 2)).toEqual(["run /scout/runner", "again ERR_AGENT_UNKNOWN"]);
});

test("a session goes on with the agent that spoke last, in its place in the tree", async () => {
  const seen = place({ agents: { scout: { agents: { runner: {} } }, runner: {} } });
  const runner = actor(seen, "runner", [get("first")]);
  const scout = actor(seen, "scout", [transfer("runner")], { subAgents: [runner] });
  const boss = actor(seen, "boss", [transfer("scout")], { subAgents: [scout] });
  const company = await runnerOf(boss);
  await ended(withSigil(company, seen.handle).runAsync(params));
  runner.model = new Scripted([get("second")], []);
  await ended(withSigil(company, seen.handle).runAsync(params));
  expect(seen.lineages).toEqual(["first /scout/runner", "second /scout/runner"]);
});

test("a sequential agent hands work on as the agent that handed it work", async () => {
  const seen = place({ agents: { left: {}, right: {} } });
  const steps = [
    actor(seen, "left", [get("a")]),
    actor(seen, "right", [get("b")]),
    actor(seen, "other", [get("c")]),
  ];
  const all = new SequentialAgent({ name: "all", subAgents: steps });
  await ended(withSigil(await runnerOf(all), seen.handle).runAsync(params));
  expect(seen.lineages).toEqual(["a /left", "b /right", "c ERR_AGENT_UNKNOWN"]);
});

test("runs of one runner at the same time are kept apart; a run without withSigil has no handle", async () => {
  const [one, two] = [place({ agents: { scout: {} } }), place({})];
  const lines = one.lineages;
  const scout = actor(one, "scout", [get("1"), get("2"), get("3")]);
  // The two runs share one script: the run that comes first makes the next call.
  const boss = actor(
    one,
    "boss",
    [call("scout", { request: "go" }), call("scout", { request: "go" })],
    {
      tools: [new AgentTool({ agent: scout })],
    },
  );
  const runner = await runnerOf(boss);
  await runner.sessionService.createSession({ appName: "app", userId: "u", sessionId: "t" });
  await Promise.all([
    ended(withSigil(runner, one.handle).runAsync(params)),
    ended(withSigil(runner, two.handle).runAsync({ ...params, sessionId: "t" })),
  ]);
  const places = lines.map((line) => line.slice(2));
  expect(places).toContain("/scout");
  expect(places).toContain("ERR_AGENT_UNKNOWN");
  const before = lines.length;
  const alone = await runnerOf(actor(one, "boss", [get("alone")]));
  await ended(alone.runAsync(params));
  expect(lines.slice(before)).toEqual(["alone undefined"]);
});

test("a run that a tool begins has at most what the agent around it has", async () => {
  const seen = place({ agents: { left: {}, right: {} } });
  const [left, right] = [seen.handle.forAgent("left"), seen.handle.forAgent("right")];
  const begin = async (url: string, handle?: SigilHandle) =>
    ended(withSigil(await runnerOf(actor(seen, "boss", [get(url)])), handle).runAsync(params));
  await left.run(() => begin("the top's", seen.handle));
  await left.run(() => begin("its sibling's", right));
  await left.run(() => begin("none"));
  await seen.handle.run(() => begin("one below", right));
  expect(seen.lineages).toEqual([
    "the top's /left",
    "its sibling's ERR_AGENT_UNKNOWN",
    "none /left",
    "one below /right",
  ]);
});

test("the ready tools run as the agent that calls, and a denial is a text for the model", async () => {
  const { handle } = place({ agents: { scout: { endpoints: ["GET https://open.example/**"] } } });
  const scout = new LlmAgent({
    name: "scout",
    model: new Scripted([call("fetch_url", { url: "https://closed.example/" })], []),
    tools: sigilTools(FunctionTool),
  });
  const boss = new LlmAgent({
    name: "boss",
    model: new Scripted([transfer("scout")], []),
    subAgents: [scout],
  });
  const events = await ended(withSigil(await runnerOf(boss), handle).runAsync(params));
  expect(JSON.stringify(events)).toContain("ERR_ENDPOINT");
  const lone = new LlmAgent({
    name: "lone",
    model: new Scripted([call("show_budget", {})], []),
    tools: sigilTools(FunctionTool),
  });
  expect(JSON.stringify(await ended((await runnerOf(lone)).runAsync(params)))).toContain(
    "ERR_AGENT_UNKNOWN",
  );
});

test("a runner whose root is not an agent is refused", () => {
  const { handle } = place({});
  const runner = { agent: {}, runAsync: async function* () {} };
  expect(() => withSigil(runner, handle).runAsync({})).toThrow(/root is an agent/);
});

test("the page's snippet runs as it stands", async () => {
  const { handle, get: body, lineages } = place({ agents: { scout: {} } });
  const report = new FunctionTool({
    name: "report",
    description: "Gets a report.",
    parameters: z.object({ url: z.string() }),
    execute: (input) => body(input),
  });
  const sessionService = new InMemorySessionService();
  await sessionService.createSession({ appName: "app", userId: "u", sessionId: "s" });
  const shown: unknown[] = [];
  await runSnippet("google-adk", {
    modules: { "@google/adk": sdk, "l8nt/google-adk": adapter },
    ...params,
    handle,
    report,
    sessionService,
    appName: "app",
    model: new Scripted([transfer("scout"), call("report", { url: "by the scout" })], []),
    show: (event: unknown) => shown.push(event),
  });
  expect(lineages).toEqual(["by the scout /scout"]);
  expect(JSON.stringify(shown)).toContain("done");
});
