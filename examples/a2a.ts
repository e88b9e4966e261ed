/**
 * A2A: a writer pays a remote translator for each message. The translator asks a dictionary,
 * another remote agent, and pays for that itself. The agents are scripts, and the money is play
 * money, so it runs anywhere: `node --conditions=l8nt-source examples/a2a.ts`
 */
import assert from "node:assert/strict";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type AgentCard, type Message, Role, type SendMessageRequest } from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { agentCardHandler, jsonRpcHandler } from "@a2a-js/sdk/server/express";
import express from "express";
import type { AmountText } from "l8nt";
import { payingUser, withSigil } from "l8nt/a2a";
import { SigilHandle } from "l8nt/agents";
import { paid } from "l8nt/express";
import { Paywall } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";
import { devWallet } from "l8nt/wallets/dev";

const network = await DevNetwork.start();
const servers: Server[] = [];

const says = (text: string, role = Role.ROLE_USER): Message => ({
  messageId: crypto.randomUUID(),
  contextId: "",
  taskId: "",
  role,
  parts: [
    {
      content: { $case: "text", value: text },
      metadata: undefined,
      filename: "",
      mediaType: "text/plain",
    },
  ],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
});
const asks = (text: string): SendMessageRequest => ({
  tenant: "",
  message: says(text),
  configuration: undefined,
  metadata: undefined,
});
function textOf(message: unknown): string {
  const content = (message as Message).parts[0]?.content;
  return content?.$case === "text" ? content.value : "";
}

/** A remote agent, which answers a message for its price. */
async function agent(
  name: string,
  price: AmountText,
  answer: (text: string) => Promise<string>,
): Promise<string> {
  const app = express();
  const server = app.listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  const location = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const invoicer = devWallet(network.account(name, { balanceMsat: 0n }).invoiceOnlyUrl);
  const paywall = new Paywall({
    secret: crypto.getRandomValues(new Uint8Array(32)),
    location,
    invoicer,
  });
  const card: AgentCard = {
    name,
    description: "Answers messages.",
    supportedInterfaces: [
      { url: `${location}/a2a`, protocolBinding: "JSONRPC", tenant: "", protocolVersion: "1.0" },
    ],
    provider: undefined,
    version: "1",
    capabilities: { extensions: [] },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: ["text/plain"],
    defaultOutputModes: ["text/plain"],
    skills: [],
    signatures: [],
  };
  const requestHandler = new DefaultRequestHandler(card, new InMemoryTaskStore(), {
    async execute({ userMessage, contextId }, bus) {
      const message = says(await answer(textOf(userMessage)), Role.ROLE_AGENT);
      bus.publish(AgentEvent.message({ ...message, contextId }));
      bus.finished();
    },
    async cancelTask() {},
  });
  app.use("/.well-known/agent-card.json", agentCardHandler({ agentCardProvider: requestHandler }));
  const terms = { price, grants: { uses: 1 } };
  app.use(
    "/a2a",
    paid(paywall, terms),
    jsonRpcHandler({ requestHandler, userBuilder: payingUser }),
  );
  return location;
}

/** Makes clients that pay with a handle. */
const clientsOf = (handle: SigilHandle) => new ClientFactory(withSigil({}, handle));

// The dictionary; and the translator, which has its own wallet and an entry for the dictionary.
const dictionary = await agent(
  "dictionary",
  "2 sat",
  async (word) => ({ sunny: "sonnig" })[word] ?? word,
);
const translators = SigilHandle.open({
  wallet: network.account("translators-own", { balanceMsat: 100_000n }).url,
  agents: { dictionary: { budget: "10 sat" } },
});
const translator = await agent("translator", "10 sat", async (text) => {
  const client = await clientsOf(translators.forAgent("dictionary")).createFromUrl(dictionary);
  return textOf(await client.sendMessage(asks(text)));
});

// The writer. The entry `translator` limits what the translator may cost.
const handle = SigilHandle.open({
  wallet: network.account("writer", { balanceMsat: 1_000_000n }).url,
  agents: { translator: { budget: "25 sat", endpoints: [`* ${translator}/**`], expiresIn: "15m" } },
});
const writer = await clientsOf(handle.forAgent("translator")).createFromUrl(translator);
const first = textOf(await writer.sendMessage(asks("sunny")));
const second = textOf(await writer.sendMessage(asks("May")));
const third = await writer.sendMessage(asks("more")).catch(({ code }) => code);

const spent = async (of: SigilHandle) => (await of.standing()).at(-1)!.spent[0]!.value;
console.log(`translated: ${first}, ${second}; the third message ended with ${third}`);
console.log(
  `the writer spent ${await spent(handle)} msat, the translator ${await spent(translators)}`,
);

assert.deepEqual([first, second, third], ["sonnig", "May", "ERR_BUDGET"]);
assert.equal(await spent(handle), 20_020n);
assert.equal(await spent(translators), 4_004n);

for (const server of servers) {
  server.close();
  server.closeAllConnections();
}
await network.stop();
