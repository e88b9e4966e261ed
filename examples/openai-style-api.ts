/**
 * An API in the style of OpenAI's that sells chat completions by the token, for sat: two free
 * calls a day, then a prepaid budget from which each call takes what it used. The model is a
 * stand-in, and the money is play money, so it runs anywhere: `node --conditions=l8nt-source
 * examples/openai-style-api.ts`
 */
import assert from "node:assert/strict";
import { Hono } from "hono";
import { Client, openWallet } from "l8nt";
import { checkRoutes, paid, wellKnown } from "l8nt/hono";
import { serve } from "l8nt/node";
import { Paywall, type Sale } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";

const network = await DevNetwork.start();
const seller = network.account("seller", { balanceMsat: 0n });
const buyer = network.account("buyer", { balanceMsat: 1_000_000n });

let handle = (_: Request): Response | Promise<Response> => new Response(null, { status: 503 });
const server = await serve((request) => handle(request));
const sold: Sale[] = [];
const paywall = new Paywall({
  secret: "5e8d1c0b7a2f4936e1d0c9b8a7968574635241302f1e0dfcebdac9b8a7f6e5d4",
  location: server.url,
  invoicer: await openWallet(seller.invoiceOnlyUrl),
  onSale: (sale) => void sold.push(sale),
});

interface Completion {
  readonly messages: readonly { readonly content: string }[];
  readonly max_completion_tokens?: number;
}
const MSAT_PER_TOKEN = 100;
/** A token for each byte is never too few. */
const inputTokens = ({ messages }: Completion): number =>
  messages.reduce((sum, { content }) => sum + new TextEncoder().encode(content).length, 0);
const price = (tokens: number) => `${tokens * MSAT_PER_TOKEN} msat` as const;

const app = new Hono();
app.use(wellKnown(paywall));
app.get("/v1/models", (c) => c.json({ object: "list", data: [{ id: "echo-1", object: "model" }] }));
app.post(
  "/v1/chat/completions",
  paid(
    paywall,
    {
      // The most that a call can come to. What it used is settled below.
      price: async (request) => {
        const body = (await request.json()) as Completion;
        return price(inputTokens(body) + (body.max_completion_tokens ?? 256));
      },
      metered: true,
      grants: { budget: "100 sat", validFor: "1d", endpoints: ["POST /v1/chat/completions"] },
      free: { requests: 2, per: "day" },
    },
    async (c) => {
      const body = await c.req.json<Completion>();
      const content = `You said: ${body.messages.at(-1)!.content}`;
      const usage = { prompt_tokens: inputTokens(body), completion_tokens: content.length };
      const total_tokens = usage.prompt_tokens + usage.completion_tokens;
      const grant = c.get("grant");
      if (grant.price.value > 0n) grant.settle(price(total_tokens));
      return c.json({
        ...{ id: "chatcmpl-1", object: "chat.completion", model: "echo-1" },
        choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
        usage: { ...usage, total_tokens },
      });
    },
  ),
);
const operation = { responses: { 200: { description: "A completion" } } };
const document = {
  openapi: "3.1.0",
  info: { title: "Echo", version: "1" },
  paths: { "/v1/chat/completions": { post: operation } },
};
app.get("/openapi.json", (c) => c.json(paywall.openapi(document)));
app.get("/llms.txt", (c) =>
  c.text(paywall.llmsText({ title: "Echo", summary: "A model that repeats what you say." })),
);
checkRoutes(app);
handle = (request) => app.fetch(request);

// An agent that has never seen this API, and may spend 300 sat.
const client = new Client({
  wallet: buyer.url,
  limits: { endpoints: [`* ${server.url}/**`], budget: "300 sat", expiresIn: "1h" },
});
const ask = async (content: string): Promise<string> => {
  const body = JSON.stringify({ model: "echo-1", messages: [{ role: "user", content }] });
  const response = await client.post(`${server.url}/v1/chat/completions`, body, {
    headers: { "content-type": "application/json" },
  });
  const { choices } = (await response.json()) as {
    choices: { message: { content: string } }[];
  };
  return choices[0]!.message.content;
};
const answers = [];
for (let call = 1; call <= 5; call++) answers.push(await ask(`call ${call}`));
assert.deepEqual(answers.slice(-1), ["You said: call 5"]);

// Two calls were free. The others took some sat each from one payment of 100.
const payments = network.payments().filter(({ status }) => status === "paid");
assert.equal(payments.length, 1);
const [total, ...others] = await paywall.totals({ by: "route" });
assert.deepEqual(others, []);
assert.equal(total!.route, "POST /v1/chat/completions");
assert.equal(total!.amount.value, 100_000n);
assert.equal(sold.length, 1);
const openapi = (await (await fetch(`${server.url}/openapi.json`)).json()) as typeof document;
assert.ok("x-payment-info" in openapi.paths["/v1/chat/completions"].post);
const text = await (await fetch(`${server.url}/llms.txt`)).text();
assert.match(text, /2 requests in each day are free/);

console.log(`${answers.at(-1)}\nsold: ${total!.amount.value} msat at ${total!.route}\n\n${text}`);
await client.close();
paywall.close();
await server.close();
await network.stop();
