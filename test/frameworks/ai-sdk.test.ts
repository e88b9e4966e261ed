/**
 * The Vercel AI SDK, in both majors, generating and streaming: the laws of the contract, and laws
 * of this adapter.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import * as ai7 from "ai";
import * as ai6 from "ai6";
import * as agents from "l8nt/agents";
import * as adapter from "l8nt/ai-sdk";
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import {
  type AgentAdapter,
  agentContract,
  type Get,
  type Script,
} from "./support/agent-contract.ts";
import { type Agent, type Major, seven, six, type Turn } from "./support/ai-sdk.ts";
import { runSnippet } from "./support/page.ts";

const { currentHandle, SigilHandle, sigilFetch } = agents;
const { sigilTools, subAgent, withSigil } = adapter;
type SigilHandle = agents.SigilHandle;

const execFileAsync = promisify(execFile);

/** A user's own tool, not wrapped. */
const getTool = ({ sdk }: Major, get: Get) =>
  sdk.tool({
    description: "Gets a URL.",
    inputSchema: z.object({ url: z.string() }),
    execute: (input: { url: string }, { abortSignal }: { abortSignal?: AbortSignal }) =>
      get(input, abortSignal),
  });

/**
 * The turns of a script's model, and the scripts to which it hands work, by the names of their
 * tools.
 */
function played({ acts }: Script): { turns: Turn[]; hands: Map<string, Script> } {
  const hands = new Map<string, Script>();
  const turns = acts.map((act): Turn => {
    const urls = "get" in act ? [act.get] : "getAll" in act ? act.getAll : undefined;
    if (urls !== undefined) return urls.map((url) => ({ toolName: "get", input: { url } }));
    const scripts = "hand" in act ? [act.hand] : "handAll" in act ? act.handAll : [];
    return scripts.map((script) => {
      const toolName = `ask_${hands.size}_${script.agent}`;
      hands.set(toolName, script);
      return { toolName, input: { task: "go" } };
    });
  });
  return { turns, hands };
}

interface Cast {
  readonly major: Major;
  readonly get: Get;
  readonly seen: unknown[];
}

/**
 * Generates. The tools of the agent at the top are given the handle; the tools below are not
 * wrapped.
 */
const generating = (major: Major): AgentAdapter => ({
  name: `${major.name}, generating`,
  siblings: true,
  async run(script, { handle, get, signal }) {
    const seen: unknown[] = [];
    const agent = cast(script, { major, get, seen }, handle);
    const result = await agent.generate({
      prompt: "go",
      ...(signal !== undefined && { abortSignal: signal }),
    });
    seen.push(result.steps, result.response);
    return seen;
  },
});

function cast(script: Script, { major, get, seen }: Cast, handle?: SigilHandle): Agent {
  const { turns, hands } = played(script);
  const tools: Record<string, object> = { get: getTool(major, get) };
  for (const [toolName, below] of hands)
    tools[toolName] = subAgent(below.agent, {
      description: `Does what ${below.agent} does.`,
      agent: cast(below, { major, get, seen }),
    });
  return major.agent(
    { turns, tools: handle === undefined ? tools : withSigil(tools, handle) },
    seen,
  );
}

/**
 * Streams. The handle comes from the run's context, and the boss's handle is by mistake in the
 * context of every agent below, too. Agents below stream inside of a tool that is a generator, and
 * the code that reads the stream runs outside of any handle.
 */
const streaming = (major: Major): AgentAdapter => ({
  name: `${major.name}, streaming`,
  siblings: true,
  async run(script, { handle, get, signal }) {
    const seen: unknown[] = [];
    const agent = streamCast(script, { major, get, seen }, handle);
    const result = await agent.stream({
      prompt: "go",
      ...(signal !== undefined && { abortSignal: signal }),
    });
    for await (const part of result.fullStream) seen.push(part);
    signal?.throwIfAborted();
    seen.push(await result.steps);
    return seen;
  },
});

function streamCast(script: Script, { major, get, seen }: Cast, handle: SigilHandle): Agent {
  const { turns, hands } = played(script);
  const tools: Record<string, object> = { get: getTool(major, get) };
  for (const [toolName, below] of hands) {
    const agent = streamCast(below, { major, get, seen }, handle);
    const tool = major.sdk.tool({
      description: `Does what ${below.agent} does.`,
      inputSchema: z.object({ task: z.string() }),
      async *execute({ task }: { task: string }, { abortSignal }: { abortSignal?: AbortSignal }) {
        const { fullStream } = await agent.stream({
          prompt: task,
          ...(abortSignal !== undefined && { abortSignal }),
        });
        for await (const { type } of fullStream) yield type;
      },
    });
    tools[toolName] = subAgent(below.agent, tool);
  }
  return major.agent({ turns, tools: withSigil(tools), sigil: handle }, seen);
}

for (const major of [seven, six])
  for (const adapter of [generating(major), streaming(major)]) agentContract(adapter);

async function family() {
  const world = await town({ clock: () => Date.now() / 1000 });
  world.clock.set(Date.now() / 1000);
  const root = world.mint({ budget: "100 sat" });
  const agents = { scout: { budget: "50 sat" }, runner: { budget: "20 sat" } } as const;
  return { world, root, handle: SigilHandle.open({ credential: root, agents }) };
}

const whoRuns = (): string => {
  const handle = currentHandle();
  return handle === undefined ? "nobody" : (handle.agent ?? "the boss");
};

/** A tool that notes the agent that runs it. */
const whoTool = (notes: string[]) => ({
  description: "Notes who runs it.",
  inputSchema: z.object({}),
  execute: async () => void notes.push(whoRuns()),
});

const callOf = (toolName: string, input: object = {}): Turn => [{ toolName, input }];
const go = { prompt: "go" };

describe.each([seven, six])("$name", (major) => {
  test("the two ready tools pay, show what is left, and reject arguments that are not theirs", async () => {
    const { world, handle } = await family();
    const shop = await world.openShop();
    const seen: unknown[] = [];
    const turns = [
      callOf("fetch_url", { url: shop.url }),
      callOf("show_budget"),
      callOf("fetch_url", { url: 7 }),
    ];
    const agent = major.agent({ turns, tools: withSigil(sigilTools, handle) }, seen);
    const { steps } = (await agent.generate(go)) as { steps: { content: object[] }[] };
    const [paid, budget, invalid] = steps.map(({ content }) => content.at(-1));
    expect(paid).toMatchObject({ type: "tool-result", output: '{"served":1}' });
    expect(budget).toMatchObject({
      type: "tool-result",
      output: expect.stringContaining("left of 100 sat"),
    });
    expect(inspect(invalid)).toMatch(/tool-error[\s\S]*url must be a string/);
    expect(world.paid().count).toBe(1);
    expect(seen.find((one) => Array.isArray((one as { tools?: unknown }).tools))).toMatchObject({
      tools: [
        {
          name: "fetch_url",
          inputSchema: {
            type: "object",
            properties: { url: { type: "string" } },
            required: ["url"],
          },
        },
        { name: "show_budget", inputSchema: { type: "object", properties: {}, required: [] } },
      ],
    });
  });

  test("a ready tool without a handle is denied", async () => {
    const agent = major.agent({ turns: [callOf("show_budget")], tools: sigilTools });
    expect(inspect((await agent.generate(go)).steps, { depth: 9 })).toContain("ERR_AGENT_UNKNOWN");
  });

  test("a handle that was serialized grants nothing", async () => {
    const { handle } = await family();
    const notes: string[] = [];
    const sigil = JSON.parse(JSON.stringify(handle)) as SigilHandle;
    const tools = withSigil({ who: whoTool(notes) });
    await major.agent({ turns: [callOf("who")], tools, sigil }).generate(go);
    await major.agent({ turns: [callOf("who")], tools, sigil: handle }).generate(go);
    expect(notes).toEqual(["nobody", "the boss"]);
  });

  test("a tool that was wrapped for the boss and lent to the scout runs as the scout", async () => {
    const { handle } = await family();
    const notes: string[] = [];
    const lent = withSigil({ who: whoTool(notes) }, handle);
    const scout = subAgent("scout", {
      description: "Scouts.",
      agent: major.agent({ turns: [callOf("who")], tools: lent }),
    });
    const turns = [callOf("who"), callOf("scout", { task: "go" }), callOf("who")];
    await major.agent({ turns, tools: { ...lent, ...withSigil({ scout }, handle) } }).generate(go);
    expect(notes).toEqual(["the boss", "scout", "the boss"]);
  });

  test("a tool that was given to the scout runs as the scout, even if the boss runs it", async () => {
    const { handle } = await family();
    const notes: string[] = [];
    const tools = withSigil({ who: whoTool(notes) }, handle.forAgent("scout"));
    await handle.run(() => major.agent({ turns: [callOf("who")], tools }).generate(go));
    expect(notes).toEqual(["scout"]);
  });

  test("a stranger that runs a tool of the scout's is denied", async () => {
    const { handle } = await family();
    const notes: string[] = [];
    const tools = withSigil({ who: whoTool(notes) }, handle.forAgent("scout"));
    const stranger = handle.forAgent("stranger");
    await stranger.run(() => major.agent({ turns: [callOf("who")], tools }).generate(go));
    expect(notes).not.toContain("scout");
  });

  test("a tool that was given the handles of two siblings is denied", async () => {
    const { handle } = await family();
    const seen: string[] = [];
    const who = {
      ...whoTool([]),
      execute: async () => {
        seen.push(await sigilFetch("http://127.0.0.1:1/").then(String, ({ code }) => code));
      },
    };
    const tools = withSigil({ who }, handle.forAgent("scout"));
    const sigil = handle.forAgent("runner");
    await major.agent({ turns: [callOf("who")], tools, sigil }).generate(go);
    expect(seen).toEqual(["ERR_AGENT_UNKNOWN"]);
  });

  test("an abort reaches the agent below and its ready tool", { timeout: 10_000 }, async () => {
    const { world, handle } = await family();
    const [shop, next] = [await world.openShop(), await world.openShop()];
    const abort = new AbortController();
    // The shop never answers, so only the signal ends the wait.
    shop.answers.push(() => abort.abort(new Error("enough")));
    const turns = [shop, next].map(({ url }) => callOf("fetch_url", { url }));
    const below: unknown[] = [];
    const scout = subAgent("scout", {
      description: "Scouts.",
      agent: major.agent({ turns, tools: sigilTools }, below),
    });
    const agent = major.agent({
      turns: [callOf("scout", { task: "go" })],
      tools: withSigil({ scout }, handle),
    });
    await agent.generate({ ...go, abortSignal: abort.signal }).then(undefined, () => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(abort.signal.aborted).toBe(true);
    expect(next.received).toEqual([]);
    expect(below.filter((one) => Array.isArray((one as { prompt?: unknown }).prompt))).toHaveLength(
      1,
    );
  });

  test("an agent that calls an agent above it by name does not get that agent's handle", async () => {
    const { world, handle } = await family();
    const shop = await world.openShop();
    const fetched: string[] = [];
    const get = getTool(major, async ({ url }) => {
      const text = await sigilFetch(url).then(
        (response) => response.text(),
        ({ code }) => code as string,
      );
      fetched.push(text);
      return text;
    });
    const as = (name: string, turns: readonly Turn[], tools: object) =>
      subAgent(name, {
        description: name,
        agent: major.agent({ turns, tools: { get, ...tools } }),
      });
    const again = as("scout", [callOf("get", { url: shop.url })], {});
    const runner = as("runner", [callOf("scout", { task: "go" })], { scout: again });
    const scout = as("scout", [callOf("runner", { task: "go" })], { runner });
    const scouted = SigilHandle.open({
      credential: handle.credential,
      agents: { scout: { budget: "50 sat", agents: { runner: { maxPrice: "1 sat" } } } },
    });
    const tools = withSigil({ scout }, scouted);
    await major.agent({ turns: [callOf("scout", { task: "go" })], tools }).generate(go);
    expect(fetched).toEqual(["ERR_AGENT_UNKNOWN"]);
    expect(world.paid().count).toBe(0);
  });

  test("a tool that streams runs as its agent at every step, even if it is broken off", async () => {
    const { handle } = await family();
    const notes: string[] = [];
    const abort = new AbortController();
    const slow = major.sdk.tool({
      description: "Streams.",
      inputSchema: z.object({}),
      async *execute() {
        try {
          notes.push(whoRuns());
          yield 1;
          await new Promise((resolve) => setTimeout(resolve, 1));
          notes.push(whoRuns());
          yield 2;
          notes.push(whoRuns());
        } finally {
          notes.push(`${whoRuns()} at the end`);
        }
      },
    });
    const tools = withSigil({ slow: subAgent("scout", slow), mine: slow }, handle);
    const turns: Turn[] = [callOf("slow"), callOf("mine")];
    const { fullStream } = await major.agent({ turns, tools }).stream(go);
    let preliminary = 0;
    for await (const part of fullStream)
      if ((part as { preliminary?: boolean }).preliminary) preliminary++;
    expect(preliminary).toBe(4);
    const [scouts, mine] = [notes.slice(0, 4), notes.slice(4)];
    expect(scouts).toEqual(["scout", "scout", "scout", "scout at the end"]);
    expect(mine).toEqual(["the boss", "the boss", "the boss", "the boss at the end"]);

    const results = tools.slow.execute(
      {},
      { toolCallId: "1", messages: [], abortSignal: abort.signal },
    );
    for await (const _ of results) break;
    expect(notes.slice(8)).toEqual(["scout", "scout at the end"]);
  });

  test("the context, events and traces of a run show the name of a handle only", async () => {
    const { root, handle } = await family();
    const seen: unknown[] = [];
    const tools = withSigil({ who: whoTool([]) });
    await major.agent({ turns: [callOf("who")], tools, sigil: handle }, seen).generate(go);
    const shown = seen.filter((one) => typeof one === "string").join("\n") + JSON.stringify(seen);
    if (major === seven) expect(shown).toContain(handle.id);
    expect(shown).not.toContain(root.toString().slice(-40));
  });
});

test("tools without execute are unchanged, and a tool stays an instance of its class", () => {
  class Counter {
    readonly inputSchema = z.object({});
    #count = 0;
    execute() {
      return ++this.#count;
    }
    get twice() {
      return 2;
    }
  }
  const client = { inputSchema: z.object({}) };
  const wrapped = withSigil({ client, counter: new Counter() });
  expect(wrapped.client).toBe(client);
  expect(wrapped.counter).toBeInstanceOf(Counter);
  expect(wrapped.counter.twice).toBe(2);
  expect([wrapped.counter.execute(), wrapped.counter.execute()]).toEqual([1, 2]);
});

test("types: tools, agents and tool sets of both majors keep their types", async () => {
  const { handle } = await family();
  const inputSchema = z.object({ url: z.string() });
  const callOptionsSchema = z.object({
    sigil: z.custom<SigilHandle>((one) => one instanceof SigilHandle),
  });
  const options = { sigil: handle };

  const get7 = ai7.tool({ inputSchema, execute: async ({ url }) => `${whoRuns()} ${url}` });
  const agent7 = new ai7.ToolLoopAgent({ model: seven.model([]), tools: { get: get7 } });
  const tools7 = {
    get: get7,
    scout: subAgent("scout", { description: "Scouts.", agent: agent7 }),
    own: subAgent("scout", get7),
    ...sigilTools,
  };
  expectTypeOf(withSigil(tools7, handle)).toEqualTypeOf(tools7);
  const shared7 = new ai7.ToolLoopAgent({
    model: seven.model([callOf("get", { url: "x" })]),
    tools: tools7,
    callOptionsSchema,
    prepareCall: ({ options, ...settings }) => ({
      ...settings,
      tools: withSigil(tools7, options.sigil),
    }),
  });
  const [step7] = (await shared7.generate({ prompt: "go", options })).steps;
  expect(step7!.toolResults[0]!.output).toBe("the boss x");

  const get6 = ai6.tool({ inputSchema, execute: async ({ url }) => `${whoRuns()} ${url}` });
  const agent6 = new ai6.ToolLoopAgent({ model: six.model([]), tools: { get: get6 } });
  const tools6 = {
    get: get6,
    scout: subAgent("scout", { description: "Scouts.", agent: agent6 }),
    own: subAgent("scout", get6),
    ...sigilTools,
  };
  expectTypeOf(withSigil(tools6, handle)).toEqualTypeOf(tools6);
  const shared6 = new ai6.ToolLoopAgent({
    model: six.model([callOf("get", { url: "x" })]),
    tools: withSigil(tools6),
    callOptionsSchema,
    prepareCall: ({ options, ...settings }) => ({ ...settings, experimental_context: options }),
  });
  const [step6] = (await shared6.generate({ prompt: "go", options })).steps;
  expect(step6!.toolResults[0]!.output).toBe("the boss x");
});

test.each([seven, six])(
  "the page's snippet runs as it stands with $name",
  async ({ sdk, model }) => {
    const { world, root } = await family();
    const shop = await world.openShop();
    vi.stubEnv("SIGIL_CREDENTIAL", root.toString());
    onTestFinished(() => void vi.unstubAllEnvs());
    const notes: string[] = [];
    const search = sdk.tool({
      description: "Searches.",
      inputSchema: z.object({}),
      execute: async () => {
        notes.push(whoRuns());
        return (await sigilFetch(shop.url)).text();
      },
    });
    const said: unknown[] = [];
    await runSnippet("ai-sdk", {
      modules: { ai: sdk, "l8nt/agents": agents, "l8nt/ai-sdk": adapter },
      prompt: "What is the price of tin?",
      search,
      // One model for both agents: the one with the tool `research` calls it, the other searches.
      model: model((options) => {
        const { prompt, tools = [] } = options as {
          prompt: { role: string }[];
          tools?: { name: string }[];
        };
        if (prompt.at(-1)!.role === "tool") return "Tin is dear.";
        return tools.some(({ name }) => name === "research")
          ? callOf("research", { task: "Tin" })
          : callOf("search");
      }),
      console: { log: (text: unknown) => said.push(text) },
    });
    expect(said).toEqual(["Tin is dear."]);
    expect(notes).toEqual(["researcher"]);
    const tree = await world.connect(root).tree();
    expect(tree.map(({ agent, spent }) => [agent, spent[0]!.value])).toEqual([
      [undefined, 10_010n],
      ["researcher", 10_010n],
    ]);
  },
);

test("the example runs, and its own assertions hold", async () => {
  const { stdout } = await execFileAsync(
    process.execPath,
    ["--conditions=l8nt-source", "examples/ai-sdk.ts"],
    {
      cwd: join(import.meta.dirname, "../.."),
      timeout: 60_000,
    },
  );
  expect(stdout).toMatch(/researcher/);
});
