/** A town on the development network: what its parts do together, and that all of it ends. */
import { describe, expect, test } from "vitest";
import { Paywall } from "../service/index.ts";
import { devTown } from "./index.ts";

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: { code?: string; cause?: { code?: string } }) =>
      error.code ?? error.cause?.code ?? `${error}`,
  );

describe("devTown", () => {
  test("the client pays the shop's price once, out of the town's wallet", async () => {
    await using town = await devTown({ price: "12 sat" });
    const response = await town.client.post(`${town.shop.url}/forecast?city=oslo`, "when?");
    expect(await response.json()).toEqual({ served: 1 });
    expect(town.shop.served).toMatchObject([
      { method: "POST", target: "/forecast?city=oslo", body: "when?" },
    ]);
    expect(town.network.payments()).toMatchObject([
      { payer: "treasury", status: "paid", amountMsat: 12_000n },
    ]);
  });

  test("the handler answers what was paid for, and sees the grant", async () => {
    await using town = await devTown({
      handler: async (request, grant) =>
        new Response(`${request.method} ${await request.text()} ${grant.price.value}`),
    });
    const response = await town.client.post(`${town.shop.url}/`, "hello");
    expect(await response.text()).toBe("POST hello 10000");
  });

  test("a service of your own is the shop, with its own paywall", async () => {
    await using town = await devTown({
      service: (place) => {
        const paywall = new Paywall({ ...place, price: "3 sat" });
        return async (request) => {
          const decision = await paywall.authorize(request);
          return decision.granted ? decision.settle(new Response("sunny")) : decision.response;
        };
      },
    });
    expect((await fetch(town.shop.url)).status).toBe(402);
    expect(await (await town.client.get(town.shop.url)).text()).toBe("sunny");
    expect(town.network.payments()).toMatchObject([{ amountMsat: 3000n }]);
    expect(() => town.shop.paywall).toThrow(TypeError);
  });

  test("advancing the clock ends a credential, and the client sends nothing more", async () => {
    await using town = await devTown({ scope: { expiresIn: "30m" } });
    await town.client.get(town.shop.url);
    const received = town.shop.received.length;
    town.clock.advance("30m");
    expect(await code(town.client.get(town.shop.url))).toBe("ERR_EXPIRED");
    expect(town.shop.received).toHaveLength(received);
  });

  test("a budget holds over all shops", async () => {
    await using town = await devTown({ scope: { budget: "30 sat" } });
    const other = await town.openShop({ price: "15 sat" });
    await town.client.get(town.shop.url);
    await town.client.get(other.url);
    expect(await code(town.client.get(town.shop.url))).toBe("ERR_BUDGET");
  });

  test("answers that are told in advance are given once each", async () => {
    await using town = await devTown();
    const client = town.connect(town.mint());
    town.shop.answers.push("fail", (outgoing) => outgoing.writeHead(418).end());
    expect((await client.get(town.shop.url)).status).toBe(500);
    expect((await client.get(town.shop.url)).status).toBe(418);
    expect((await client.get(town.shop.url)).status).toBe(200);
    town.shop.answers.push("hang-up");
    expect(await code(client.get(town.shop.url))).not.toBe("none");
    expect(town.shop.served).toHaveLength(1);
  });

  test("the treasury signs receipts of what it paid", async () => {
    await using town = await devTown();
    await town.client.get(town.shop.url);
    await expect.poll(async () => (await town.client.receipts()).length).toBe(1);
  });

  test("after close, nothing listens", async () => {
    const town = await devTown();
    await town.close();
    await town.close();
    for (const url of [town.shop.url, town.treasury.location, town.network.url])
      expect(await code(fetch(url))).toBe("ECONNREFUSED");
  });

  test.each([
    [{ prise: "10 sat" }, /no option "prise"; did you mean "price"/],
    [{ balance: "5 usd" }, /balance must be an amount of bitcoin/],
    [{ service: () => () => new Response(), price: "1 sat" }, /takes no other option/],
    [{ treasury: { maxFe: "1 sat" } }, /no option "maxFe"/],
    [{ paywall: { invoicr: {} } }, /no option "invoicr"/],
  ])("%j is refused", async (options, message) => {
    await expect(devTown(options as never)).rejects.toThrow(message);
  });
});
