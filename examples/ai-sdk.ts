/**
 * The Vercel AI SDK: a boss asks a researcher, who may spend 25 sat of the boss's 100. The models
 * are the SDK's own mocks, and the money is play money, so it runs anywhere: `node
 * --conditions=l8nt-source examples/ai-sdk.ts`
 */
import assert from "node:assert/strict";
import { ToolLoopAgent } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { budgetText, SigilHandle } from "l8nt/agents";
import { sigilTools, subAgent, withSigil } from "l8nt/ai-sdk";
import { devTown } from "l8nt/testing";

// A service that sells reports at 10 sat each, and a wallet of play money.
const town = await devTown({
  price: "10 sat",
  handler: (request) => new Response(`The report at ${new URL(request.url).pathname}.`),
});
const { url } = town.shop;

// The agents. The models are scripted; with a real model, only `model` changes.
const sigil = SigilHandle.open({
  wallet: town.wallet,
  limits: { endpoints: [`GET ${url}/**`], budget: "100 sat", expiresIn: "1h" },
  agents: { researcher: { budget: "25 sat", expiresIn: "15m" } },
});
const fetches = (path: string) => calls("fetch_url", { url: `${url}${path}` });
const researcher = new ToolLoopAgent({
  model: scripted(
    fetches("/tin"),
    fetches("/zinc"),
    fetches("/lead"),
    says("Tin and zinc; lead was too dear."),
  ),
  tools: sigilTools,
});
const boss = new ToolLoopAgent({
  model: scripted(calls("research", { task: "Metals" }), fetches("/lead"), says("All three.")),
  tools: withSigil(
    {
      ...sigilTools,
      research: subAgent("researcher", { description: "Looks things up.", agent: researcher }),
    },
    sigil,
  ),
});
const { text, steps } = await boss.generate({ prompt: "What of metals?" });

// Two reports at 10 sat fit into the researcher's 25, a third did not. The boss had enough left.
const results = steps.flatMap(({ toolResults }) => toolResults.map(({ output }) => output));
assert.equal(text, "All three.");
assert.deepEqual(results, ["Tin and zinc; lead was too dear.", "The report at /lead."]);
const served = town.shop.served.map(({ target }) => target);
assert.deepEqual(served, ["/tin", "/zinc", "/lead"]);
assert.equal(town.network.payments().filter(({ status }) => status === "paid").length, 3);
const left = budgetText(await sigil.forAgent("researcher").standing());
assert.match(left, /researcher: 4\.98 sat left of 25 sat/);
assert.ok(!JSON.stringify(steps).includes(sigil.credential.toString().slice(-40)));

console.log(`boss: ${text}\n${left}`);
await town.close();

type Said = Awaited<ReturnType<MockLanguageModelV4["doGenerate"]>>;

function scripted(...said: readonly Said[]) {
  return new MockLanguageModelV4({ doGenerate: [...said] });
}

function calls(toolName: string, input: object): Said {
  const toolCallId = `${toolName} ${JSON.stringify(input)}`;
  return saying("tool-calls", {
    type: "tool-call",
    toolCallId,
    toolName,
    input: JSON.stringify(input),
  });
}

function says(text: string): Said {
  return saying("stop", { type: "text", text });
}

function saying(unified: "stop" | "tool-calls", content: Said["content"][number]): Said {
  return {
    content: [content],
    finishReason: { unified, raw: undefined },
    usage: {
      inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 1, text: 1, reasoning: 0 },
    },
    warnings: [],
  };
}
