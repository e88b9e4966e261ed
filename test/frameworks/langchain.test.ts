/**
 * LangChain: `createAgent` with its fake model, and with a checkpointer and a tracer that are
 * searched for the credential.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { RunCollectorCallbackHandler } from "@langchain/core/tracers/run_collector";
import { MemorySaver } from "@langchain/langgraph";
import * as agents from "l8nt/agents";
import { currentHandle, SigilHandle, sigilFetch } from "l8nt/agents";
import * as adapter from "l8nt/langchain";
import { sigilTools, withSigil } from "l8nt/langchain";
import * as langchain from "langchain";
import {
  AIMessage,
  type BaseMessage,
  createAgent,
  fakeModel,
  type ToolRuntime,
  tool,
  toolRetryMiddleware,
} from "langchain";
import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { type AgentAdapter, agentContract } from "./support/agent-contract.ts";
import {
  buy,
  calling,
  eachOnce,
  eachOnceConfig,
  type Middleware,
  plainTool,
  results,
  stage,
  whoAmI,
} from "./support/langchain-agents.ts";
import {
  agentOf,
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
agentContract(
  adapted("its context", { run: invoked, handsOn: "a narrowed context", version: "v1" }),
);

test("the ready tools fetch, pay and show what is left", async () => {
  const { shop, handle } = await stage();
  const agent = createAgent(
    withSigil({
      model: modelOf([
        [{ name: "fetch_url", args: { url: shop.url } }],
        [{ name: "show_budget", args: {} }],
      ]),
      tools: [...sigilTools],
    }),
  );
  const [fetched, left] = results(await agent.invoke(TASK, { context: { sigil: handle } }));
  expect(fetched).toBe('{"served":1}');
  expect(left).toMatch(/^everybody here: 89\.99 sat left of 100 sat/);
});

test("the model reads an error of a tool and invalid arguments as it does without the middleware", async () => {
  const { handle } = await stage();
  const broken = plainTool("broken", () => Promise.reject(new RangeError("out of paper")));
  const picky = tool((_: { n: number }) => "never", {
    name: "picky",
    description: "",
    schema: z.object({ n: z.number() }),
  });
  const config = () => eachOnceConfig([broken, picky]);
  const [without, withIt] = [config(), withSigil(config())].map((one) =>
    createAgent(one as never).invoke(TASK, { context: { sigil: handle } } as never),
  );
  const [asBefore, now] = [results(await without!), results(await withIt!)];
  expect(now[0]).toBe("RangeError: out of paper");
  expect(asBefore[0]).toContain(now[0]);
  const unplaced = (text: string | undefined) => text?.replaceAll(/\n +at .*/g, "");
  expect(unplaced(now[1])).toBe(unplaced(asBefore[1]));
});

test("an error of the model ends the run, and is its cause", async () => {
  const { handle } = await stage();
  const error = new RangeError("out of tokens");
  const agent = createAgent(withSigil({ model: fakeModel().respond(error) }));
  const run = agent.invoke(TASK, { context: { sigil: handle } });
  await expect(run).rejects.toMatchObject({
    name: "RangeError",
    message: "out of tokens",
    cause: error,
  });
});

test("the model reads a denial, and the run goes on", async () => {
  const { world, shop, handle } = await stage({ scout: { maxPrice: "1 sat" } });
  const agent = eachOnce([buy(shop), whoAmI], { name: "scout" });
  const told = results(await agent.invoke(TASK, { context: { sigil: handle } }));
  expect(told).toEqual([expect.stringMatching(/^ERR_PRICE: /), "scout"]);
  expect(world.paid().count).toBe(0);
});

test("sigilFetch in an agent without a handle is denied", async () => {
  const { shop } = await stage();
  const told = results(await eachOnce([buy(shop)]).invoke(TASK));
  expect(told[0]).toContain("outside of handle.run");
});

test("middleware after Sigil's, such as one that retries, sees what a tool throws", async () => {
  const { handle } = await stage();
  let tries = 0;
  const shaky = plainTool("shaky", () =>
    ++tries < 3 ? Promise.reject(new Error("not yet")) : "at last",
  );
  const retry = toolRetryMiddleware({ maxRetries: 3, initialDelayMs: 1 });
  const agent = eachOnce([shaky], { middleware: [retry as unknown as Middleware] });
  expect(results(await agent.invoke(TASK, { context: { sigil: handle } }))).toEqual(["at last"]);
});

test("an agent in two runs at the same time keeps their handles apart, with a context schema of the user's", async () => {
  const [one, two] = [await stage(), await stage()];
  const seen: string[] = [];
  const look = plainTool("look", async ({ context }) => {
    const { user, sigil } = context as { user: string; sigil: SigilHandle };
    await new Promise(setImmediate);
    seen.push(`${user} ${sigil.id} ${currentHandle()?.id}`);
  });
  const act = (messages: readonly BaseMessage[]) =>
    messages.at(-1)!.type === "tool" ? new AIMessage("done") : calling("look", {});
  const agent = createAgent(
    withSigil({
      model: fakeModel().respond(act).respond(act).respond(act).respond(act),
      tools: [look],
      contextSchema: z.object({
        user: z.string(),
        sigil: z.custom<SigilHandle>((one) => one instanceof SigilHandle),
      }),
    }),
  );
  const run = (user: string, { handle: sigil }: { handle: SigilHandle }) =>
    agent.invoke(TASK, { context: { user, sigil } });
  await Promise.all([run("one", one), run("two", two)]);
  const [first, second] = [one.handle.id, two.handle.id];
  expect(first).not.toBe(second);
  expect(seen.sort()).toEqual([`one ${first} ${first}`, `two ${second} ${second}`]);
});

test("an agent that withSigil was given a handle for needs no context, whatever its name", async () => {
  const { world, shop, handle } = await stage({ scout: { maxPrice: "1 sat" } });
  const named = (own: SigilHandle) =>
    createAgent(withSigil({ ...eachOnceConfig([buy(shop)]), name: "boss" }, own));
  expect(results(await named(handle).invoke(TASK))).toEqual(['{"served":1}']);
  const [denied] = results(await named(handle.forAgent("scout")).invoke(TASK));
  expect(denied).toMatch(/^ERR_PRICE: /);
  expect(world.paid().count).toBe(1);
});

test("an agent's own signal ends the run, and nothing more is paid", async () => {
  const { world, shop, handle } = await stage();
  const abort = new AbortController();
  shop.answers.push(() => abort.abort(new Error("enough")));
  const get = tool(
    async ({ path }: { path: string }, { signal }: ToolRuntime) =>
      (await sigilFetch(`${shop.url}${path}`, { signal: signal ?? null })).text(),
    { name: "get", description: "", schema: z.object({ path: z.string() }) },
  );
  const agent = createAgent(
    withSigil({
      model: modelOf([
        [{ name: "get", args: { path: "/a" } }],
        [{ name: "get", args: { path: "/b" } }],
      ]),
      tools: [get],
      signal: abort.signal,
    }),
  );
  await expect(agent.invoke(TASK, { context: { sigil: handle } })).rejects.toThrow();
  expect(shop.received.filter(({ target }) => target === "/b")).toEqual([]);
  expect(world.paid().count).toBe(1);
});

test("the page's snippet runs as it stands", async () => {
  const world = await town({ clock: () => Date.now() / 1000 });
  world.clock.set(Date.now() / 1000);
  const [shop, root] = [await world.openShop(), world.mint({ budget: "100 sat" })];
  vi.stubEnv("SIGIL_CREDENTIAL", root.toString());
  onTestFinished(() => void vi.unstubAllEnvs());
  const said: unknown[] = [];
  // One model for both agents: the boss asks the scout, the scout looks it up, and both answer.
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
  const tree = await world.connect(root).tree();
  expect(tree.map(({ agent, spent }) => [agent, spent[0]!.value])).toEqual([
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
