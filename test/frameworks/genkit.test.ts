/**
 * Genkit with scripted models (`ai.defineModel`) and traces in memory: the laws of the contract,
 * and laws of this adapter.
 */
import { type Genkit, genkit, z } from "genkit";
import { enableTelemetry } from "genkit/tracing";
import { type SigilHandle, sigilFetch } from "l8nt/agents";
import * as adapter from "l8nt/genkit";
import { sigilContext, sigilTools, subAgent, withSigil } from "l8nt/genkit";
import { expect, test } from "vitest";
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
await enableTelemetry({
  spanProcessors: [
    {
      onStart: () => {},
      onEnd: ({ name, attributes, events }) => spans.push({ name, attributes, events }),
      forceFlush: async () => {},
      shutdown: async () => {},
    },
  ],
});

interface World {
  readonly handle: SigilHandle;
  readonly get: Get;
  readonly signal?: AbortSignal;
}

/**
 * The place of an agent's part in the script: for each hand-off the act, and the index of the
 * script.
 */
type Path = readonly (readonly [act: number, index: number])[];

class Company {
  readonly ai: Genkit = genkit({});
  readonly seen: unknown[] = [];
  readonly #world: World;
  readonly #pass: boolean;
  /** Whether a sub-agent is given a context; it inherits one otherwise. */
  constructor(world: World, pass = true) {
    this.#world = world;
    this.#pass = pass;
  }

  readonly get = this.ai.defineTool(
    { name: "get", description: "Gets a URL.", inputSchema: z.object({ url: z.string() }) },
    withSigil(async (input: { url: string }, { abortSignal }) =>
      this.#world.get(input, abortSignal),
    ),
  );

  /**
   * Defines an agent and all below it, because Genkit accepts no definitions during a run.
   *
   * @returns the agent's work, given a context
   */
  agent({ acts }: Script, path: Path): (context: object | undefined) => Promise<string> {
    const model = this.ai.defineModel(
      { name: `model${path.flat().join("-")}` },
      async (request) => {
        const turn = request.messages.filter(({ role }) => role === "model").length;
        this.seen.push(request);
        return {
          message: { role: "model", content: calls(acts[turn], turn) },
          finishReason: "stop",
        };
      },
    );
    const hands = acts.flatMap((act, turn) =>
      handed(act).map((script, index) => this.#handOff(script, [...path, [turn, index]])),
    );
    return async (context) => {
      const { text, messages } = await this.ai.generate({
        model,
        prompt: "work",
        tools: [this.get, ...hands],
        maxTurns: 20,
        ...(context !== undefined && { context }),
        ...(this.#world.signal !== undefined && { abortSignal: this.#world.signal }),
      });
      this.seen.push(messages, context);
      return text;
    };
  }

  #handOff(script: Script, path: Path) {
    const work = this.agent(script, path);
    const name = `${path.slice(0, -1).flat().join("-")}/${script.agent}_${path.at(-1)!.join("_")}`;
    return this.ai.defineTool(
      { name, description: script.agent, inputSchema: z.object({}) },
      subAgent(script.agent, async (_: object, { context }) =>
        work(this.#pass ? context : undefined),
      ),
    );
  }
}

type Act = Script["acts"][number];
function calls(act: Act | undefined, turn: number) {
  const call = (name: string, input: object, ref = 0) => ({
    toolRequest: { name, input, ref: `${turn}-${ref}` },
  });
  if (act === undefined) return [{ text: "done" }];
  if ("get" in act) return [call("get", { url: act.get })];
  if ("getAll" in act) return act.getAll.map((url, index) => call("get", { url }, index));
  return handed(act).map(({ agent }, index) => call(`${agent}_${turn}_${index}`, {}, index));
}

async function play(script: Script, world: World, pass = true): Promise<unknown> {
  const company = new Company(world, pass);
  const before = spans.length;
  try {
    await company.agent(
      script,
      [],
    )({ auth: { uid: "u" }, ...sigilContext(world.handle, world.signal) });
  } finally {
    company.seen.push(spans.slice(before));
  }
  return company.seen;
}

const adapted: AgentAdapter = {
  name: "Genkit",
  siblings: true,
  run: (script, world) => play(script, world),
};

agentContract(adapted);
agentContract({
  ...adapted,
  name: "Genkit, contexts inherited",
  run: (script, world) => play(script, world, false),
});

test("an agent that is not in the table runs, and is denied; the traces have the handle's name", async () => {
  const { handle, get, lineages } = place({});
  const stranger: Script = { agent: "stranger", acts: [{ get: "a" }] };
  const seen = await play(
    { agent: "boss", acts: [{ hand: stranger }, { get: "b" }] },
    { handle, get },
  );
  expect(lineages).toEqual(["a ERR_AGENT_UNKNOWN", "b "]);
  expect(JSON.stringify(seen)).toContain(handle.id);
  expect(spans.length).toBeGreaterThan(4);
});

test("a sub-agent is below its caller, even if an agent above has its name", async () => {
  const { handle, get, lineages } = place({ agents: { scout: { agents: { runner: {} } } } });
  const again: Script = { agent: "scout", acts: [{ get: "again" }] };
  const runner: Script = { agent: "runner", acts: [{ get: "run" }, { hand: again }] };
  await play(
    { agent: "boss", acts: [{ hand: { agent: "scout", acts: [{ hand: runner }] } }] },
    { handle, get },
  );
  expect(lineages).toEqual(["run /scout/runner", "again ERR_AGENT_UNKNOWN"]);
});

const options = (context: object = {}) => ({ context, abortSignal: new AbortController().signal });

test("of a context and the agent around it the innermost counts; unrelated handles are denied", async () => {
  const { handle, get, lineages } = place({ agents: { left: {}, right: {} } });
  const [left, right] = [handle.forAgent("left"), handle.forAgent("right")];
  const tool = withSigil((url: string) => get({ url }));
  await left.run(() => tool("parent's context", options(sigilContext(handle))));
  await handle.run(() => tool("own context", options(sigilContext(left))));
  await left.run(() => tool("sibling's context", options(sigilContext(right))));
  await left.run(() => tool("no context", options()));
  await left.run(() => tool("something else", options({ sigil: "left" })));
  expect(lineages).toEqual([
    "parent's context /left",
    "own context /left",
    "sibling's context ERR_AGENT_UNKNOWN",
    "no context /left",
    "something else /left",
  ]);
});

test("a tool that withSigil was given a handle for needs no context, and has at most what runs", async () => {
  const { handle, get, lineages } = place({ agents: { left: {}, right: {} } });
  const [left, right] = [handle.forAgent("left"), handle.forAgent("right")];
  const tool = withSigil((url: string) => get({ url }), left);
  await tool("no context", options());
  await tool("its parent's context", options(sigilContext(handle)));
  await tool("its sibling's context", options(sigilContext(right)));
  await right.run(() => tool("a sibling runs", options()));
  expect(lineages).toEqual([
    "no context /left",
    "its parent's context /left",
    "its sibling's context ERR_AGENT_UNKNOWN",
    "a sibling runs ERR_AGENT_UNKNOWN",
  ]);
});

test("a tool without a handle runs, and sigilFetch in it is denied", async () => {
  const tool = withSigil(async (url: string) => sigilFetch(url));
  await expect(tool("https://x.example/", options())).rejects.toMatchObject({
    code: "ERR_AGENT_UNKNOWN",
  });
  const agent = subAgent("scout", async (url: string) => sigilFetch(url));
  await expect(agent("https://x.example/", options())).rejects.toMatchObject({
    code: "ERR_AGENT_UNKNOWN",
  });
});

test("the ready tools run as the agent that calls, and a denial is a text for the model", async () => {
  const { handle } = place({ agents: { scout: { endpoints: ["GET https://open.example/**"] } } });
  const [fetchUrl, showBudget] = sigilTools(genkit({}));
  const scout = { context: { ...sigilContext(handle.forAgent("scout")) } };
  expect(await fetchUrl({ url: "https://closed.example/" }, scout)).toMatch(/^ERR_ENDPOINT/);
  expect(await showBudget({}, { context: { ...sigilContext(handle.forAgent("x")) } })).toMatch(
    /^ERR_AGENT_UNKNOWN/,
  );
  expect(await showBudget({}, {})).toMatch(/^ERR_AGENT_UNKNOWN/);
  await expect(fetchUrl({ url: 1 } as never, scout)).rejects.toThrow(/url/);
});

test("tools of a streamed run and of a flow run as their callers", async () => {
  const { handle, get, lineages } = place({ agents: { scout: {} } });
  const company = new Company({ handle, get });
  let turns = 0;
  const model = company.ai.defineModel({ name: "once" }, async () => ({
    message: { role: "model", content: calls(turns++ === 0 ? { get: "streamed" } : undefined, 0) },
    finishReason: "stop",
  }));
  const { stream, response } = company.ai.generateStream({
    model,
    prompt: "work",
    tools: [company.get],
    context: { ...sigilContext(handle.forAgent("scout")) },
  });
  for await (const _ of stream);
  await response;
  turns = 0;
  const flow = company.ai.defineFlow("flow", async () => {
    await company.ai.generate({ model, prompt: "work", tools: [company.get] });
  });
  await flow(undefined, { context: { ...sigilContext(handle) } });
  expect(lineages).toEqual(["streamed /scout", "streamed "]);
});

test("the page's snippet runs as it stands", async () => {
  const { handle, get, lineages } = place({ agents: { scout: {} } });
  const ai = genkit({});
  let turn = 0;
  // The boss has the scout work, and the scout gets the report.
  const model = ai.defineModel({ name: "script" }, async ({ tools }) => {
    const name = tools?.[0]?.name;
    const asks = name === "scout" ? turn === 0 : turn === 1;
    turn++;
    const input = name === "scout" ? { task: "look" } : { url: "by the scout" };
    return {
      message: {
        role: "model",
        content: asks ? [{ toolRequest: { name: name!, input } }] : [{ text: "done" }],
      },
      finishReason: "stop",
    };
  });
  const report = ai.defineTool(
    { name: "report", description: "Gets a report.", inputSchema: z.object({ url: z.string() }) },
    withSigil((input) => get(input)),
  );
  const printed: unknown[] = [];
  await runSnippet("genkit", {
    modules: { "l8nt/genkit": adapter },
    ai,
    z,
    handle,
    model,
    report,
    prompt: "work",
    signal: new AbortController().signal,
    console: { log: (text: unknown) => printed.push(text) },
  });
  expect(lineages).toEqual(["by the scout /scout"]);
  expect(printed).toEqual(["done"]);
});
