/**
 * Google ADK: a boss transfers to a scout, who may spend 25 sat of the boss's 100, and gets the
 * work back. The models are scripted, and the money is play money, so it runs anywhere: `node
 * --conditions=l8nt-source examples/google-adk.ts`
 */
import assert from "node:assert/strict";
import {
  BaseLlm,
  type BaseLlmConnection,
  FunctionTool,
  InMemoryRunner,
  LlmAgent,
  type LlmResponse,
} from "@google/adk";
import { budgetText, SigilHandle } from "l8nt/agents";
import { sigilTools, withSigil } from "l8nt/google-adk";
import { devTown } from "l8nt/testing";

/** A scripted model. With a real model, only `model` changes. */
class Scripted extends BaseLlm {
  readonly #said: object[];
  constructor(...said: object[]) {
    super({ model: "scripted" });
    this.#said = said;
  }

  async *generateContentAsync(): AsyncGenerator<LlmResponse, void> {
    yield { content: { role: "model", parts: this.#said.splice(0, 1) } };
  }

  override connect(): Promise<BaseLlmConnection> {
    throw new Error("this model does not speak live");
  }
}

const call = (name: string, args: object) => ({ functionCall: { name, args } });

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

const buys = (on: string) => call("fetch_url", { url: `${url}/${on}` });
const transfer = (agentName: string) => call("transfer_to_agent", { agentName });
const tools = sigilTools(FunctionTool);
const scout = new LlmAgent({
  name: "scout",
  model: new Scripted(buys("tin"), buys("zinc"), buys("lead"), transfer("boss")),
  tools,
});
const boss = new LlmAgent({
  name: "boss",
  model: new Scripted(transfer("scout"), buys("lead"), { text: "All three." }),
  tools,
  subAgents: [scout],
});
const runner = new InMemoryRunner({ agent: boss, appName: "metals" });
const whose = { userId: "owner", sessionId: "first" };
await runner.sessionService.createSession({ appName: "metals", ...whose });
const newMessage = { role: "user", parts: [{ text: "What of metals?" }] };
const seen: unknown[] = [];
for await (const event of withSigil(runner, sigil).runAsync({ ...whose, newMessage }))
  seen.push(event);

// Two reports at 10 sat fit into the scout's 25, a third did not. The boss had enough left.
assert.match(JSON.stringify(seen), /ERR_BUDGET.*The report at \/lead.*All three\./);
const served = town.shop.served.map(({ target }) => target);
assert.deepEqual(served, ["/tin", "/zinc", "/lead"]);
assert.equal(town.network.payments().filter(({ status }) => status === "paid").length, 3);
const left = budgetText(await sigil.forAgent("scout").standing());
assert.match(left, /scout: 4\.98 sat left of 25 sat/);
assert.ok(!JSON.stringify(seen).includes(sigil.credential.toString().slice(-40)));

console.log(`${left}\nserved: ${served.join(" ")}`);
await town.close();
