/**
 * The Claude Agent SDK: the main thread asks a scout, who may spend 25 sat of its 100. The model is
 * a scripted server on this machine, and the money is play money, so it runs wherever Claude's
 * program runs: `node --conditions=l8nt-source examples/claude-agent-sdk.ts`
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSdkMcpServer, query } from "@anthropic-ai/claude-agent-sdk";
import { budgetText, SigilHandle } from "l8nt/agents";
import { sigilContext, sigilTools, withSigil } from "l8nt/claude-agent-sdk";
import { devTown } from "l8nt/testing";
import { type Block, messagesApi } from "../test/frameworks/support/messages-api.ts";

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

// The model is scripted. With a real model, set ANTHROPIC_API_KEY instead.
let calls = 0;
const call = (name: string, input: object): Block => ({
  type: "tool_use",
  id: `toolu_${++calls}`,
  name,
  input,
});
const buys = (on: string) => call("mcp__paid__fetch_url", { url: `${url}/${on}` });
const asksScout = {
  description: "Metals",
  prompt: "Look up metals.",
  subagent_type: "scout",
  run_in_background: false,
};
const says = (text: string): Block => ({ type: "text", text });
const said = {
  main: [call("Agent", asksScout), buys("lead"), says("All three.")],
  scout: [buys("tin"), buys("zinc"), buys("lead"), says("Lead was too dear.")],
};
const model = await messagesApi((body) => [
  (body.includes("You are the scout.") ? said.scout : said.main).shift() ?? says("done"),
]);

const session = sigilContext(sigil);
const home = mkdtempSync(join(tmpdir(), "sigil-claude-"));
const seen: unknown[] = [];
for await (const message of query({
  prompt: "What of metals?",
  options: {
    hooks: session.hooks,
    agents: { scout: { description: "Looks things up.", prompt: "You are the scout." } },
    mcpServers: {
      paid: createSdkMcpServer({ name: "paid", tools: withSigil(sigilTools, session) }),
    },
    allowedTools: ["mcp__paid__*", "Agent"],
    tools: ["Agent"],
    settingSources: [],
    model: "claude-sonnet-4-5",
    cwd: home,
    env: {
      PATH: session.env.PATH,
      HOME: home,
      TMPDIR: home,
      CLAUDE_CODE_TMPDIR: home,
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: "none",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    },
  },
}))
  seen.push(message);

// Two reports at 10 sat fit into the scout's 25, a third did not. The boss had enough left.
assert.match(
  JSON.stringify(seen),
  /ERR_BUDGET.*Lead was too dear.*The report at \/lead.*All three\./,
);
const served = town.shop.served.map(({ target }) => target);
assert.deepEqual(served, ["/tin", "/zinc", "/lead"]);
assert.equal(town.network.payments().filter(({ status }) => status === "paid").length, 3);
const left = budgetText(await sigil.forAgent("scout").standing());
assert.match(left, /scout: 4\.98 sat left of 25 sat/);
assert.ok(!JSON.stringify(seen).includes(sigil.credential.toString().slice(-40)));

console.log(`${left}\nserved: ${served.join(" ")}`);
await model.close();
rmSync(home, { recursive: true, force: true, maxRetries: 5 });
await town.close();
