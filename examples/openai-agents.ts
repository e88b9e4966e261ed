/**
 * The OpenAI Agents SDK: a boss transfers to a scout, who may spend 25 sat, and to a stranger, who
 * is not in the table. The models are scripted, and the money is play money, so it runs anywhere:
 * `node --conditions=l8nt-source examples/openai-agents.ts`
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, run, setTracingDisabled } from "@openai/agents";
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
import { SigilHandle } from "l8nt/agents";
import { paid } from "l8nt/node";
import { sigilContext, sigilTools, withSigil } from "l8nt/openai-agents";
import { Paywall } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";
import { devWallet } from "l8nt/wallets/dev";

setTracingDisabled(true);
const network = await DevNetwork.start();
const purse = network.account("purse", { balanceMsat: 1_000_000n });
const till = network.account("till", { balanceMsat: 0n });

// A service that takes 10 sat a request.
const server = createServer();
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const paywall = new Paywall({
  secret: randomBytes(32).toString("hex"),
  location: url,
  invoicer: devWallet(till.invoiceOnlyUrl),
});
server.on(
  "request",
  paid(paywall, { price: "10 sat" }, (_, outgoing) => void outgoing.end("sunny")),
);

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
  wallet: devWallet(purse.url),
  agents: { scout: { budget: "25 sat" } },
});
const { newItems, finalOutput } = await run(withSigil(boss), "How is the weather?", {
  context: sigilContext(sigil),
});

const results = newItems.flatMap((item) =>
  item.type === "tool_call_output_item" ? [`${item.agent.name}: ${item.output}`] : [],
);
for (const line of results) console.log(line);
const spentMsat = network
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

server.close();
server.closeAllConnections();
await network.stop();
