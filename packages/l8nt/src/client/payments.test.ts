/** What a client is told of payments: each one once. spec/4-purchase.md §7. */
import { describe, expect, test, vi } from "vitest";
import type { PaymentSummary } from "../ports/treasury.ts";
import { town } from "../testing/fixtures/town.ts";
import { patience } from "./retry.ts";

const WAYS = [
  ["handed over", {}],
  ["relayed", { maxUses: 100 }],
] as const;

const KEYED = { headers: { "idempotency-key": "order-42" } };

describe.each(WAYS)("%s", (_, scope) => {
  test("a payment is reported once, however often its order is sent again", async () => {
    const world = await town();
    const shop = await world.openShop();
    const payments: PaymentSummary[] = [];
    const root = world.mint(scope);
    const connect = () =>
      world.connect(root, { onPayment: (payment) => void payments.push(payment) });
    const client = connect();
    for (const one of [client, client, connect()])
      expect(await (await one.get(`${shop.url}/a`, KEYED)).json()).toEqual({ served: 1 });
    expect(payments).toHaveLength(1);
    expect(payments[0]).not.toHaveProperty("earlier");
    await (await client.get(`${shop.url}/a`)).text();
    expect(payments).toHaveLength(2);
    expect(world.paid().count).toBe(2);
  });

  test("the treasury says that a repeated order was paid for earlier", async () => {
    const world = await town();
    const shop = await world.openShop();
    const credential = world.mint(scope).toString();
    const ask = async () => {
      const order = { id: "order-number-1", credential, method: "GET", url: `${shop.url}/a` };
      const response = await fetch(`${world.treasury.location}/v1/purchases`, {
        method: "POST",
        headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
        body: JSON.stringify({ ...order, credential: undefined }),
      });
      const field = response.headers.get("sigil-payment")?.split(" ");
      const text = await response.text();
      return field ?? (JSON.parse(text) as { payment: { earlier?: true } }).payment;
    };
    const [first, again] = [await ask(), await ask()];
    if (Array.isArray(first)) {
      expect(first).toHaveLength(4);
      expect(again).toEqual([...first, "earlier"]);
    } else {
      expect(first).toHaveProperty("amount");
      expect(first).not.toHaveProperty("earlier");
      expect(again).toEqual({ ...first, earlier: true });
    }
  });

  test("a payment whose first report was lost on the way is not said to be earlier", async () => {
    vi.spyOn(patience, "sleep").mockResolvedValue(undefined);
    const world = await town();
    const shop = await world.openShop();
    const payments: PaymentSummary[] = [];
    let lost = 0;
    const client = world.connect(world.mint(scope), {
      onPayment: (payment) => void payments.push(payment),
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (!String(input).endsWith("/v1/purchases") || lost++ > 0) return response;
        await response.text();
        return new Response(null, { status: 504 });
      },
    });
    expect((await client.get(`${shop.url}/a`)).status).toBe(200);
    expect(lost).toBe(2);
    expect(payments).toHaveLength(1);
    expect(payments[0]).not.toHaveProperty("earlier");
    vi.restoreAllMocks();
  });
});
