/** LangChain agents for tests, each of which calls each of its tools once. */
import { randomUUID } from "node:crypto";
import { type AgentPolicies, currentHandle, SigilHandle, sigilFetch } from "l8nt/agents";
import { withSigil } from "l8nt/langchain";
import { AIMessage, createAgent, type ReactAgent, type ToolRuntime, tool } from "langchain";
import { z } from "zod";
import { type Shop, town } from "../../../packages/l8nt/src/testing/fixtures/town.ts";
import { modelOf } from "./langchain-script.ts";

export async function stage(agents: AgentPolicies = {}) {
  const world = await town();
  const credential = world.mint({ budget: "100 sat" });
  return {
    world,
    shop: await world.openShop(),
    handle: SigilHandle.open({ credential, clock: world.clock, agents }),
  };
}

export const plainTool = (
  name: string,
  act: (runtime: ToolRuntime<unknown, { sigil?: SigilHandle }>) => unknown,
) =>
  tool(
    async (_: object, runtime: ToolRuntime<unknown, { sigil?: SigilHandle }>) =>
      String(await act(runtime)),
    {
      name,
      description: name,
      schema: z.object({}),
    },
  );

type Tools = NonNullable<Parameters<typeof createAgent>[0]["tools"]>;
export type Middleware = NonNullable<Parameters<typeof createAgent>[0]["middleware"]>[number];

interface EachOnce {
  /** The agent's entry in the table; left out for the agent at the top. */
  readonly name?: string;
  /** Middleware after Sigil's. */
  readonly middleware?: readonly Middleware[];
  readonly [more: string]: unknown;
}

/** The configuration of an agent that calls each of its tools once, one after another. */
export const eachOnceConfig = (tools: Tools, more: EachOnce = {}) => ({
  model: modelOf(tools.map(({ name }) => [{ name: name as string, args: {} }])),
  tools,
  ...more,
});

/** An agent of `withSigil` that calls each of its tools once. */
export const eachOnce = (tools: Tools, more?: EachOnce): ReactAgent =>
  createAgent(withSigil(eachOnceConfig(tools, more)) as never) as unknown as ReactAgent;

export const results = (state: { messages: readonly { type: string; text: string }[] }) =>
  state.messages.filter(({ type }) => type === "tool").map(({ text }) => text);

export const buy = ({ url }: Shop) => plainTool("buy", async () => (await sigilFetch(url)).text());
export const calling = (name: string, args: Record<string, unknown>) =>
  new AIMessage({ content: "", tool_calls: [{ name, args, id: randomUUID() }] });
export const whoAmI = plainTool("who_am_i", () => currentHandle()?.agent ?? "the one at the top");
