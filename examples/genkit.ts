/**
 * Genkit: a boss asks a scout, who may spend 25 sat of the boss's 100. The models are scripted, and
 * the money is play money, so it runs anywhere:
 * `node --conditions=l8nt-source examples/genkit.ts`
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { genkit, type Part, z } from "genkit";
import { budgetText, SigilHandle, sigilFetch } from "l8nt/agents";
import { sigilContext, subAgent, withSigil } from "l8nt/genkit";
import { paid } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";
import { devWallet } from "l8nt/wallets/dev";

// A service that sells reports at 10 sat each.
const network = await DevNetwork.start();
let reports: RequestListener = () => {};
const server = createServer((incoming, outgoing) => reports(incoming, outgoing));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const paywall = new Paywall({
  secret: randomBytes(32).toString("hex"),
  location: url,
  invoicer: devWallet(network.account("service", { balanceMsat: 0n }).invoiceOnlyUrl),
});
const served: string[] = [];
reports = paid(paywall, { price: "10 sat" }, ({ url: path = "" }, outgoing) => {
  served.push(path);
  outgoing.end(`The report at ${path}.`);
});

// The process pays from its own wallet, and is its own treasury.
const sigil = SigilHandle.open({
  wallet: network.account("agents", { balanceMsat: 1_000_000n }).url,
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
assert.deepEqual(served, ["/tin", "/zinc", "/lead"]);
assert.equal(network.payments().filter(({ status }) => status === "paid").length, 3);
const left = budgetText(await sigil.forAgent("scout").standing());
assert.match(left, /scout: 4\.98 sat left of 25 sat/);
assert.ok(!JSON.stringify(seen).includes(sigil.credential.toString().slice(-40)));

console.log(`${left}\nserved: ${served.join(" ")}`);
server.close();
server.closeAllConnections();
await network.stop();

function call(name: string, input: object): Part {
  return { toolRequest: { name, input } };
}

function scripted(name: string, ...said: Part[]) {
  return ai.defineModel({ name }, async () => ({
    message: { role: "model", content: said.splice(0, 1) },
    finishReason: "stop",
  }));
}
