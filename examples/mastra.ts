/**
 * Mastra: a scout buys a forecast and is denied the almanac, which costs more than the scout has;
 * its supervisor buys the almanac. The models are mocks, and the money is play money, so it runs
 * anywhere: `node --conditions=l8nt-source examples/mastra.ts`
 */
import assert from "node:assert/strict";
import { Agent } from "@mastra/core/agent";
import type { MastraModelConfig } from "@mastra/core/llm";
import { MockLanguageModelV3 } from "ai6/test";
import { SigilHandle } from "l8nt/agents";
import { sigilContext, sigilTools, withSigil } from "l8nt/mastra";
import { devTown } from "l8nt/testing";

// What is for sale: a forecast for 10 sat, an almanac for 80.
const isAlmanac = ({ url }: { readonly url: string | URL }) => new URL(url).pathname === "/almanac";
const town = await devTown({
  price: (request) => (isAlmanac(request) ? "80 sat" : "10 sat"),
  handler: (request) => new Response(isAlmanac(request) ? "It is always sunny in May." : "Sunny."),
});

// The answers of each agent's model, one after another.
const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
const says = (...lines: (string | { toolName: string; input: object })[]) =>
  new MockLanguageModelV3({
    doGenerate: async () => {
      const line = lines.shift() ?? "";
      const call = typeof line !== "string";
      const content = call
        ? {
            type: "tool-call",
            toolCallId: crypto.randomUUID(),
            ...line,
            input: JSON.stringify(line.input),
          }
        : { type: "text", text: line };
      const finishReason = { unified: call ? "tool-calls" : "stop", raw: undefined };
      return { content: [content], finishReason, usage, warnings: [] } as never;
    },
  }) as unknown as MastraModelConfig;
const gets = (path: string) => ({
  toolName: "fetch_url",
  input: { url: `${town.shop.url}${path}` },
});

const scout = new Agent(
  withSigil({
    id: "scout",
    name: "Scout",
    description: "Finds out about the weather.",
    instructions: "Find out.",
    model: says(gets("/forecast"), gets("/almanac"), "Sunny. The almanac was too dear for me."),
    tools: sigilTools,
  }),
);
const supervisor = new Agent(
  withSigil({
    id: "supervisor",
    name: "Supervisor",
    instructions: "Ask the scout first.",
    model: says(
      { toolName: "agent-scout", input: { prompt: "How is the weather?" } },
      gets("/almanac"),
      "Sunny.",
    ),
    tools: sigilTools,
    agents: { scout },
  }),
);

const handle = SigilHandle.open({
  wallet: town.wallet,
  agents: { scout: { budget: "50 sat", expiresIn: "15m" } },
});
const requestContext = sigilContext(handle, supervisor);
const { text } = await supervisor.generate("How is the weather, and how is it in May?", {
  requestContext,
});

const spent = async (agent: SigilHandle) => (await agent.standing()).at(-1)!.spent[0]!.value;
const scoutMsat = await spent(handle.forAgent("scout"));
console.log(
  `scout spent ${scoutMsat} msat of its 50 sat; all of them together ${await spent(handle)} msat`,
);
console.log(`the supervisor says: ${text}`);

assert.equal(text, "Sunny.");
assert.equal(scoutMsat, 10_010n);
assert.equal(await spent(handle), 90_090n);
const paidFor = town.network.payments().map(({ amountMsat, status }) => [status, amountMsat]);
assert.deepEqual(paidFor, [
  ["paid", 10_000n],
  ["paid", 80_000n],
]);
assert(!JSON.stringify(requestContext).includes(handle.credential.toString().slice(20, 60)));

await town.close();
