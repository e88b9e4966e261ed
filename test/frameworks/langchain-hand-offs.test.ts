/**
 * LangChain: the agent of a call for each way to hand work on: sub-agents in tools, transfers,
 * streams that are read elsewhere, interrupts.
 */
import {
  Command,
  interrupt,
  MemorySaver,
  MessagesAnnotation,
  StateGraph,
} from "@langchain/langgraph";
import { currentHandle, type SigilHandle, sigilFetch } from "l8nt/agents";
import { withSigil } from "l8nt/langchain";
import {
  AIMessage,
  type BaseMessage,
  createAgent,
  createMiddleware,
  fakeModel,
  type ReactAgent,
  ToolMessage,
  type ToolRuntime,
  tool,
} from "langchain";
import { expect, test } from "vitest";
import { z } from "zod";
import {
  buy,
  calling,
  eachOnce,
  type Middleware,
  plainTool,
  results,
  stage,
  whoAmI,
} from "./support/langchain-agents.ts";
import { collected, modelOf, saved, TASK } from "./support/langchain-script.ts";

test("middleware after Sigil's sees the agent's own handle in the context, in sub-agents as well", async () => {
  const { handle } = await stage({ scout: {} });
  const seen: (string | undefined)[] = [];
  const behind = createMiddleware({
    name: "behind",
    wrapToolCall: (request, handler) => {
      seen.push(
        (request.runtime.context as { sigil: SigilHandle }).sigil.agent,
        currentHandle()!.agent,
      );
      return handler(request);
    },
  }) as unknown as Middleware;
  const scout = eachOnce([whoAmI], { name: "scout", middleware: [behind] });
  const ask = plainTool("ask", () => scout.invoke(TASK));
  await eachOnce([ask], { middleware: [behind] }).invoke(TASK, { context: { sigil: handle } });
  expect(seen).toEqual([undefined, undefined, "scout", "scout"]);
});

test.each([
  ["inherits its caller's context", () => undefined],
  ["is given its caller's handle", (sigil: SigilHandle) => ({ sigil })],
  ["is given a handle above its caller's", (sigil: SigilHandle) => ({ sigil: sigil.parent! })],
  ["is given a context without a handle", () => ({})],
])("a sub-agent without a name that %s is denied", async (_, context) => {
  const { world, shop, handle } = await stage({ scout: {} });
  const child = eachOnce([buy(shop)]);
  const ask = plainTool("ask", async ({ context: { sigil } }) => {
    const given = context(sigil!);
    return results(await child.invoke(TASK, given === undefined ? {} : { context: given }));
  });
  const scout = eachOnce([ask], { name: "scout" });
  const told = results(await scout.invoke(TASK, { context: { sigil: handle } }));
  expect(told[0]).toMatch(/^ERR_AGENT_UNKNOWN: /);
  expect(world.paid().count).toBe(0);
});

test("a stranger that gives a sub-agent the scout's handle is denied", async () => {
  const { world, shop, handle } = await stage({ scout: {} });
  const scout = eachOnce([buy(shop)], { name: "scout" });
  const ask = () => scout.invoke(TASK, { context: { sigil: handle.forAgent("scout") } });
  const told = results(await handle.forAgent("stranger").run(ask));
  expect(told[0]).toMatch(/^ERR_AGENT_UNKNOWN: /);
  expect(world.paid().count).toBe(0);
});

test("the handle in a tool's context is the calling agent's, at every depth", async () => {
  const { handle } = await stage({ scout: { agents: { runner: {} } } });
  const seen: (string | undefined)[] = [];
  const look = plainTool("look", ({ context, config }) => {
    const { context: configs } = config as { context?: { sigil?: SigilHandle } };
    seen.push(context.sigil?.agent, configs?.sigil?.agent);
  });
  const asking = (child: ReactAgent) => plainTool("ask", () => child.invoke(TASK));
  const runner = eachOnce([look], { name: "runner" });
  const scout = eachOnce([look, asking(runner)], { name: "scout" });
  await eachOnce([look, asking(scout), look]).invoke(TASK, {
    context: { sigil: handle },
  });
  expect(seen.filter((_, at) => at % 2 === 0)).toEqual([undefined, "scout", "runner", undefined]);
  expect(seen.filter((_, at) => at % 2 === 1)).toEqual([undefined, "scout", "runner", undefined]);
});

// Not the whole contract: with v3 an error of a tool is an unhandled rejection, even without any
// middleware.
test("a run that is read by streamEvents v3 keeps its agents apart", async () => {
  const { handle } = await stage({ scout: {} });
  const scout = eachOnce([whoAmI], { name: "scout" });
  const ask = plainTool("ask", async () => results(await scout.invoke(TASK)));
  const boss = eachOnce([ask, whoAmI]);
  const run = await boss.streamEvents(TASK, { version: "v3", context: { sigil: handle } });
  await collected(run);
  expect(results(await run.output)).toEqual(["scout", "the one at the top"]);
});

test("an agent above that an agent below asks has only what the agent below may give it", async () => {
  const { shop, handle } = await stage({ scout: { agents: { runner: { maxPrice: "1 sat" } } } });
  const again = eachOnce([buy(shop)], { name: "scout" });
  const asking = (child: ReactAgent) =>
    plainTool("ask", async () => results(await child.invoke(TASK)));
  const runner = eachOnce([asking(again)], { name: "runner" });
  const scout = eachOnce([asking(runner)], { name: "scout" });
  expect(results(await scout.invoke(TASK, { context: { sigil: handle } }))[0]).toMatch(
    /^ERR_AGENT_UNKNOWN/,
  );
  expect(shop.served).toEqual([]);
});

test("a model that is asked with sigilFetch is paid for by the agent that asks it", async () => {
  const { handle } = await stage({ scout: {} });
  const asked: (string | undefined)[] = [];
  const model = (...said: AIMessage[]) =>
    said.reduce((whole, message) => {
      return whole.respond(() => {
        asked.push(currentHandle() === undefined ? "nobody" : currentHandle()?.agent);
        return message;
      });
    }, fakeModel());
  const scout = createAgent(withSigil({ name: "scout", model: model(new AIMessage("yes")) }));
  const ask = plainTool("ask", () => scout.invoke(TASK));
  const boss = createAgent(
    withSigil({
      model: model(calling("ask", {}), new AIMessage("done")),
      tools: [ask],
    }),
  );
  await boss.invoke(TASK, { context: { sigil: handle } });
  expect(asked).toEqual([undefined, "scout", undefined]);
});

test("a sub-agent's stream runs as the sub-agent, even if it is read outside of the tool that began it", async () => {
  const { handle } = await stage({ scout: { agents: { runner: {} } } });
  const lineages: (readonly string[])[] = [];
  const look = plainTool("look", () => lineages.push(currentHandle()!.credential.chain.lineage));
  const runner = eachOnce([look], { name: "runner" });
  let begun!: AsyncIterable<unknown>;
  const begin = plainTool("begin", async () => {
    begun = await runner.stream(TASK);
  });
  await eachOnce([begin], { name: "scout" }).invoke(TASK, { context: { sigil: handle } });
  await collected(begun);
  expect(lineages).toEqual([["scout", "runner"]]);
});

test("a transfer by Command gives each agent its own entry, and the agent at the top its own handle again", async () => {
  const { handle } = await stage({ scout: { budget: "20 sat" } });
  const seen: (string | undefined)[] = [];
  const look = plainTool("look", () => seen.push(currentHandle()?.agent));
  const transferTo = (goto: string) =>
    tool(
      (_: object, { toolCallId, state }: ToolRuntime<{ messages: BaseMessage[] }>) => {
        const answer = new ToolMessage({ content: `to ${goto}`, tool_call_id: toolCallId });
        return new Command({
          goto,
          graph: Command.PARENT,
          update: { messages: [...state.messages, answer] },
        });
      },
      { name: `transfer_to_${goto}`, description: "", schema: z.object({}) },
    );
  const scout = eachOnce([look, transferTo("boss")], { name: "scout" });
  const stranger = eachOnce([look], { name: "stranger" });
  const boss = createAgent(
    withSigil({
      model: modelOf([
        [{ name: "look", args: {} }],
        [{ name: "transfer_to_scout", args: {} }],
        [{ name: "look", args: {} }],
        [{ name: "transfer_to_stranger", args: {} }],
      ]),
      tools: [look, transferTo("scout"), transferTo("stranger")],
    }),
  );
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

test("an interrupt reaches the caller, and the resumed run goes on as the same agent", async () => {
  const { world, shop, handle } = await stage({ scout: { budget: "20 sat" } });
  const checkpointer = new MemorySaver();
  const careful = plainTool("careful", async () => {
    const said = interrupt("may I?");
    return `${said} ${await (await sigilFetch(shop.url)).text()}`;
  });
  const agent = eachOnce([careful], { name: "scout", checkpointer });
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
