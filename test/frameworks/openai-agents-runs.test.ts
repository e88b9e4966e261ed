/**
 * Laws of the adapter of the OpenAI Agents SDK: one agent in many runs, stored runs, runs inside of
 * tools, MCP servers.
 */
import { handoff, type MCPServer, RunContext, RunState, run, tool } from "@openai/agents";
import { modelResponder } from "@openai/agents/testing";
import type { DeniedError } from "l8nt";
import { type AgentPolicies, currentHandle, SigilHandle, sigilFetch } from "l8nt/agents";
import { sigilContext, sigilTools, withSigil } from "l8nt/openai-agents";
import { expect, test } from "vitest";
import { z } from "zod";
import { gate, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { actor, call, getTool, said, traced } from "./support/openai-crew.ts";

const SERVED = expect.stringMatching(/^\{"served":\d+\}$/);

async function stage(agents: AgentPolicies, budget: `${number} sat` = "1000 sat") {
  const world = await town({ clock: () => Date.now() / 1000 });
  world.clock.set(Date.now() / 1000);
  const root = world.mint({ budget });
  const shop = await world.openShop({ price: "10 sat", grants: { validFor: "1h" } } as never);
  const handle = SigilHandle.open({ credential: root, agents });
  /** The agent of each call, and what it got. */
  const seen: [agent: string | undefined, got: string][] = [];
  const get = async ({ url }: { readonly url: string }) => {
    const agent = currentHandle()?.agent;
    const got = await sigilFetch(url).then(
      (response) => response.text(),
      (error: DeniedError) => error.code,
    );
    seen.push([agent, got]);
    return got;
  };
  return { world, root, shop, handle, seen, get };
}

const buy = (url: string) => [call("get", { url })];
const to = (name: string) => [call(`transfer_to_${name}`, {})];

/**
 * The model of an agent in several runs at the same time: its answer depends on its input only.
 */
const always = (answer: (input: string) => ReturnType<typeof said | typeof buy>) =>
  Array.from({ length: 20 }, () =>
    modelResponder(({ request }) => answer(JSON.stringify(request.input))),
  );

test("two runs of the same agents at the same time are kept apart", async () => {
  const { world, root, seen, shop, get } = await stage({});
  const [both, open] = [gate(), gate()];
  let inside = 0;
  const scout = actor(
    "scout",
    always((input) =>
      input.includes("served") || input.includes("ERR_") ? said() : buy(shop.url),
    ),
    {
      tools: [
        getTool(async (input) => {
          if (++inside === 2) both.open();
          await open.opened;
          return get(input);
        }),
      ],
    },
  );
  const boss = withSigil(
    actor(
      "boss",
      always(() => to("scout")),
      { handoffs: [scout] },
    ),
  );
  const handles = [{ scout: { budget: "20 sat" } }, { scout: { maxPrice: "5 sat" } }, {}].map(
    (agents) => SigilHandle.open({ credential: root, agents: agents as AgentPolicies }),
  );
  const runs = handles.slice(0, 2).map((sigil) => run(boss, "go", { context: { sigil } }));
  await both.opened;
  open.open();
  await Promise.all(runs);
  await run(boss, "go", { context: { sigil: handles[2]! } });
  expect(seen.map(([, got]) => got).sort()).toEqual(["ERR_AGENT_UNKNOWN", "ERR_PRICE", SERVED]);
  expect(world.paid().count).toBe(1);
});

test("two agents that transfer to the same agent at the same time each give it what they have themselves", async () => {
  const { world, seen, shop, get, handle } = await stage({
    left: { agents: { runner: { maxPrice: "5 sat" } } },
    right: { agents: { runner: { budget: "20 sat" } } },
  });
  const open = gate();
  let inside = 0;
  // Both agents have transferred before either runner calls.
  const wait = tool({
    name: "wait",
    description: "Waits.",
    parameters: z.object({}),
    execute: async () => {
      if (++inside === 2) open.open();
      await open.opened;
      return "waited";
    },
  });
  const runner = actor(
    "runner",
    always((input) => {
      if (!input.includes("waited")) return [call("wait", {})];
      return input.includes("served") || input.includes("ERR_") ? said() : buy(shop.url);
    }),
    { tools: [wait, getTool(get)] },
  );
  const tools = ["left", "right"].map((name) =>
    withSigil(actor(name, [to("runner")], { handoffs: [runner] })).asTool({ toolName: name }),
  );
  const boss = actor(
    "boss",
    [["left", "right"].map((name) => call(name, { input: "go" })), said()],
    { tools },
  );
  await run(withSigil(boss), "go", { context: { sigil: handle } });
  expect(seen.map(([agent, got]) => `${agent} ${got}`).sort()).toEqual([
    "runner ERR_PRICE",
    expect.stringMatching(/^runner .*served/),
  ]);
  expect(world.paid().count).toBe(1);
});

/**
 * A run that is interrupted for an approval: the boss transferred to the scout, and the scout to
 * the runner.
 */
async function interrupted(agents: AgentPolicies) {
  const set = await stage(agents);
  const { get, shop, handle } = set;
  // Each agent is prepared by itself, too. Its place below the boss counts.
  const runner = withSigil(
    actor("runner", [buy(shop.url), said()], { tools: [getTool(get, { needsApproval: true })] }),
  );
  const scout = withSigil(actor("scout", [to("runner")], { handoffs: [runner] }));
  const boss = withSigil(actor("boss", [to("scout")], { handoffs: [scout] }));
  const { state, interruptions } = await run(boss, "go", { context: { sigil: handle } });
  expect(interruptions).toHaveLength(1);
  return { ...set, boss, state };
}

const approved = <State extends RunState<never, never>>(state: State): State => {
  for (const one of state.getInterruptions()) state.approve(one);
  return state;
};

/** A runner below the top may spend more than a runner below the scout. */
const TABLE: AgentPolicies = {
  scout: { budget: "30 sat", agents: { runner: { maxPrice: "5 sat" } } },
  runner: { budget: "500 sat" },
};

test("an interrupted run goes on as the agent that it had come to", async () => {
  const { boss, state, seen } = await interrupted(TABLE);
  await run(boss, approved(state as never));
  expect(seen).toEqual([["runner", "ERR_PRICE"]]);
});

test("a stored run holds no credential, and resumes only with the handle of its agent", async () => {
  const { boss, state, seen, handle, world } = await interrupted(TABLE);
  const stored = state.toString();
  const credentials = [handle, handle.handTo("scout"), handle.handTo("scout").handTo("runner")];
  for (const { credential } of credentials)
    expect(stored + JSON.stringify(traced)).not.toContain(
      credential.toString().split(":")[0]!.slice(-40),
    );

  const restored = (context?: RunContext<unknown>) =>
    context === undefined
      ? RunState.fromString(boss, stored)
      : RunState.fromStringWithContext(boss, stored, context);
  for (const context of [
    undefined,
    new RunContext({}),
    new RunContext({ sigil: handle }),
    new RunContext({ sigil: handle.handTo("scout") }),
  ])
    await expect(
      restored(context).then((one) => run(boss, approved(one as never))),
    ).rejects.toThrow(/the handle that runner is to have/);
  expect(seen).toEqual([]);

  const own = new RunContext({ sigil: handle.handTo("scout").handTo("runner") });
  await run(boss, approved((await restored(own)) as never));
  expect(seen).toEqual([["runner", "ERR_PRICE"]]);
  expect(world.paid().count).toBe(0);
});

test.each([
  ["an agent that is a tool resumes as itself if its run was stored inside of its caller's", false],
  [
    "an agent that it had transferred to is denied then, and does not get what the caller may hand it",
    true,
  ],
])("%s", async (_title, transferred) => {
  const { seen, get, shop, handle } = await stage(TABLE);
  const tools = [getTool(get, { needsApproval: true })];
  const runner = actor("runner", [buy(shop.url), said()], { tools });
  const scout = actor("scout", transferred ? [to("runner")] : [buy(shop.url), said()], {
    tools,
    handoffs: [runner],
  });
  const asTool = withSigil(scout).asTool({ toolName: "scout" });
  const boss = withSigil(
    actor("boss", [[call("scout", { input: "go" })], said()], { tools: [asTool] }),
  );
  const { state } = await run(boss, "go", { context: { sigil: handle } });
  const context = new RunContext({ sigil: handle });
  const restored = await RunState.fromStringWithContext(boss, state.toString(), context);
  await run(boss, approved(restored as never)).catch((error) =>
    expect(`${error}`).toMatch(/ERR_AGENT_UNKNOWN|runner/),
  );
  expect(seen).toEqual(transferred ? [] : [["scout", SERVED]]);
});

test("an agent that is a tool and was not prepared is denied", async () => {
  const { seen, get, shop, handle, world } = await stage({ scout: { budget: "30 sat" } });
  const scout = actor("scout", [buy(shop.url), said()], { tools: [getTool(get)] });
  const boss = actor("boss", [[call("scout", { input: "go" })], said()], {
    tools: [scout.asTool({ toolName: "scout" })],
  });
  await run(withSigil(boss), "go", { context: { sigil: handle } });
  expect(seen).toEqual([[undefined, "ERR_AGENT_UNKNOWN"]]);
  expect(world.paid().count).toBe(0);
});

test("a run inside of a tool is below the agent that calls the tool, whatever context is passed on", async () => {
  const { seen, get, shop, handle } = await stage({ scout: { maxPrice: "5 sat" } });
  const scout = withSigil(
    actor(
      "scout",
      always((input) => (input.includes("_result") ? said() : buy(shop.url))),
      { tools: [getTool(get)] },
    ),
  );
  const ask = tool({
    name: "ask",
    description: "Asks the scout.",
    parameters: z.object({}),
    execute: async (_input, context) => {
      await run(scout, "go", { context: context! });
      await run(scout, "go", { context: context!.context });
      await run(scout, "go");
      const more = currentHandle()!.delegate("scout", { budget: "20 sat" });
      await run(scout, "go", { context: { sigil: more } });
      return "asked";
    },
  });
  const boss = actor("boss", [[call("ask", {})], said()], { tools: [ask] });
  await run(withSigil(boss), "go", { context: { sigil: handle } });
  expect(seen).toEqual([
    ["scout", "ERR_PRICE"],
    ["scout", "ERR_PRICE"],
    ["scout", "ERR_PRICE"],
    ["scout", SERVED],
  ]);
});

test("a run inside of a tool with the handle of a sibling of the calling agent is denied", async () => {
  const { seen, get, shop, handle, world } = await stage({
    scout: { maxPrice: "5 sat" },
    rich: { budget: "50 sat" },
  });
  const rich = withSigil(actor("rich", [buy(shop.url), said()], { tools: [getTool(get)] }));
  const lend = tool({
    name: "lend",
    description: "Has the rich one pay.",
    parameters: z.object({}),
    execute: async () => {
      await run(rich, "go", { context: { sigil: handle.forAgent("rich") } }).catch(() => {});
      return "tried";
    },
  });
  const scout = withSigil(actor("scout", [[call("lend", {})], said()], { tools: [lend] }));
  await run(scout, "go", { context: { sigil: handle.forAgent("scout") } });
  expect(seen.filter(([, got]) => got.includes("served"))).toEqual([]);
  expect(world.paid().count).toBe(0);
});

test("a conversation goes on with its last agent: by its RunContext, or by that agent's own handle", async () => {
  const { seen, get, shop, handle } = await stage({ scout: { budget: "30 sat" } });
  const scout = actor("scout", [said(), buy(shop.url), said(), buy(shop.url), said()], {
    tools: [getTool(get)],
  });
  const boss = withSigil(actor("boss", [to("scout")], { handoffs: [scout] }));
  const context = new RunContext({ sigil: handle });
  const { lastAgent } = await run(boss, "hello", { context });
  expect(lastAgent).toBe(scout);
  await run(scout, "go", { context });
  await run(scout, "go", { context: { sigil: handle.handTo("scout") } });
  expect(seen).toEqual([
    ["scout", SERVED],
    ["scout", SERVED],
  ]);
});

test.each([
  ["nobody's", () => ({})],
  ["a name of one", (handle: SigilHandle) => ({ sigil: handle.toJSON() })],
])(
  "a run with %s handle fails at the first call of a tool, and says what to do",
  async (_whose, context) => {
    const { seen, get, shop, handle } = await stage({});
    const boss = withSigil(actor("boss", [buy(shop.url), said()], { tools: [getTool(get)] }));
    await expect(run(boss, "go", { context: context(handle) })).rejects.toMatchObject({
      message: expect.stringContaining("context: { sigil }"),
      error: { code: "ERR_AGENT_UNKNOWN" },
    });
    expect(seen).toEqual([]);
  },
);

test("the agent that a run begins with has the run's handle, whatever its name, also after a transfer back", async () => {
  const { seen, get, shop, handle } = await stage({
    crew: { budget: "60 sat", agents: { scout: { budget: "30 sat" } } },
  });
  const tools = [getTool(get)];
  const scout = actor("scout", [buy(shop.url), to("boss")], { tools });
  const boss = actor("boss", [to("scout"), buy(shop.url), said()], { tools, handoffs: [scout] });
  scout.handoffs = [boss];
  await run(withSigil(boss), "go", { context: { sigil: handle.forAgent("crew") } });
  expect(seen).toEqual([
    ["scout", SERVED],
    ["crew", SERVED],
  ]);
});

test("a handoff(...) narrows; sigilFetch in its onHandoff is denied", async () => {
  const { seen, get, shop, handle } = await stage({ scout: { budget: "30 sat" } });
  const scout = actor("scout", [buy(shop.url), said()], { tools: [getTool(get)] });
  const onHandoff = () => get({ url: shop.url }).then(() => {});
  const toolNameOverride = "transfer_to_scout";
  const boss = actor("boss", [to("scout")], {
    handoffs: [handoff(scout, { onHandoff, toolNameOverride })],
  });
  await run(withSigil(boss), "go", { context: { sigil: handle } });
  expect(seen).toEqual([
    [undefined, "ERR_AGENT_UNKNOWN"],
    ["scout", SERVED],
  ]);
});

test("an MCP server's tool runs as the agent that called it", async () => {
  const { seen, get, shop, handle } = await stage({ scout: { budget: "30 sat" } });
  const inputSchema = {
    type: "object",
    properties: { url: { type: "string" } },
    required: ["url"],
    additionalProperties: false,
  };
  const server = {
    name: "shop",
    cacheToolsList: false,
    connect: async () => {},
    close: async () => {},
    listTools: async () => [{ name: "get", description: "Gets a URL.", inputSchema }],
    callTool: async (_name: string, input: unknown) => [
      { type: "text", text: await get(input as { url: string }) },
    ],
    invalidateToolsCache: async () => {},
  } as unknown as MCPServer;
  const scout = actor("scout", [buy(shop.url), said()], { mcpServers: [server] });
  const boss = withSigil(actor("boss", [to("scout")], { handoffs: [scout] }));
  await run(boss, "go", { context: { sigil: handle } });
  expect(seen).toEqual([["scout", SERVED]]);
});

test("the two ready tools fetch and show what is left; a denial is a text for the model", async () => {
  const { shop, handle } = await stage({ scout: { budget: "15 sat" } });
  const other = `${shop.url.replace("127.0.0.1", "localhost")}/`;
  const scout = actor(
    "scout",
    [
      [call("fetch_url", { url: shop.url })],
      [call("show_budget", {})],
      [call("fetch_url", { url: other })],
      said(),
    ],
    { tools: [...sigilTools] },
  );
  const boss = withSigil(actor("boss", [to("scout")], { handoffs: [scout] }));
  const { newItems } = await run(boss, "go", { context: { sigil: handle } });
  const outputs = newItems.flatMap((item) =>
    item.type === "tool_call_output_item" ? [item.output] : [],
  );
  expect(outputs).toEqual([
    SERVED,
    expect.stringMatching(
      /^everybody here: .* left of 1,000 sat .*\nscout: 4\.99 sat left of 15 sat/,
    ),
    expect.stringMatching(/^ERR_ENDPOINT: /),
  ]);
});

test("a needsApproval function gets the arguments as the model wrote them, before the schema's defaults", async () => {
  const { handle } = await stage({});
  const asked: unknown[] = [];
  const order = tool({
    name: "order",
    description: "Orders.",
    parameters: z.object({ amount: z.number().default(500) }),
    needsApproval: async (_run, input) => {
      asked.push(input);
      return false;
    },
    execute: async ({ amount }) => `${amount}`,
  });
  const boss = withSigil(actor("boss", [[call("order", {})], said()], { tools: [order] }));
  const { newItems } = await run(boss, "go", { context: { sigil: handle } });
  expect(asked).toEqual([{}]);
  expect(newItems.find((item) => item.type === "tool_call_output_item")).toMatchObject({
    output: "500",
  });
});

test("an agent that withSigil was given a handle for needs no context, and transfers below it", async () => {
  const { seen, get, shop, handle } = await stage({
    crew: { budget: "60 sat", agents: { scout: { budget: "30 sat" } } },
  });
  const tools = [getTool(get)];
  const scout = actor("scout", [buy(shop.url), said()], { tools });
  const boss = actor("boss", [buy(shop.url), to("scout")], { tools, handoffs: [scout] });
  await run(withSigil(boss, handle.forAgent("crew")), "go");
  expect(seen).toEqual([
    ["crew", SERVED],
    ["scout", SERVED],
  ]);
});

test("a whole run inside of another agent's handle has at most what that agent has", async () => {
  const { seen, get, shop, handle } = await stage({
    scout: { maxPrice: "5 sat" },
    rich: { budget: "50 sat" },
  });
  const boss = () => withSigil(actor("boss", [buy(shop.url), said()], { tools: [getTool(get)] }));
  const scout = handle.forAgent("scout");
  await scout.run(() => run(boss(), "go", { context: sigilContext(handle) }));
  await scout.run(() => run(boss(), "go", { context: sigilContext(handle.forAgent("rich")) }));
  expect(seen.map(([, got]) => got)).toEqual(["ERR_PRICE", "ERR_AGENT_UNKNOWN"]);
});

test("a sandbox agent is refused: the SDK runs a copy of it", () => {
  const sandbox = Object.assign(actor("box", []), { capabilities: [] });
  expect(() => withSigil(sandbox)).toThrow(TypeError);
  expect(() => withSigil(actor("boss", [], { handoffs: [sandbox] }))).toThrow(/box/);
});
