/**
 * The OpenAI Agents SDK: a boss transfers to a scout, who may spend 25 sat, and to a stranger, who
 * is not in the table. The models are scripted, and the money is play money, so it runs anywhere:
 * `node --conditions=l8nt-source examples/openai-agents.ts`
 */
import assert from "node:assert/strict";
import { Agent, run, setTracingDisabled } from "@openai/agents";
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
import { SigilHandle } from "l8nt/agents";
import { sigilContext, sigilTools, withSigil } from "l8nt/openai-agents";
import { devTown } from "l8nt/testing";

setTracingDisabled(true);

// A service that takes 10 sat a request, and a wallet of play money.
const town = await devTown({ price: "10 sat", handler: () => new Response("sunny") });
const { url } = town.shop;

// The agents. Each model gives one of its answers each turn.
let calls = 0;
const call = (name: string, input: Record<string, unknown> = {}) => [
  functionCall(name, input, { callId: `call-${++calls}` }),
];
const buy = () => call("fetch_url", { url });
const agent = (name: string, lines: ConstructorParameters<typeof ScriptedModel>[0]) =>
  new Agent({ name, model: new ScriptedModel(lines), tools: [...sigilTools] });

const boss = agent("boss", [
  call("transfer_to_scout"),
  call("transfer_to_stranger"),
  [assistantMessage("done")],
]);
const scout = agent("scout", [buy(), buy(), buy(), call("show_budget"), call("transfer_to_boss")]);
const stranger = agent("stranger", [buy(), call("transfer_to_boss")]);
boss.handoffs = [scout, stranger];
scout.handoffs = [boss];
stranger.handoffs = [boss];

// The process pays from its own wallet, and is its own treasury.
const sigil = SigilHandle.open({
  wallet: town.wallet,
  agents: { scout: { budget: "25 sat" } },
});
const { newItems, finalOutput } = await run(withSigil(boss), "How is the weather?", {
  context: sigilContext(sigil),
});

const results = newItems.flatMap((item) =>
  item.type === "tool_call_output_item" ? [`${item.agent.name}: ${item.output}`] : [],
);
for (const line of results) console.log(line);
const spentMsat = town.network
  .payments()
  .filter(({ status }) => status === "paid")
  .reduce((total, { amountMsat, feeMsat }) => total + amountMsat + feeMsat, 0n);
console.log(`paid in all: ${spentMsat} msat`);

assert.equal(finalOutput, "done");
assert.deepEqual(
  results.map((line) => /^\w+: (?:sunny|ERR_\w+|everybody)/.exec(line)?.[0]),
  [
    "scout: sunny",
    "scout: sunny",
    "scout: ERR_BUDGET",
    "scout: everybody",
    "stranger: ERR_AGENT_UNKNOWN",
  ],
);
assert.equal(spentMsat, 20_020n);

await town.close();
