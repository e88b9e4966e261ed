/**
 * Mastra, with `generate` and with `stream`: the laws of the contract, and laws of this adapter.
 */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { Agent } from "@mastra/core/agent";
import { MastraLogger } from "@mastra/core/logger";
import { Mastra } from "@mastra/core/mastra";
import { MockMemory } from "@mastra/core/memory";
import { RequestContext } from "@mastra/core/request-context";
import { InMemoryStore } from "@mastra/core/storage";
import { createTool } from "@mastra/core/tools";
import { createStep, createWorkflow } from "@mastra/core/workflows";
import { Observability, TestExporter } from "@mastra/observability";
import { tool } from "ai";
import { currentHandle, type HandleOptions, SigilHandle, sigilFetch } from "l8nt/agents";
import { sigilContext, sigilTools, withSigil } from "l8nt/mastra";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { type Town, town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { type AgentAdapter, agentContract } from "./support/agent-contract.ts";
import {
  agentOf,
  callsAgent,
  callsGet,
  getTool,
  type MODELS,
  named,
  scripted,
} from "./support/mastra-script.ts";
import { runSnippet } from "./support/page.ts";

class Logs extends MastraLogger {
  readonly said: unknown[] = [];
  debug = (...what: unknown[]) => void this.said.push(what);
  info = this.debug;
  warn = this.debug;
  error = this.debug;
  override trackException = this.debug;
}

/** A Mastra with memory, a store, traces with the handle in every span, and logs. */
function whole(boss: Agent, storage: InMemoryStore) {
  const traces = new TestExporter();
  const logger = new Logs();
  const configs = {
    all: {
      serviceName: "test",
      exporters: [traces],
      requestContextKeys: ["sigil"],
    },
  };
  const observability = new Observability({ configs });
  new Mastra({ agents: { boss }, storage, observability, logger });
  const books = (storage.stores.memory as unknown as { db: unknown }).db;
  return { traces, shown: () => ({ events: traces.events, logs: logger.said, books }) };
}

const adapter = (way: "generate" | "stream", version: keyof typeof MODELS): AgentAdapter => ({
  name: `Mastra's ${way}`,
  siblings: true,
  async run(script, { handle, get, signal }) {
    const storage = new InMemoryStore();
    const boss = agentOf(version, script, get, { memory: new MockMemory({ storage }) });
    const { traces, shown } = whole(boss, storage);
    const requestContext = sigilContext(handle, boss);
    const options = {
      requestContext,
      memory: { thread: "t", resource: "r" },
      ...(signal !== undefined && { abortSignal: signal }),
    };
    const said: unknown[] = [];
    if (way === "generate") said.push(await boss.generate("go", options));
    else for await (const chunk of (await boss.stream("go", options)).fullStream) said.push(chunk);
    await traces.flush();
    return {
      said,
      context: requestContext.toJSON(),
      span: requestContext.serializeForSpan(),
      ...shown(),
    };
  },
});

agentContract(adapter("generate", "v3"));
agentContract(adapter("stream", "v4"));

async function stage(options: HandleOptions = {}) {
  const world = await town({ clock: () => Date.now() / 1000 });
  world.clock.set(Date.now() / 1000);
  const handle = SigilHandle.open({
    credential: world.mint({ budget: "1000 sat" }),
    agents: { scout: { budget: "50 sat" } },
    ...options,
  });
  const shop = await world.openShop({
    price: "10 sat",
    grants: { validFor: "1h", endpoints: ["GET /**"] },
  } as Parameters<Town["openShop"]>[0]);
  /** The agent of each call, and the status or the code of the denial. */
  const seen: [who: string | undefined, got: number | string][] = [];
  const get = getTool(async ({ url }, signal) => {
    const who = currentHandle()?.agent;
    try {
      const { status } = await sigilFetch(url, signal === undefined ? {} : { signal });
      seen.push([who, status]);
      return `${status}`;
    } catch (error) {
      seen.push([who, (error as { code: string }).code]);
      throw error;
    }
  });
  const scoutConfig = {
    ...named("scout"),
    model: scripted("v3", [callsGet(shop.url)]),
    tools: { get },
  };
  const boss = (more: object = {}) => {
    const agent = new Agent(
      withSigil({
        ...named("boss"),
        model: scripted("v3", [callsAgent("scout")], [callsGet(shop.url)]),
        tools: { get },
        agents: { scout: new Agent(withSigil(scoutConfig)) },
        ...more,
      }),
    );
    new Mastra({ agents: { agent }, logger: false });
    return agent;
  };
  return { world, handle, shop, get, seen, scoutConfig, boss };
}

test("the page's snippet runs as it stands", async () => {
  const { world, shop, get, seen } = await stage();
  vi.stubEnv("SIGIL_CREDENTIAL", world.mint().toString());
  const model = scripted("v3", [callsGet(shop.url)], "It was sunny.");
  await runSnippet("mastra", {
    modules: {
      "@mastra/core/agent": { Agent },
      "l8nt/agents": { SigilHandle },
      "l8nt/mastra": { sigilContext, withSigil },
    },
    boss: {
      ...named("boss"),
      model: scripted("v3", [callsAgent("scout")], "Sunny, says the scout."),
    },
    scout: { ...named("scout"), model, tools: { get } },
    question: "How was the weather?",
  });
  expect(seen).toEqual([["scout", 200]]);
});

test("the example runs, and its own assertions hold", async () => {
  const ran = await promisify(execFile)(
    process.execPath,
    ["--conditions=l8nt-source", resolve(import.meta.dirname, "../../examples/mastra.ts")],
    { timeout: 60_000 },
  );
  expect(ran.stdout).toContain("scout spent 10010 msat");
});

describe("tools", () => {
  test("the ready tools fetch and show what is left, in Mastra's own shape", async () => {
    const { handle, shop } = await stage();
    const model = scripted(
      "v3",
      [{ toolName: "fetch_url", input: { url: shop.url } }],
      [{ toolName: "show_budget", input: {} }],
    );
    const boss = new Agent(withSigil({ ...named("boss"), model, tools: sigilTools }));
    const { steps } = await boss.generate("go", { requestContext: sigilContext(handle, boss) });
    const results = steps.flatMap(({ toolResults }) =>
      toolResults.map(({ payload }) => payload.result),
    );
    expect(results).toEqual([
      '{"served":1}',
      "everybody here: 989.99 sat left of 1,000 sat (budget_msat)",
    ]);
  });

  test("a ready tool without a handle is denied, with the reason", async () => {
    await expect(
      sigilTools.fetch_url!.execute!({ url: "http://127.0.0.1:1/" }, { observe: {} as never }),
    ).resolves.toMatch(/^ERR_AGENT_UNKNOWN: /);
  });

  test("a tool of the AI SDK, a tool given for a run, and tools made for a run pay as well", async () => {
    const { handle, shop, get, seen } = await stage();
    const sdk = tool({
      inputSchema: z.object({ url: z.string() }),
      execute: async ({ url }) => {
        seen.push([currentHandle()?.agent, (await sigilFetch(url)).status]);
      },
    });
    const model = scripted("v3", [
      { toolName: "sdk", input: { url: shop.url } },
      { toolName: "late", input: { url: shop.url } },
    ]);
    const boss = new Agent(
      withSigil({ ...named("boss"), model, tools: async () => ({ sdk: sdk as never }) }),
    );
    await boss.generate("go", {
      requestContext: sigilContext(handle, boss),
      toolsets: { more: withSigil({ id: "boss", tools: { late: get } }).tools },
    });
    expect(seen).toEqual([
      [undefined, 200],
      [undefined, 200],
    ]);
  });

  test("the original tool is unchanged; a wrapped one without a context is denied, whatever runs around it", async () => {
    const { handle, shop, get } = await stage();
    const { execute } = get;
    const { get: wrapped } = withSigil({ id: "boss", tools: { get } }).tools;
    expect(get.execute).toBe(execute);
    expect(wrapped).toBeInstanceOf(get.constructor);
    const context = { requestContext: new RequestContext(), observe: {} as never };
    await expect(
      handle.run(() => wrapped.execute!({ url: shop.url }, context)),
    ).rejects.toMatchObject({
      code: "ERR_AGENT_UNKNOWN",
    });
  });

  test("a step of a workflow pays as the agent that called the workflow; an agent in the step is denied", async () => {
    const { world, handle, shop, get, seen, scoutConfig } = await stage();
    const schema = z.object({ url: z.string() });
    const inner = createStep({
      id: "ask-scout",
      inputSchema: z.any(),
      outputSchema: z.any(),
      execute: async ({ requestContext }) => {
        const scout = new Agent(withSigil(scoutConfig));
        await scout.generate("go", { requestContext });
        return {};
      },
    });
    const outputSchema = z.any();
    const { stepped } = withSigil({
      id: "boss",
      tools: { stepped: Object.assign(get, { outputSchema }) },
    }).tools;
    const errand = createWorkflow({ id: "errand", inputSchema: schema, outputSchema: z.any() })
      .then(createStep(stepped as never) as never)
      .then(inner as never)
      .commit();
    const boss = new Agent(
      withSigil({
        ...named("boss"),
        model: scripted("v3", [
          { toolName: "workflow-errand", input: { inputData: { url: `${shop.url}/x` } } },
        ]),
        workflows: { errand: errand as never },
      }),
    );
    await boss.generate("go", { requestContext: sigilContext(handle, boss) });
    expect(seen).toEqual([
      [undefined, 200],
      ["scout", "ERR_AGENT_UNKNOWN"],
    ]);
    expect(world.paid().count).toBe(1);
  });
});

describe("delegation", () => {
  const spends = async (options: object, more: object = {}) => {
    const { world, handle, seen, boss } = await stage();
    const agent = boss(more);
    const requestContext = sigilContext(handle, agent);
    const { steps } = await agent.generate("go", { requestContext, ...options });
    return { world, seen, text: JSON.stringify(steps), requestContext };
  };

  test("a sub-agent whose hand-off failed is not run, and its parent's model reads why", async () => {
    const { handle, seen, boss } = await stage({ agents: {} });
    const agent = boss();
    const requestContext = sigilContext(handle, agent);
    const { steps } = await agent.generate("go", { requestContext });
    expect(seen).toEqual([[undefined, 200]]);
    expect(JSON.stringify(steps)).toContain("you need an entry for scout");
    expect(requestContext.get("__mastra_delegationHookErrors")).toMatchObject([
      { name: "DeniedError" },
    ]);
  });

  test("a sub-agent of a run whose hooks replaced Sigil's is denied", async () => {
    const { seen } = await spends({ delegation: { onDelegationStart: () => ({ proceed: true }) } });
    expect(seen).toEqual([
      ["scout", "ERR_AGENT_UNKNOWN"],
      [undefined, 200],
    ]);
  });

  test("a sub-agent of a run that goes on after a failed hand-off is denied", async () => {
    const { handle, seen, boss } = await stage({ agents: {} });
    const agent = boss();
    await agent.generate("go", {
      requestContext: sigilContext(handle, agent),
      delegation: { hookErrorStrategy: "warn" },
    });
    expect(seen).toEqual([
      [undefined, "ERR_AGENT_UNKNOWN"],
      [undefined, 200],
    ]);
  });

  test("the user's own hooks still run: in the configuration, in a function of it, and for a run", async () => {
    const onDelegationStart = vi.fn(({ prompt }) => ({ modifiedPrompt: `${prompt}, please` }));
    const own = { delegation: { onDelegationStart } };
    for (const [options, more] of [
      [{}, { defaultOptions: own }],
      [{}, { defaultOptions: async () => own }],
      [withSigil({ id: "boss", defaultOptions: own }).defaultOptions, {}],
    ] as const) {
      const { seen } = await spends(options, more);
      expect(seen).toEqual([
        ["scout", 200],
        [undefined, 200],
      ]);
    }
    expect(onDelegationStart).toHaveBeenCalledTimes(3);
  });

  test("a hook of the user's that refuses is obeyed, and a hook cannot replace the handle", async () => {
    const no = await spends(
      {},
      { defaultOptions: { delegation: { onDelegationStart: () => ({ proceed: false }) } } },
    );
    expect(no.seen).toEqual([[undefined, 200]]);
    const { handle } = await stage();
    const { seen } = await spends(
      {},
      {
        defaultOptions: {
          delegation: {
            onDelegationStart: ({ requestContext }: { requestContext: RequestContext }) => {
              sigilContext(handle, { id: "scout" }, requestContext);
            },
          },
        },
      },
    );
    expect(seen[0]).toEqual(["scout", 200]);
  });

  test("an agent that calls an agent above it does not get that agent's handle", async () => {
    const agents = {
      scout: { budget: "50 sat", agents: { runner: { maxPrice: "20 sat" } } },
    } as const;
    const { handle, shop, get, seen } = await stage({ agents });
    const calling = (id: string, below: string, agent: Agent) =>
      new Agent(
        withSigil({
          ...named(id),
          model: scripted("v3", [callsAgent(below)]),
          agents: { [below]: agent },
        }),
      );
    const again = new Agent(
      withSigil({ ...named("scout"), model: scripted("v3", [callsGet(shop.url)]), tools: { get } }),
    );
    const boss = calling(
      "boss",
      "scout",
      calling("scout", "runner", calling("runner", "scout", again)),
    );
    await boss.generate("go", { requestContext: sigilContext(handle, boss) });
    expect(seen).toEqual([]);
  });

  test("an agent that was not handed work through Sigil gets nothing from its parent's context", async () => {
    const { handle, seen, scoutConfig } = await stage();
    const scout = new Agent(withSigil(scoutConfig));
    const plain = new Agent({
      ...named("boss"),
      model: scripted("v3", [callsAgent("scout")]),
      agents: { scout },
    });
    await plain.generate("go", { requestContext: sigilContext(handle, plain) });
    expect(seen).toEqual([["scout", "ERR_AGENT_UNKNOWN"]]);
  });

  test("an agent that a tool runs gets the handle that the tool gives it", async () => {
    const { handle, seen, scoutConfig } = await stage();
    const scout = new Agent(withSigil(scoutConfig));
    const ask = createTool({
      id: "ask",
      description: "Asks the scout.",
      inputSchema: z.object({}),
      execute: async () => {
        const requestContext = sigilContext(currentHandle()!.forAgent("scout"), scout);
        return (await scout.generate("go", { requestContext })).text;
      },
    });
    const boss = new Agent(
      withSigil({
        ...named("boss"),
        model: scripted("v3", [{ toolName: "ask", input: {} }]),
        tools: { ask },
      }),
    );
    await boss.generate("go", { requestContext: sigilContext(handle, boss) });
    expect(seen).toEqual([["scout", 200]]);
  });

  test("an agent that withSigil was given a handle for needs no context, and delegates below it", async () => {
    const { handle, shop, get, seen, scoutConfig } = await stage();
    const boss = new Agent(
      withSigil(
        {
          ...named("boss"),
          model: scripted("v3", [callsAgent("scout")], [callsGet(shop.url)]),
          tools: { get },
          agents: { scout: new Agent(withSigil(scoutConfig)) },
        },
        handle,
      ),
    );
    await boss.generate("go");
    expect(seen).toEqual([
      ["scout", 200],
      [undefined, 200],
    ]);
  });

  test("an agent that a tool runs with the handle of a sibling or of an agent above gets neither", async () => {
    const { world, shop, get, handle, seen } = await stage({
      agents: { scout: { maxPrice: "5 sat" }, rich: {} },
    });
    const rich = (own: SigilHandle) => {
      const model = scripted("v3", [callsGet(shop.url)]);
      const agent = new Agent(withSigil({ ...named("rich"), model, tools: { get } }));
      return agent.generate("go", { requestContext: sigilContext(own, agent) });
    };
    await handle.forAgent("scout").run(() => rich(handle.forAgent("rich")));
    await handle.forAgent("scout").run(() => rich(handle));
    expect(seen.map(([, got]) => got)).toEqual(["ERR_AGENT_UNKNOWN", "ERR_PRICE"]);
    expect(world.paid().count).toBe(0);
  });

  test("agents of network(), which has no hook, are denied", async () => {
    const { world, handle, seen, scoutConfig } = await stage();
    const storage = new InMemoryStore();
    const route = {
      primitiveId: "scout",
      primitiveType: "agent",
      prompt: "go",
      selectionReason: "it can",
    };
    const boss = new Agent(
      withSigil({
        ...named("boss"),
        model: scripted("v3", JSON.stringify(route)),
        agents: { scout: new Agent(withSigil(scoutConfig)) },
        memory: new MockMemory({ storage }) as never,
      }),
    );
    new Mastra({ agents: { boss }, logger: false });
    const stream = await boss.network("go", {
      requestContext: sigilContext(handle, boss),
      memory: { thread: "t", resource: "r" },
    });
    for await (const _ of stream);
    expect(seen).toEqual([["scout", "ERR_AGENT_UNKNOWN"]]);
    expect(world.paid().count).toBe(0);
  });
});

describe("state", () => {
  test("a suspended run stores a name, and resumes with the handle that it is given again", async () => {
    const { world, handle, shop, seen } = await stage();
    const careful = createTool({
      id: "careful",
      description: "Asks before it buys.",
      inputSchema: z.object({ url: z.string() }),
      suspendSchema: z.object({}),
      resumeSchema: z.object({ yes: z.boolean() }),
      execute: async ({ url }, { agent }) => {
        if (agent?.resumeData === undefined) return agent?.suspend({});
        try {
          seen.push([currentHandle()?.agent, (await sigilFetch(url)).status]);
        } catch (error) {
          seen.push([currentHandle()?.agent, (error as { code: string }).code]);
        }
        return {};
      },
    });
    const storage = new InMemoryStore();
    const { workflows } = (
      storage.stores.memory as unknown as { db: { workflows: Map<string, object> } }
    ).db;
    const started = (...lines: Parameters<typeof scripted>[1][]) => {
      const boss = new Agent(
        withSigil({ ...named("boss"), model: scripted("v3", ...lines), tools: { careful } }),
      );
      new Mastra({ agents: { boss }, storage, logger: false });
      return boss;
    };
    const asleep = async () => {
      const boss = started([{ toolName: "careful", input: { url: shop.url } }]);
      const { runId } = await boss.generate("go", { requestContext: sigilContext(handle, boss) });
      return { boss, runId: runId! };
    };
    const elsewhere = () => {
      for (const [key, run] of workflows) workflows.set(key, JSON.parse(JSON.stringify(run)));
      return started();
    };

    const one = await asleep();
    expect(JSON.stringify([...workflows])).toContain(handle.id);
    expect(JSON.stringify([...workflows])).not.toContain(
      handle.credential.toString().slice(20, 60),
    );
    const other = SigilHandle.open({ credential: world.mint({ endpoints: [] }) });
    await one.boss.resumeGenerate(
      { yes: true },
      { runId: one.runId, requestContext: sigilContext(other, one.boss) },
    );
    // Mastra still has the run, and goes on with the context that the run began with.
    expect(seen.splice(0)).toEqual([[undefined, 200]]);

    const two = await asleep();
    await elsewhere().resumeGenerate({ yes: true }, { runId: two.runId });
    expect(seen.splice(0)).toEqual([[undefined, "ERR_AGENT_UNKNOWN"]]);

    const three = await asleep();
    const boss = elsewhere();
    await boss.resumeGenerate(
      { yes: true },
      { runId: three.runId, requestContext: sigilContext(handle, boss) },
    );
    expect(seen).toEqual([[undefined, 200]]);
  });
});
