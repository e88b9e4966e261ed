/** LangChain: `createAgent` with its fake model; a checkpointer and a tracer, which are searched for the credential. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { RunCollectorCallbackHandler } from "@langchain/core/tracers/run_collector";
import { Command, interrupt, MemorySaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import * as agents from "l8nt/agents";
import { type AgentPolicies, currentHandle, SigilHandle, sigilFetch } from "l8nt/agents";
import * as adapter from "l8nt/langchain";
import { sigilMiddleware, sigilTools } from "l8nt/langchain";
import * as langchain from "langchain";
import {
  AIMessage,
  type BaseMessage,
  createAgent,
  fakeModel,
  type ReactAgent,
  ToolMessage,
  type ToolRuntime,
  tool,
  toolRetryMiddleware,
} from "langchain";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { type Shop, town } from "../e2e/support/town.ts";
import { type AgentAdapter, agentContract } from "./support/agent-contract.ts";
import {
  agentOf,
  collected,
  invoked,
  modelOf,
  saved,
  streamed,
  streamedEvents,
  TASK,
  type Way,
} from "./support/langchain-script.ts";
import { runSnippet } from "./support/page.ts";

const adapted = (name: string, way: Way): AgentAdapter => ({
  name: `langchain, ${name}`,
  siblings: true,
  async run(script, { handle, get, signal }) {
    const [checkpointer, tracer] = [new MemorySaver(), new RunCollectorCallbackHandler()];
    const out = await way.run(agentOf(script, get, way, undefined, checkpointer), {
      context: { sigil: handle },
      configurable: { thread_id: "1" },
      callbacks: [tracer],
      ...(signal !== undefined && { signal }),
    });
    expect(tracer.tracedRuns.length).toBeGreaterThan(0);
    expect(saved(checkpointer)).toContain("do your acts");
    return [out, saved(checkpointer), tracer.tracedRuns];
  },
});

agentContract(adapted("invoke", { run: invoked, handsOn: "nothing", version: "v2" }));
agentContract(adapted("stream", { run: streamed, handsOn: "nothing", version: "v2" }));
agentContract(adapted("events", { run: streamedEvents, handsOn: "nothing", version: "v1" }));
agentContract(adapted("its context", { run: invoked, handsOn: "a narrowed context", version: "v1" }));

async function stage(agents: AgentPolicies = {}) {
  const world = await town();
  const credential = world.root({ budget: "100 sat" });
  return {
    world,
    shop: await world.shop(),
    handle: new SigilHandle({ credential, clock: world.clock, agents }),
  };
}

const plainTool = (name: string, act: (runtime: ToolRuntime<unknown, { sigil?: SigilHandle }>) => unknown) =>
  tool(
    async (_: object, runtime: ToolRuntime<unknown, { sigil?: SigilHandle }>) => String(await act(runtime)),
    {
      name,
      description: name,
      schema: z.object({}),
    },
  );

type Tools = NonNullable<Parameters<typeof createAgent>[0]["tools"]>;
type Middleware = ReturnType<typeof sigilMiddleware>;

/** An agent that calls each of its tools once, one after another. */
const eachOnce = (tools: Tools, middleware: readonly Middleware[] = [], more: object = {}): ReactAgent =>
  createAgent({
    model: modelOf(tools.map(({ name }) => [{ name: name as string, args: {} }])),
    tools,
    middleware,
    ...more,
  }) as unknown as ReactAgent;

const results = (state: { messages: readonly { type: string; text: string }[] }) =>
  state.messages.filter(({ type }) => type === "tool").map(({ text }) => text);

const buy = ({ url }: Shop) => plainTool("buy", async () => (await sigilFetch(url)).text());
const calling = (name: string, args: Record<string, unknown>) =>
  new AIMessage({ content: "", tool_calls: [{ name, args, id: randomUUID() }] });
const whoAmI = plainTool("who_am_i", () => currentHandle()?.agent ?? "the one at the top");

test("the ready tools fetch and pay, and say what is left", async () => {
  const { shop, handle } = await stage();
  const agent = createAgent({
    model: modelOf([[{ name: "fetch_url", args: { url: shop.url } }], [{ name: "show_budget", args: {} }]]),
    tools: sigilTools(),
    middleware: [sigilMiddleware()],
  });
  const [fetched, left] = results(await agent.invoke(TASK, { context: { sigil: handle } }));
  expect(fetched).toBe('{"served":1}');
  expect(left).toMatch(/^everybody here: 89\.99 sat left of 100 sat/);
});

test("a tool that throws, and arguments that do not fit, are told to the model as without the middleware", async () => {
  const { handle } = await stage();
  const broken = plainTool("broken", () => Promise.reject(new RangeError("out of paper")));
  const picky = tool((_: { n: number }) => "never", {
    name: "picky",
    description: "",
    schema: z.object({ n: z.number() }),
  });
  const [without, withIt] = [[], [sigilMiddleware()]].map((middleware) =>
    eachOnce([broken, picky], middleware).invoke(TASK, { context: { sigil: handle } }),
  );
  const [asBefore, now] = [results(await without!), results(await withIt!)];
  expect(now[0]).toBe("RangeError: out of paper");
  expect(asBefore[0]).toContain(now[0]);
  const unplaced = (text: string | undefined) => text?.replaceAll(/\n +at .*/g, "");
  expect(unplaced(now[1])).toBe(unplaced(asBefore[1]));
});

test("a denial is something that the model reads, and the run goes on", async () => {
  const { world, shop, handle } = await stage({ scout: { maxPrice: "1 sat" } });
  const agent = eachOnce([buy(shop), whoAmI], [sigilMiddleware("scout")]);
  const told = results(await agent.invoke(TASK, { context: { sigil: handle } }));
  expect(told).toEqual([expect.stringMatching(/^ERR_PRICE: /), "scout"]);
  expect(world.paid().count).toBe(0);
});

test("an agent that was given no handle fetches nothing by sigilFetch", async () => {
  const { shop } = await stage();
  const told = results(await eachOnce([buy(shop)], [sigilMiddleware()]).invoke(TASK));
  expect(told[0]).toContain("outside of handle.run");
});

test("a middleware behind it, such as one that tries again, still sees what a tool throws", async () => {
  const { handle } = await stage();
  let tries = 0;
  const shaky = plainTool("shaky", () => (++tries < 3 ? Promise.reject(new Error("not yet")) : "at last"));
  const retry = toolRetryMiddleware({ maxRetries: 3, initialDelayMs: 1 });
  const agent = eachOnce([shaky], [sigilMiddleware(), retry as unknown as Middleware]);
  expect(results(await agent.invoke(TASK, { context: { sigil: handle } }))).toEqual(["at last"]);
});

test.each([
  ["inherits its caller's context", () => undefined],
  ["is given its caller's handle", (sigil: SigilHandle) => ({ sigil })],
  ["is given a handle above its caller's", (sigil: SigilHandle) => ({ sigil: sigil.parent! })],
  ["is given a context without a handle", () => ({})],
])("a sub-agent without a name that %s is denied", async (_, context) => {
  const { world, shop, handle } = await stage({ scout: {} });
  const child = eachOnce([buy(shop)], [sigilMiddleware()]);
  const ask = plainTool("ask", async ({ context: { sigil } }) => {
    const given = context(sigil!);
    return results(await child.invoke(TASK, given === undefined ? {} : { context: given }));
  });
  const scout = eachOnce([ask], [sigilMiddleware("scout")]);
  const told = results(await scout.invoke(TASK, { context: { sigil: handle } }));
  expect(told[0]).toMatch(/^ERR_AGENT_UNKNOWN: /);
  expect(world.paid().count).toBe(0);
});

test("the handle in a tool's own context is its agent's, however deep", async () => {
  const { handle } = await stage({ scout: { agents: { runner: {} } } });
  const seen: (string | undefined)[] = [];
  const look = plainTool("look", ({ context, config }) => {
    const { context: configs } = config as { context?: { sigil?: SigilHandle } };
    seen.push(context.sigil?.agent, configs?.sigil?.agent);
  });
  const asking = (child: ReactAgent) => plainTool("ask", () => child.invoke(TASK));
  const runner = eachOnce([look], [sigilMiddleware("runner")]);
  const scout = eachOnce([look, asking(runner)], [sigilMiddleware("scout")]);
  await eachOnce([look, asking(scout), look], [sigilMiddleware()]).invoke(TASK, { context: { sigil: handle } });
  expect(seen.filter((_, at) => at % 2 === 0)).toEqual([undefined, "scout", "runner", undefined]);
  expect(seen.filter((_, at) => at % 2 === 1)).toEqual([undefined, "scout", "runner", undefined]);
});

test("an agent above that is asked by one below has only what the one below may give it", async () => {
  const { shop, handle } = await stage({ scout: { agents: { runner: { maxPrice: "1 sat" } } } });
  const again = eachOnce([buy(shop)], [sigilMiddleware("scout")]);
  const asking = (child: ReactAgent) => plainTool("ask", async () => results(await child.invoke(TASK)));
  const runner = eachOnce([asking(again)], [sigilMiddleware("runner")]);
  const scout = eachOnce([asking(runner)], [sigilMiddleware("scout")]);
  expect(results(await scout.invoke(TASK, { context: { sigil: handle } }))[0]).toMatch(/^ERR_AGENT_UNKNOWN/);
  expect(shop.served).toEqual([]);
});

test("a model that is asked by sigilFetch is paid for by the agent that asks it", async () => {
  const { handle } = await stage({ scout: {} });
  const asked: (string | undefined)[] = [];
  const model = (...said: AIMessage[]) =>
    said.reduce((whole, message) => {
      return whole.respond(() => {
        asked.push(currentHandle() === undefined ? "nobody" : currentHandle()?.agent);
        return message;
      });
    }, fakeModel());
  const scout = createAgent({ model: model(new AIMessage("yes")), middleware: [sigilMiddleware("scout")] });
  const ask = plainTool("ask", () => scout.invoke(TASK));
  const boss = createAgent({
    model: model(calling("ask", {}), new AIMessage("done")),
    tools: [ask],
    middleware: [sigilMiddleware()],
  });
  await boss.invoke(TASK, { context: { sigil: handle } });
  expect(asked).toEqual([undefined, "scout", undefined]);
});

test("a sub-agent's stream that is read outside of the tool which began it is still the sub-agent's", async () => {
  const { handle } = await stage({ scout: { agents: { runner: {} } } });
  const lineages: (readonly string[])[] = [];
  const look = plainTool("look", () => lineages.push(currentHandle()!.credential.chain.lineage));
  const runner = eachOnce([look], [sigilMiddleware("runner")]);
  let begun!: AsyncIterable<unknown>;
  const begin = plainTool("begin", async () => {
    begun = await runner.stream(TASK);
  });
  await eachOnce([begin], [sigilMiddleware("scout")]).invoke(TASK, { context: { sigil: handle } });
  await collected(begun);
  expect(lineages).toEqual([["scout", "runner"]]);
});

test("a transfer by Command gives each agent its own entry, and the one at the top its own handle back", async () => {
  const { handle } = await stage({ scout: { budget: "20 sat" } });
  const seen: (string | undefined)[] = [];
  const look = plainTool("look", () => seen.push(currentHandle()?.agent));
  const transferTo = (goto: string) =>
    tool(
      (_: object, { toolCallId, state }: ToolRuntime<{ messages: BaseMessage[] }>) => {
        const answer = new ToolMessage({ content: `to ${goto}`, tool_call_id: toolCallId });
        return new Command({ goto, graph: Command.PARENT, update: { messages: [...state.messages, answer] } });
      },
      { name: `transfer_to_${goto}`, description: "", schema: z.object({}) },
    );
  const scout = eachOnce([look, transferTo("boss")], [sigilMiddleware("scout")]);
  const stranger = eachOnce([look], [sigilMiddleware("stranger")]);
  const boss = createAgent({
    model: modelOf([
      [{ name: "look", args: {} }],
      [{ name: "transfer_to_scout", args: {} }],
      [{ name: "look", args: {} }],
      [{ name: "transfer_to_stranger", args: {} }],
    ]),
    tools: [look, transferTo("scout"), transferTo("stranger")],
    middleware: [sigilMiddleware()],
  });
  const team = new StateGraph(MessagesAnnotation)
    .addNode("boss", boss.graph, { ends: ["scout", "stranger"] })
    .addNode("scout", scout.graph, { ends: ["boss"] })
    .addNode("stranger", stranger.graph)
    .addEdge("__start__", "boss")
    .compile();
  await team.invoke(TASK, { context: { sigil: handle } });
  expect(seen).toEqual([undefined, "scout", undefined, "stranger"]);
  expect(() => handle.forAgent("stranger").credential).toThrow(/agent/);
});

test("an interrupt goes up, and the run goes on as the same agent once it is resumed", async () => {
  const { world, shop, handle } = await stage({ scout: { budget: "20 sat" } });
  const checkpointer = new MemorySaver();
  const careful = plainTool("careful", async () => {
    const said = interrupt("may I?");
    return `${said} ${await (await sigilFetch(shop.url)).text()}`;
  });
  const agent = eachOnce([careful], [sigilMiddleware("scout")], { checkpointer });
  const config = { configurable: { thread_id: "1" }, context: { sigil: handle } };
  const halted = (await agent.invoke(TASK, config)) as { __interrupt__?: { value?: unknown }[] };
  expect(halted.__interrupt__?.map(({ value }) => value)).toEqual(["may I?"]);
  const kept = saved(checkpointer);
  expect(kept).toContain("may I?");
  for (const { credential } of [handle, handle.forAgent("scout")])
    expect(kept).not.toContain(credential.toString().slice(-40));
  expect(world.paid().count).toBe(0);
  const told = results(await agent.invoke(new Command({ resume: "yes" }) as never, config));
  expect(told).toEqual(['yes {"served":1}']);
  expect(handle.forAgent("scout").credential.chain.lineage).toEqual(["scout"]);
});

test("an agent's own signal stops it as well, and nothing more is paid", async () => {
  const { world, shop, handle } = await stage();
  const abort = new AbortController();
  shop.acts.push(() => abort.abort(new Error("enough")));
  const get = tool(
    async ({ path }: { path: string }, { signal }: ToolRuntime) =>
      (await sigilFetch(`${shop.url}${path}`, { signal: signal ?? null })).text(),
    { name: "get", description: "", schema: z.object({ path: z.string() }) },
  );
  const agent = createAgent({
    model: modelOf([[{ name: "get", args: { path: "/a" } }], [{ name: "get", args: { path: "/b" } }]]),
    tools: [get],
    middleware: [sigilMiddleware()],
    signal: abort.signal,
  });
  await expect(agent.invoke(TASK, { context: { sigil: handle } })).rejects.toThrow();
  expect(shop.received.filter(({ target }) => target === "/b")).toEqual([]);
  expect(world.paid().count).toBe(1);
});

test("the page's snippet runs as it stands", async () => {
  const world = await town({ clock: () => Date.now() / 1000 });
  world.time.now = Date.now() / 1000;
  const [shop, root] = [await world.shop(), world.root({ budget: "100 sat" })];
  vi.stubEnv("SIGIL_CREDENTIAL", root.toString());
  onTestFinished(() => void vi.unstubAllEnvs());
  const said: unknown[] = [];
  // One model for both of them: the boss asks the scout, who looks it up; then both say that it rains.
  const model = fakeModel()
    .respond(calling("ask_scout", { question: "Weather?" }))
    .respond(calling("look_up", {}))
    .respond(new AIMessage("It rains, says the page."))
    .respond(new AIMessage("It rains, says the scout."));
  await runSnippet("langchain", {
    modules: { langchain, "l8nt/agents": agents, "l8nt/langchain": adapter },
    model,
    question: "What is the weather like?",
    schema: z.object({ question: z.string() }),
    lookUp: plainTool("look_up", async () => (await sigilFetch(shop.url)).text()),
    console: { log: (text: unknown) => said.push(text) },
  });
  expect(said).toEqual(["It rains, says the scout."]);
  const tree = await world.client(root).tree();
  expect(tree.map(({ agent, spentMsat }) => [agent, spentMsat])).toEqual([
    [undefined, 10_010n],
    ["scout", 10_010n],
  ]);
});

test("the example runs, and its own assertions hold", async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=l8nt-source", "examples/langchain.ts"],
    { cwd: join(import.meta.dirname, "../.."), timeout: 60_000 },
  );
  expect(stdout).toMatch(/^boss: All three\.\n/);
});
