/**
 * The OpenAI Agents SDK with its own scripted model: the laws of the contract for both ways to hand
 * work on, streamed and not.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import * as openai from "@openai/agents";
import { ScriptedModel } from "@openai/agents/testing";
import * as agents from "l8nt/agents";
import * as adapters from "l8nt/openai-agents";
import { expect, test, vi } from "vitest";
import { town } from "../../packages/l8nt/src/testing/fixtures/town.ts";
import { type AgentAdapter, agentContract } from "./support/agent-contract.ts";
import { call, crew, said, traced, type Way } from "./support/openai-crew.ts";
import { runSnippet } from "./support/page.ts";

const adapter = (name: string, way: Way, stream: boolean): AgentAdapter => ({
  name,
  siblings: way === "tools",
  async run(script, { handle, get, signal }) {
    const context = { sigil: handle, mine: "the user's own" };
    const boss = crew(way, script, get);
    const options = { context, maxTurns: 30, ...(signal !== undefined && { signal }) };
    const runner = new openai.Runner();
    if (!stream) return shown(await runner.run(boss, "go", options));
    const result = await runner.run(boss, "go", { ...options, stream: true });
    const events: unknown[] = [];
    for await (const event of result) events.push(event);
    await result.completed;
    return [events, shown(result)];
  },
});

interface Ran {
  readonly newItems: unknown;
  readonly history: unknown;
  readonly rawResponses: unknown;
  readonly state: { toString(): string };
  readonly runContext: unknown;
}

/**
 * Everything of a run that the SDK shows: its items, its stored state, its context, its traces.
 */
const shown = ({ newItems, history, rawResponses, state, runContext }: Ran) => {
  expect(traced.length).toBeGreaterThan(0);
  return [newItems, history, rawResponses, state.toString(), JSON.stringify(runContext), traced];
};

agentContract(adapter("openai-agents, transfers", "transfers", false));
agentContract(adapter("openai-agents, agents as tools", "tools", false));
agentContract(adapter("openai-agents, transfers, streamed", "transfers", true));
agentContract(adapter("openai-agents, agents as tools, streamed", "tools", true));

test("the page's snippet runs as it stands", async () => {
  const world = await town({ clock: () => Date.now() / 1000 });
  world.clock.set(Date.now() / 1000);
  const root = world.mint();
  const shop = await world.openShop();
  const paying: (string | undefined)[] = [];
  const report = openai.tool({
    name: "report",
    description: "Buys a report.",
    parameters: { type: "object", properties: {}, required: [], additionalProperties: false },
    execute: async () => {
      paying.push(agents.currentHandle()?.agent);
      return (await agents.sigilFetch(shop.url)).text();
    },
  });
  const model = new ScriptedModel([
    [call("transfer_to_scout", {})],
    [call("report", {})],
    said("sunny"),
  ]);
  openai.setDefaultModelProvider({ getModel: async () => model });
  vi.stubEnv("SIGIL_CREDENTIAL", root.toString());
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    const modules = {
      "@openai/agents": openai,
      "l8nt/agents": agents,
      "l8nt/openai-agents": adapters,
    };
    await runSnippet("openai-agents", { modules, report, question: "How is the weather?" });
    expect(log.mock.calls).toEqual([["sunny"]]);
  } finally {
    log.mockRestore();
    vi.unstubAllEnvs();
  }
  expect(paying).toEqual(["scout"]);
  expect(await world.spent(root)).toBe(10_010n);
});

test("the example runs, and its own assertions hold", async () => {
  const example = join(import.meta.dirname, "../../examples/openai-agents.ts");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=l8nt-source", "--no-warnings", example],
    { env: { PATH: process.env.PATH }, timeout: 60_000 },
  );
  expect(stdout).toMatch(/^paid in all: 20020 msat$/m);
});
