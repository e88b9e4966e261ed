/**
 * What a purchase costs the service: one invoice and one challenge, which it gives back by paying.
 * spec/3-challenge.md §5, spec/4-purchase.md §1.
 */
import { createServer } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { listening } from "../middleware/fixtures/listening.ts";
import type { PaywallOptions, Terms } from "../service/index.ts";
import { introduce, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";

/** A shop with the limits that a paywall has by default, which counts the invoices of its node. */
async function shopOf(world: Town, terms: Terms = {}, options: Partial<PaywallOptions> = {}) {
  const node = devWallet(world.network.account("shop").invoiceOnlyUrl);
  const made: bigint[] = [];
  const invoicer: PaywallOptions["invoicer"] = {
    createInvoice: (request) => {
      made.push(request.amountMsat);
      return node.createInvoice(request);
    },
  };
  const shop = await world.openShop(terms, { challengesPerMinute: {}, invoicer, ...options });
  return { shop, made };
}

describe("a purchase costs one invoice", () => {
  test.each([
    ["handed over", {}],
    ["relayed", { maxUses: 100 }],
  ])("%s", async (_, scope) => {
    const world = await town();
    const { shop, made } = await shopOf(world);
    const client = world.connect(world.mint(scope));
    for (let at = 1; at <= 3; at++) {
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
      expect([made.length, world.paid().count]).toEqual([at, at]);
    }
  });

  test("embedded", async () => {
    const world = await town();
    const { shop, made } = await shopOf(world);
    const { Client } = await import("../index.ts");
    const client = new Client({
      wallet: devWallet(world.network.account("treasury").url),
      limits: { endpoints: [`GET ${shop.url}/**`], budget: "1000 sat", expiresIn: "1h" },
      clock: world.clock,
    });
    for (let at = 1; at <= 3; at++) {
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
      expect(made).toHaveLength(at);
    }
  });

  test.each([
    ["handed over", {}, 2],
    ["relayed", { maxUses: 100 }, 4],
  ])("%s, after passes that are used up", async (_, scope, passes) => {
    const world = await town();
    const { shop, made } = await shopOf(world, { grants: { uses: 2, endpoints: ["GET /*"] } });
    const client = world.connect(world.mint(scope));
    for (let at = 0; at < 2 * passes; at++)
      expect((await client.get(`${shop.url}/${at}`)).status).toBe(200);
    expect([made.length, world.paid().count]).toEqual([passes, passes]);
  });

  test("at a price by a function that reads every field", async () => {
    const world = await town();
    const price: Terms["price"] = ({ headers }) => ([...headers].length > 0 ? "20 sat" : "10 sat");
    for (const scope of [{}, { maxUses: 100 }]) {
      const { shop, made } = await shopOf(world, { price });
      const client = world.connect(world.mint(scope));
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
      expect(made).toEqual([20_000n]);
    }
  });

  test("with preferences of the caller, which the service sees", async () => {
    const world = await town();
    for (const scope of [{}, { maxUses: 100 }]) {
      const { shop, made } = await shopOf(world);
      const client = world.connect(world.mint(scope));
      const headers = { prefer: "return=minimal, no-invoice" };
      expect((await client.get(`${shop.url}/a`, { headers })).status).toBe(200);
      expect(made).toHaveLength(1);
      for (const { headers: sent } of shop.received)
        expect(sent.prefer).toMatch(/^return=minimal(?:, no-invoice)*$/);
    }
  });
});

test("a client that cannot pay is told the price", async () => {
  const world = await town();
  const { shop } = await shopOf(world);
  await expect(world.connect([] as never).get(`${shop.url}/a`)).rejects.toThrow(
    /payment of 10 sat/,
  );
});

describe("a client that pays is not limited by challenges", () => {
  test.each([
    ["handed over", {}],
    ["relayed", { maxUses: 1000 }],
  ])(
    "45 and 200 purchases in a row in an instant, %s",
    async (_, scope) => {
      const world = await town();
      const { shop, made } = await shopOf(world);
      const client = world.connect(world.mint({ budget: "10000 sat", ...scope }));
      for (let at = 0; at < 200; at++)
        expect((await client.get(`${shop.url}/${at}`)).status).toBe(200);
      expect(made).toHaveLength(200);
    },
    60_000,
  );

  test.each([36, 150])(
    "%i purchases at once by agents of one treasury",
    async (count) => {
      const world = await town({
        maxInFlight: { perNode: 500, perOrigin: 500 },
        sleep: async (seconds) => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          world.clock.advance(`${seconds}s`);
        },
      });
      const { shop, made } = await shopOf(world);
      await introduce(world, shop);
      const roots = Array.from({ length: count }, () => world.mint());
      const statuses = await Promise.all(
        roots.map(async (root, at) => (await world.connect(root).get(`${shop.url}/${at}`)).status),
      );
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect(made).toHaveLength(count + 1);
    },
    60_000,
  );

  test("an agent that pays for each of its orders leaves room for another one", async () => {
    const world = await town();
    const { shop } = await shopOf(world, { price: "1 msat" });
    const [alice, bob] = [world.mint(), world.mint()].map((one) => world.connect(one));
    for (let at = 0; at < 70; at++)
      expect((await alice!.get(`${shop.url}/a${at}`)).status).toBe(200);
    expect((await bob!.get(`${shop.url}/b`)).status).toBe(200);
  }, 60_000);

  test("the treasury waits as long as a service says, for half a minute at most", async () => {
    const waits: number[] = [];
    const world = await town({
      sleep: async (seconds) => {
        waits.push(seconds);
        world.clock.advance(`${seconds}s`);
      },
    });
    for (const [perClient, waited, status] of [
      [3, [20], 200],
      [1, [], 429],
    ] as const) {
      const { shop } = await shopOf(world, {}, { challengesPerMinute: { perClient } });
      for (let at = 0; at < perClient; at++) expect((await fetch(shop.url)).status).toBe(402);
      const client = world.connect(world.mint());
      expect((await client.get(shop.url)).status).toBe(status);
      expect(waits.splice(0)).toEqual(waited);
    }
  });

  test("a 429 of the service's own is the answer", async () => {
    const world = await town({ sleep: () => Promise.reject(new Error("waited")) });
    for (const scope of [{}, { maxUses: 9 }]) {
      const host = await listening(
        createServer((_, outgoing) => void outgoing.writeHead(429, { "retry-after": "1" }).end()),
      );
      onTestFinished(host.close);
      expect((await world.connect(world.mint(scope)).get(host.url)).status).toBe(429);
    }
  });
});
