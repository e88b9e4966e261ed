/**
 * LangChain: a boss asks a scout, who may spend 25 sat of the boss's 100. The models are
 * LangChain's own fakes, and the money is play money, so it runs anywhere: `node
 * --conditions=l8nt-source examples/langchain.ts`
 */
import assert from "node:assert/strict";
import { budgetText, SigilHandle, sigilFetch } from "l8nt/agents";
import { sigilContext, withSigil } from "l8nt/langchain";
import { devTown } from "l8nt/testing";
import { AIMessage, createAgent, fakeModel, tool } from "langchain";
import { z } from "zod";

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
  agents: { scout: { budget: "25 sat", expiresIn: "15m" } },
});
const report = tool(async ({ on }) => (await sigilFetch(`${url}/${on}`)).text(), {
  name: "report",
  description: "Buys a report.",
  schema: z.object({ on: z.string() }),
});
const scout = createAgent(
  withSigil({
    name: "scout",
    model: fakeModel()
      .respondWithTools([{ name: "report", args: { on: "tin" } }])
      .respondWithTools([{ name: "report", args: { on: "zinc" } }])
      .respondWithTools([{ name: "report", args: { on: "lead" } }])
      .respond(new AIMessage("Tin and zinc; lead was too dear.")),
    tools: [report],
  }),
);
const askScout = tool(
  async ({ question }) => (await scout.invoke({ messages: [question] })).messages.at(-1)!.text,
  {
    name: "ask_scout",
    description: "Has the scout look it up.",
    schema: z.object({ question: z.string() }),
  },
);
const boss = createAgent(
  withSigil({
    model: fakeModel()
      .respondWithTools([{ name: "ask_scout", args: { question: "Metals?" } }])
      .respondWithTools([{ name: "report", args: { on: "lead" } }])
      .respond(new AIMessage("All three.")),
    tools: [askScout, report],
  }),
);
const { messages } = await boss.invoke(
  { messages: ["What of metals?"] },
  { context: sigilContext(sigil) },
);

// Two reports at 10 sat fit into the scout's 25, a third did not. The boss had enough left.
const results = messages.filter(({ type }) => type === "tool").map(({ text }) => text);
assert.deepEqual(results, ["Tin and zinc; lead was too dear.", "The report at /lead."]);
const served = town.shop.served.map(({ target }) => target);
assert.deepEqual(served, ["/tin", "/zinc", "/lead"]);
assert.equal(town.network.payments().filter(({ status }) => status === "paid").length, 3);
const left = budgetText(await sigil.forAgent("scout").standing());
assert.match(left, /scout: 4\.98 sat left of 25 sat/);
assert.ok(!JSON.stringify(messages).includes(sigil.credential.toString().slice(-40)));

console.log(`boss: ${messages.at(-1)!.text}\n${left}`);
await town.close();
