/**
 * Genkit: a boss asks a scout, who may spend 25 sat of the boss's 100. The models are scripted, and
 * the money is play money, so it runs anywhere:
 * `node --conditions=l8nt-source examples/genkit.ts`
 */
import assert from "node:assert/strict";
import { genkit, type Part, z } from "genkit";
import { budgetText, SigilHandle, sigilFetch } from "l8nt/agents";
import { sigilContext, subAgent, withSigil } from "l8nt/genkit";
import { devTown } from "l8nt/testing";

// A service that sells reports at 10 sat each, and a wallet of play money.
const town = await devTown({
  price: "10 sat",
  handler: (request) => new Response(`The report at ${new URL(request.url).pathname}.`),
});
const { url } = town.shop;

// The process pays from its own wallet, and is its own treasury.
const sigil = SigilHandle.open({
  wallet: town.wallet,
  limits: { endpoints: [`GET ${url}/**`], budget: "100 sat", expiresIn: "1h" },
  agents: { scout: { budget: "25 sat", expiresIn: "15m" } },
});

// The agents. The models are scripted; with a real model, only `model` changes.
const ai = genkit({});
const report = ai.defineTool(
  { name: "report", description: "Buys a report.", inputSchema: z.object({ on: z.string() }) },
  withSigil(async ({ on }) => {
    try {
      return await (await sigilFetch(`${url}/${on}`)).text();
    } catch (error) {
      return `${(error as { code?: string }).code}`;
    }
  }),
);
const buys = (on: string) => call("report", { on });
const scoutSays = [buys("tin"), buys("zinc"), buys("lead"), { text: "Lead was too dear." }];
const scoutModel = scripted("scout model", ...scoutSays);
const scout = ai.defineTool(
  { name: "scout", description: "Looks things up.", inputSchema: z.object({ task: z.string() }) },
  subAgent("scout", async ({ task }) => {
    return (await ai.generate({ model: scoutModel, prompt: task, tools: [report] })).text;
  }),
);
const bossModel = scripted("boss model", call("scout", { task: "Metals" }), buys("lead"), {
  text: "All three.",
});
const { text, messages: seen } = await ai.generate({
  model: bossModel,
  prompt: "What of metals?",
  tools: [scout, report],
  context: { ...sigilContext(sigil) },
});

// Two reports at 10 sat fit into the scout's 25, a third did not. The boss had enough left.
assert.equal(text, "All three.");
assert.match(JSON.stringify(seen), /Lead was too dear.*The report at \/lead/);
const served = town.shop.served.map(({ target }) => target);
assert.deepEqual(served, ["/tin", "/zinc", "/lead"]);
assert.equal(town.network.payments().filter(({ status }) => status === "paid").length, 3);
const left = budgetText(await sigil.forAgent("scout").standing());
assert.match(left, /scout: 4\.98 sat left of 25 sat/);
assert.ok(!JSON.stringify(seen).includes(sigil.credential.toString().slice(-40)));

console.log(`${left}\nserved: ${served.join(" ")}`);
await town.close();

function call(name: string, input: object): Part {
  return { toolRequest: { name, input } };
}

function scripted(name: string, ...said: Part[]) {
  return ai.defineModel({ name }, async () => ({
    message: { role: "model", content: said.splice(0, 1) },
    finishReason: "stop",
  }));
}
