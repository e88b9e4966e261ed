/**
 * An API in the style of Stripe's: paths with ids, form bodies, `Idempotency-Key`. Reading is sold
 * as a plan of 1,000 requests a day, three objects that are made cost 5 sat, and an object that
 * cannot be made after all is given back. The money is play money, so it runs anywhere: `node
 * --conditions=l8nt-source examples/stripe-style-api.ts`
 */
import assert from "node:assert/strict";
import { Hono } from "hono";
import { Client, openWallet } from "l8nt";
import { checkRoutes, paid, wellKnown } from "l8nt/hono";
import { serve } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { DevNetwork } from "l8nt/testing";

const network = await DevNetwork.start();
const seller = network.account("seller", { balanceMsat: 0n });
const buyer = network.account("buyer", { balanceMsat: 1_000_000n });

let handle = (_: Request): Response | Promise<Response> => new Response(null, { status: 503 });
const server = await serve((request) => handle(request));
const paywall = new Paywall({
  secret: "6f9e2d1c8b3a5047f2e1dacdb8a7968574635241302f1e0dfcebdac9b8a7f6e5",
  location: server.url,
  invoicer: await openWallet(seller.invoiceOnlyUrl),
});

interface Customer {
  readonly id: string;
  readonly object: "customer";
  readonly email: string;
}
const customers = new Map<string, Customer>();
/** Ends after the answer was sent, as a check of another company does. */
const refused: Promise<boolean>[] = [];

const app = new Hono();
app.use(wellKnown(paywall));
app.post(
  "/v1/customers",
  paid(paywall, { price: "5 sat", grants: { uses: 3 } }, async (c) => {
    const { email } = (await c.req.parseBody()) as { email: string };
    const customer: Customer = { id: `cus_${customers.size + 1}`, object: "customer", email };
    customers.set(customer.id, customer);
    const { useId } = c.get("grant");
    // Nobody pays for an address that turns out to be none. The id of the use could be stored.
    if (!email.includes("@"))
      refused.push(
        new Promise<void>((done) => setImmediate(done)).then(() => {
          customers.delete(customer.id);
          return paywall.refund(useId!);
        }),
      );
    return c.json(customer);
  }),
);
app.get(
  "/v1/customers/:id",
  paid(
    paywall,
    {
      price: "50 sat",
      grants: { usesPerDay: 1000, validFor: "30d", endpoints: ["GET /v1/customers/*"] },
    },
    (c) => {
      const customer = customers.get(c.req.param("id")!);
      if (customer !== undefined) return c.json(customer);
      return c.json({ error: { type: "invalid_request_error", code: "resource_missing" } }, 404);
    },
  ),
);
checkRoutes(app);
handle = (request) => app.fetch(request);

const client = new Client({
  wallet: buyer.url,
  limits: { endpoints: [`* ${server.url}/**`], budget: "200 sat", expiresIn: "1h" },
});
const create = async (email: string, key: string): Promise<Customer> => {
  const response = await client.post(`${server.url}/v1/customers`, new URLSearchParams({ email }), {
    headers: { "idempotency-key": key },
  });
  return (await response.json()) as Customer;
};
const first = await create("ada@example.com", "one");
assert.equal((await create("not an address", "two")).id, "cus_2");
assert.deepEqual(await Promise.all(refused), [true]);
// Three uses were bought with one payment. One of them came back, so there are two left.
await create("grace@example.com", "three");
await create("alan@example.com", "four");
assert.equal(customers.size, 3);

for (let request = 0; request < 10; request++) {
  const response = await client.get(`${server.url}/v1/customers/${first.id}`);
  assert.deepEqual(await response.json(), first);
}
assert.equal((await client.get(`${server.url}/v1/customers/cus_99`)).status, 404);

const totals = await paywall.totals({ by: "route" });
assert.deepEqual(
  totals.map(({ route, sales, amount }) => [route, sales, amount.value]),
  [
    ["GET /v1/customers/*", 1, 50_000n],
    ["POST /v1/customers", 1, 5_000n],
  ],
);
for (const { route, sales, amount } of totals)
  console.log(`${route}: ${sales} sale, ${amount.value} msat`);
await client.close();
paywall.close();
await server.close();
await network.stop();
