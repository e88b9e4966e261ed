/**
 * What an agent has used up takes nothing from it, nor from others; and what a service says of the
 * use is no proof against it. spec/4-purchase.md §4.5.
 */
import { describe, expect, test } from "vitest";
import { Challenge, type Credential } from "../l402/index.ts";
import type { Payer } from "../ports/wallet.ts";
import type { Grants } from "../service/index.ts";
import { ask402, challenger, failure, site, type Town, town } from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";

const RELAYED = { maxUses: 1000 };
const NOT_DELIVERED = { code: "ERR_PAID_NOT_DELIVERED" };
const CLOSED = { code: "ERR_ORIGIN_QUARANTINED", spent: "no" };

const child = (world: Town, of: Credential, agent: string, scope: object = {}) =>
  of.delegate({ agent, ...scope }, { now: world.clock() });

const buy = (world: Town, credential: Credential, url: string, more: object = {}) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
    ...more,
  });

describe("an agent whose requests differ", () => {
  const many = Array.from({ length: 14 }, (_, at) => at);

  test.each<[string, Grants, object]>([
    ["three uses", { uses: 3 }, {}],
    ["three uses, relayed", { uses: 3 }, RELAYED],
    ["a prepaid budget", { budget: "30 sat" }, {}],
    ["a prepaid budget, relayed", { budget: "30 sat" }, RELAYED],
  ])(
    "is served each one where %s are sold, and pays for the next ones only",
    async (_what, grants, scope) => {
      const world = await town();
      const shop = await world.openShop({ price: "10 sat", grants });
      const client = world.connect(world.mint(scope));
      for (const at of many) expect((await client.get(`${shop.url}/s?q=${at}`)).status).toBe(200);
      expect(shop.served).toHaveLength(14);
      expect(world.paid().count).toBe(5);
      expect(world.alarms).toEqual([]);
    },
  );

  test("buys each price level although cheaper passes are there", async () => {
    const world = await town();
    const prices: Record<string, `${number} sat`> = {
      small: "5 sat",
      medium: "10 sat",
      big: "20 sat",
    };
    const shop = await world.openShop({
      price: ({ url }) => prices[url.searchParams.get("size")!]!,
      grants: { validFor: "10m" },
    });
    const client = world.connect(world.mint());
    for (const size of ["small", "medium", "big", "big", "small"])
      expect((await client.get(`${shop.url}/s?size=${size}`)).status).toBe(200);
    expect(world.paid().count).toBe(3);
  });

  test("is served all that it asks for at once, and no order pays for another one", async () => {
    const world = await town();
    const shop = await world.openShop({ price: "10 sat", grants: { uses: 2 } });
    const client = world.connect(world.mint());
    const asked = many.map((at) => client.get(`${shop.url}/s?q=${at}`));
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(many.map(() => 200));
    expect(world.paid().count).toBe(7);
  });

  test("leaves an ancestor's used-up passes after one try each, and buys for itself", async () => {
    const world = await town();
    const shop = await world.openShop({
      price: "10 sat",
      grants: { uses: 2, endpoints: ["GET /*"] },
    });
    const root = world.mint();
    const parent = world.connect(root);
    for (const at of ["a", "b", "c", "d"]) await (await parent.get(`${shop.url}/${at}`)).text();
    expect(world.paid().count).toBe(2);
    const client = world.connect(child(world, root, "child"));
    for (const at of [1, 2, 3])
      expect((await client.get(`${shop.url}/c?q=${at}`)).status).toBe(200);
    expect(world.paid().count).toBe(4);
  });
});

test("what is used up is asked about once, and the service has room for other agents", async () => {
  const world = await town();
  // The limits that a paywall has by default.
  const shop = await world.openShop(
    { price: "10 sat", grants: { uses: 3, validFor: "12h" } },
    { challengesPerMinute: {} },
  );
  const busy = world.connect(world.mint({ ...RELAYED, expiresIn: "12h" }));
  const other = world.connect(world.mint({ expiresIn: "12h" }));
  for (let at = 0; at < 60; at++) {
    expect((await busy.get(`${shop.url}/s?q=${at}`)).status).toBe(200);
    world.clock.advance("10s");
  }
  const before = shop.received.length;
  expect((await busy.get(`${shop.url}/s?q=last`)).status).toBe(200);
  expect(shop.received.length - before).toBeLessThanOrEqual(4);
  for (const at of ["a", "b", "c"]) expect((await other.get(`${shop.url}/${at}`)).status).toBe(200);
});

test("a price that a service names to what was presented counts as one that nobody pays", async () => {
  const world = await town();
  const shop = await site(async (request, response, url) => {
    const isSold = request.headers.authorization !== undefined && request.target === "/a";
    if (isSold) return response.end("served");
    return ask402(response, await challenger(world, url).demand());
  });
  const agent = child(world, world.mint(), "agent", { maxUses: 1000, budget: "15 sat" });
  await buy(world, agent, `${shop.url}/a`);
  const before = shop.received.length;
  const got = new Set<unknown>();
  for (let at = 0; at < 20; at++)
    got.add((await failure(buy(world, agent, `${shop.url}/${at}`))).code);
  expect(got).toEqual(new Set(["ERR_BUDGET", "ERR_RATE_LIMITED"]));
  // The share of a node at depth 1, and what the last order presents twice before it is told.
  const prices = shop.received.length - before;
  expect(prices).toBeGreaterThan(10);
  expect(prices).toBeLessThanOrEqual(16 + 2);
});

describe("a service that says that the use is gone, of which no answer arrived", () => {
  /** It is a proxy that sent the request twice, or a service that lies: they look the same. */
  const counting = (world: Town, code: string, caveats: object = { maxUses: 1 }) =>
    site(async (request, response, url) => {
      const scope = { endpoints: [`GET ${url}/*`], expiresIn: "1h", ...caveats } as const;
      const challenge = await challenger(world, url).demand({ scope });
      if (request.headers.authorization === undefined) return ask402(response, challenge);
      response.sendDate = false;
      response.writeHead(402, {
        "www-authenticate": [...Challenge.format(challenge)],
        "content-type": "application/problem+json",
      });
      return response.end(
        JSON.stringify({
          code,
          detail: "told",
          refusals: [{ code, condition: "c", have: "h", need: "n" }],
        }),
      );
    });

  test.each([
    ["ERR_USES", { maxUses: 1 }],
    ["ERR_BUDGET", { budget: "10 sat" }],
    ["ERR_EXPIRED", { maxUses: 1, expiresIn: "5m" }],
    ["ERR_REVOKED", { maxUses: 1 }],
  ])("by %s is accused by nobody, and closed to those alone who met it", async (code, caveats) => {
    const world = await town();
    const shop = await counting(world, code, caveats);
    const root = world.mint();
    for (const name of ["one", "other"]) {
      const node = child(world, root, name, RELAYED);
      const error = await failure(buy(world, node, `${shop.url}/a`));
      expect(error).toMatchObject({ ...NOT_DELIVERED, spent: "yes" });
      expect(error.message).toContain(code);
      expect(await failure(buy(world, node, `${shop.url}/b`))).toMatchObject(CLOSED);
    }
    expect(world.paid().count).toBe(2);
    expect(world.alarms.filter((what) => what.includes("did not deliver"))).toEqual([]);
    expect(world.alarms).toHaveLength(2);
    // Not closed to the others, who meet it themselves.
    const third = child(world, root, "third", RELAYED);
    expect(await failure(buy(world, third, `${shop.url}/a`))).toMatchObject(NOT_DELIVERED);
  });

  test.each([
    ["ERR_USES", { expiresIn: "1h" }],
    ["ERR_EXPIRED", { maxUses: 1, expiresIn: "1h" }],
    ["ERR_ENDPOINT", { maxUses: 1 }],
  ])("by %s, which its own credential contradicts, is accused", async (code, caveats) => {
    const world = await town();
    const shop = await counting(world, code, { maxUses: undefined, ...caveats });
    const root = world.mint();
    for (const name of ["one", "other"])
      await failure(buy(world, child(world, root, name, RELAYED), `${shop.url}/a`));
    expect(world.alarms).toHaveLength(2);
    for (const what of world.alarms) expect(what).toContain("did not deliver");
    const third = child(world, root, "third", RELAYED);
    expect(await failure(buy(world, third, `${shop.url}/a`))).toMatchObject(CLOSED);
  });

  test.each([
    ["one of them alone does not close it to its siblings", ["one", "one", "one"], NOT_DELIVERED],
    ["two of them close it to their siblings", ["one", "one", "two"], CLOSED],
  ] as const)("%s", async (_what, doubting, expected) => {
    const world = await town();
    const shop = await counting(world, "ERR_USES");
    const parent = child(world, world.mint(), "parent");
    const siblings = { one: child(world, parent, "one"), two: child(world, parent, "two") };
    for (const [at, name] of doubting.entries()) {
      const agent = child(world, siblings[name], `of-${at}`, RELAYED);
      await failure(buy(world, agent, `${shop.url}/a`));
    }
    const sibling = child(world, parent, "sibling", RELAYED);
    expect(await failure(buy(world, sibling, `${shop.url}/a`))).toMatchObject(expected);
  });

  test("is paid by one family three times in a day, however many nodes it makes", async () => {
    const world = await town();
    const shop = await counting(world, "ERR_USES");
    const root = world.mint();
    const agent = child(world, root, "agent");
    for (let at = 0; at < 8; at++)
      await failure(buy(world, child(world, agent, `of-${at}`, RELAYED), `${shop.url}/a`));
    expect(world.paid().count).toBe(3);
    expect(await failure(buy(world, agent, `${shop.url}/a`))).toMatchObject(CLOSED);
    // The third time closes it for four times as long.
    world.clock.advance("2390s");
    expect(await failure(buy(world, agent, `${shop.url}/a`))).toMatchObject(CLOSED);
    expect(world.alarms.at(-1)).toContain("doubt 3");
    // Another family is not closed out by that.
    const stranger = child(world, root, "stranger", RELAYED);
    expect(await failure(buy(world, stranger, `${shop.url}/a`))).toMatchObject(NOT_DELIVERED);
  });
});

describe("a prepaid service whose price rises while its invoice is paid", () => {
  const rising = async () => {
    let real!: Payer;
    let price: `${number} sat` = "100 sat";
    const wallet: Payer = {
      network: async () => "bcrt",
      find: (hash) => real.find(hash),
      async pay(request) {
        price = "110 sat";
        return real.pay(request);
      },
    };
    const world = await town({ wallet });
    real = devWallet(world.network.account("treasury").url);
    const grants = { budget: "100 sat", endpoints: ["GET /*"] } as const;
    const shop = await world.openShop({ price: () => price, grants });
    return { world, shop, reset: () => (price = "100 sat") };
  };

  test.each([
    ["relayed", RELAYED],
    ["handed over", {}],
  ])("serves the very request that was priced for what was sold (%s)", async (_how, scope) => {
    const { world, shop, reset } = await rising();
    const root = world.mint();
    for (const name of ["one", "other", "third"]) {
      reset();
      const client = world.connect(child(world, root, name, scope));
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
    }
    expect(world.paid().count).toBe(3);
    expect(world.alarms.filter((what) => what.includes(shop.url))).toEqual([]);
  });

  test("serves no other request for less than its price, nor the same one twice", async () => {
    const { world, shop } = await rising();
    const client = world.connect(world.mint());
    for (const path of ["a", "a", "b"])
      expect((await client.get(`${shop.url}/${path}`)).status).toBe(200);
    expect(world.paid().count).toBe(3);
  });
});

describe("a payment that takes longer than what it buys is good for", () => {
  const slowly = async (validFor: "30s" | "90s") => {
    let real!: Payer;
    let take = () => {};
    const wallet: Payer = {
      network: async () => "bcrt",
      find: (hash) => real.find(hash),
      async pay(request) {
        const outcome = await real.pay(request);
        take();
        return outcome;
      },
    };
    const world = await town({ wallet });
    real = devWallet(world.network.account("treasury").url);
    take = () => world.clock.advance("100s");
    const shop = await world.openShop({ price: "10 sat", grants: { validFor } });
    return { world, shop, root: world.mint() };
  };

  test.each([
    ["relayed", RELAYED],
    ["handed over", {}],
  ])("accuses nobody, and says so (%s)", async (_how, scope) => {
    const { world, shop, root } = await slowly("90s");
    for (const name of ["one", "other"]) {
      const error = await failure(buy(world, child(world, root, name, scope), `${shop.url}/a`));
      expect(error).toMatchObject({ ...NOT_DELIVERED, spent: "yes" });
      expect(error.message).toContain("took so long");
    }
    expect(world.alarms.filter((what) => what.includes(shop.url))).toEqual([]);
    const third = child(world, root, "third", scope);
    expect(await failure(buy(world, third, `${shop.url}/a`))).toMatchObject(NOT_DELIVERED);
  });

  test("is not made if the payment's own time-out is longer", async () => {
    const { world, shop, root } = await slowly("30s");
    const error = await failure(buy(world, root, `${shop.url}/a`));
    expect(error).toMatchObject({ code: "ERR_CHALLENGE_SCOPE" });
    expect(error.message).toContain("ends in 30 s");
    expect(error.message).toContain("paymentTimeout");
    expect(world.paid().count).toBe(0);
  });
});

test("an order that only used an earlier purchase, at a service that is dead, spent nothing", async () => {
  const world = await town();
  let isDead = false;
  const shop = await site(async (request, response, url) => {
    if (isDead) return response.destroy();
    if (request.headers.authorization !== undefined) return response.end("served");
    return ask402(response, await challenger(world, url).demand());
  });
  const root = world.mint(RELAYED);
  await buy(world, root, `${shop.url}/a`);
  isDead = true;
  expect(await failure(buy(world, root, `${shop.url}/b`))).toMatchObject({
    ...NOT_DELIVERED,
    spent: "no",
  });
  expect(world.paid().count).toBe(1);
});
