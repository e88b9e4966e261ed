/**
 * Hand-over or relay, and that no agent ever holds more than its own scope. spec/4-purchase.md §5.
 */
import { describe, expect, test } from "vitest";
import type { Scope } from "../caveat/index.ts";
import { Credential, macaroonOf } from "../l402/index.ts";
import { Macaroon } from "../macaroon/index.ts";
import { ask402, challenger, failure, site, type Town, town } from "../testing/fixtures/town.ts";

const buy = (world: Town, credential: Credential, url: string, more: object = {}) =>
  world.treasury.buy({
    id: crypto.randomUUID(),
    credential: credential.toString(),
    method: "GET",
    url,
    headers: [],
    ...more,
  });

async function handed(world: Town, credential: Credential, url: string): Promise<Credential> {
  const purchase = await buy(world, credential, url);
  if (purchase.kind !== "credential") throw new Error("it was relayed");
  return Credential.parse(purchase.credential);
}

const texts = ({ caveats }: Credential) =>
  caveats.map(({ condition, value }) => `${condition}=${value}`);
const present = (credential: Credential | string, url: string, init: RequestInit = {}) =>
  fetch(url, { ...init, headers: { authorization: `L402 ${credential}` } });

/** Sells everything here for an hour. */
const SHOP = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

describe("what is handed over", () => {
  test("carries the agent's endpoints at this origin and an end, and nothing else of the owner's [case 25]", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const full: Scope & { agent: string } = {
      agent: "head-office",
      purpose: "the owner's secret plans",
      endpoints: [`GET ${shop.url}/a/**`, `GET ${shop.url}/b`, "GET https://secret.example/**"],
      budget: "500 sat",
      maxPrice: "20 sat",
      budgetPerDay: "400 sat",
      maxDepth: 3,
    };
    const child = world.mint().delegate(full, { now: world.clock() });
    const credential = await handed(world, child, `${shop.url}/a/x`);
    expect(texts(credential)).toEqual([
      `endpoints=* ${shop.url}/**`,
      `valid_until=${world.clock() + 3600}`,
      expect.stringMatching(/^agent=handed-over\.[0-9a-f]{16}$/),
      // The root's pattern, with this origin in place of any port.
      `endpoints=* ${shop.url}/**`,
      `endpoints=GET ${shop.url}/a/**;GET ${shop.url}/b`,
      `valid_until=${world.clock() + 300}`,
    ]);
    for (const secret of ["head-office", "plans", "secret.example", "budget", "price"])
      expect(Buffer.from(Macaroon.encode(macaroonOf(credential))).toString("latin1")).not.toContain(
        secret,
      );
  });

  test("ends with the agent's own end if that is within five minutes", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const child = world
      .mint()
      .delegate({ agent: "brief", expiresIn: "90s" }, { now: world.clock() });
    const credential = await handed(world, child, `${shop.url}/a`);
    expect(texts(credential).at(-1)).toBe(`valid_until=${world.clock() + 90}`);
    world.clock.advance("90s");
    expect((await present(credential, `${shop.url}/a`)).status).toBe(402);
  });

  test("does not begin before the agent's own beginning", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const validFrom = new Date((world.clock() - 10) * 1000);
    const child = world.mint().delegate({ agent: "later", validFrom }, { now: world.clock() });
    expect(texts(await handed(world, child, `${shop.url}/a`))).toContain(
      `valid_from=${world.clock() - 10}`,
    );
  });

  test("after five minutes is handed over anew, and not paid again while the full one lasts", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const root = world.mint({ expiresIn: "2h" });
    const first = await handed(world, root, `${shop.url}/a`);
    world.clock.advance("300s");
    expect((await present(first, `${shop.url}/a`)).status).toBe(402);
    expect(
      (await present(await handed(world, root, `${shop.url}/a`), `${shop.url}/a`)).status,
    ).toBe(200);
    expect(world.paid().count).toBe(1);
    world.clock.advance("3300s");
    expect(
      (await present(await handed(world, root, `${shop.url}/a`), `${shop.url}/a`)).status,
    ).toBe(200);
    expect(world.paid().count).toBe(2);
  });

  test("allows what the agent may do, and nothing more: paths, methods, other ports [case 25]", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const child = world
      .mint()
      .delegate({ agent: "reader", endpoints: [`GET ${shop.url}/docs/*`] }, { now: world.clock() });
    const credential = await handed(world, child, `${shop.url}/docs/a`);
    expect((await present(credential, `${shop.url}/docs/b`)).status).toBe(200);
    for (const [method, path] of [
      ["GET", "/admin"],
      ["GET", "/docs/a/b"],
      ["POST", "/docs/a"],
      ["DELETE", "/docs/a"],
    ] as const)
      expect((await present(credential, shop.url + path, { method })).status).toBe(403);
    for (const { target } of shop.served) expect(target).toBe("/docs/b");
  });
});

describe("it is relayed instead", () => {
  const relays = async (world: Town, url: string, scope: Scope) => {
    const purchase = await buy(world, world.mint(scope), url);
    return purchase.kind === "response";
  };

  test.each<[string, Scope]>([
    ["uses", { maxUses: 5 }],
    ["uses a minute", { maxUsesPerMinute: 5 }],
    ["uses an hour", { maxUsesPerHour: 5 }],
    ["uses a day", { maxUsesPerDay: 5 }],
  ])(
    "where the scope counts %s: one service cannot count what happens at another",
    async (_what, scope) => {
      const world = await town();
      const shop = await world.openShop(SHOP);
      expect(await relays(world, `${shop.url}/a`, scope)).toBe(true);
    },
  );

  test.each([
    ["says nothing", undefined],
    ["enforces no endpoints", ["valid_until"]],
    ["enforces no end", ["endpoints", "agent"]],
    ["enforces nothing", []],
  ])("where the service %s", async (_what, enforced) => {
    const world = await town();
    const shop = await site(async (request, response, url) => {
      if (request.headers.authorization === undefined)
        ask402(response, await challenger(world, url).demand({ enforced }));
      else response.end("served");
    });
    expect(await relays(world, `${shop.url}/a`, {})).toBe(true);
  });

  test("if the scope has a beginning and the service does not know valid_from", async () => {
    const world = await town();
    const shop = await site(async (request, response, url) => {
      if (request.headers.authorization === undefined)
        ask402(
          response,
          await challenger(world, url).demand({ enforced: ["endpoints", "valid_until"] }),
        );
      else response.end("served");
    });
    expect(await relays(world, `${shop.url}/a`, { validFrom: new Date(0) })).toBe(true);
    expect(await relays(world, `${shop.url}/a`, {})).toBe(false);
  });

  test("if the narrowed credential would be too large to send: the request is still paid for and served", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    // Short patterns, which grow when the origin is written out.
    const endpoints = Array.from({ length: 34 }, (_, at) => `GET http://127.0.0.1:*/${at}`);
    const child = [0, 1, 2, 3, 4, 5].reduce(
      (parent, depth) => parent.delegate({ agent: `a${depth}`, endpoints }, { now: world.clock() }),
      world.mint(),
    );
    const purchase = await buy(world, child, `${shop.url}/7`);
    expect(purchase.kind === "response" && purchase.response.status).toBe(200);
    expect(world.paid().count).toBe(1);
    expect(await buy(world, child, `${shop.url}/7`)).toMatchObject({ kind: "response" });
    expect(world.paid().count).toBe(1);
  });

  test("and each request counts, whether it had to be paid for or not", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const root = world.mint({ maxUses: 3 });
    for (let use = 0; use < 3; use++)
      expect(await buy(world, root, `${shop.url}/a`)).toMatchObject({ kind: "response" });
    const error = await failure(buy(world, root, `${shop.url}/a`));
    expect(error).toMatchObject({ name: "BudgetError", code: "ERR_USES" });
    expect(shop.served).toHaveLength(3);
    expect(world.paid().count).toBe(1);
  });

  test("200 at once against three uses: three are served [case 43]", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const root = world.mint({ maxUses: 3 });
    const all = await Promise.allSettled(
      Array.from({ length: 200 }, () => buy(world, root, `${shop.url}/a`)),
    );
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    expect(shop.served).toHaveLength(3);
  });

  test("a use that was not served is given back", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    shop.answers.push("fail");
    const root = world.mint({ maxUses: 1 });
    const first = await buy(world, root, `${shop.url}/a`);
    expect(first.kind === "response" && first.response.status).toBe(500);
    const second = await buy(world, root, `${shop.url}/a`);
    expect(second.kind === "response" && second.response.status).toBe(200);
    expect(await failure(buy(world, root, `${shop.url}/a`))).toMatchObject({ code: "ERR_USES" });
  });

  test("a use whose answer never came is not: it may have been served [case 89]", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    // More often than it is asked: a reset of a kept connection costs one more request.
    shop.answers.push(...Array<"hang-up">(8).fill("hang-up"));
    const root = world.mint({ maxUses: 1 });
    expect(await failure(buy(world, root, `${shop.url}/a`))).toMatchObject({
      code: "ERR_PAID_NOT_DELIVERED",
    });
    expect(await failure(buy(world, root, `${shop.url}/a`))).toMatchObject({ code: "ERR_USES" });
  });
});

describe("the nodes that a purchase serves", () => {
  test("the node that paid and those below it, never a sibling, never the one above", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const root = world.mint();
    const at = { now: world.clock() };
    const payer = root.delegate({ agent: "payer" }, at);
    const below = payer.delegate({ agent: "below" }, at);
    const sibling = root.delegate({ agent: "sibling" }, at);
    await buy(world, payer, `${shop.url}/a`);
    expect((await buy(world, below, `${shop.url}/a`)).payment).toBeUndefined();
    expect(world.paid().count).toBe(1);
    expect((await buy(world, sibling, `${shop.url}/a`)).payment).toBeDefined();
    expect(world.paid().count).toBe(2);
    expect((await buy(world, root, `${shop.url}/a`)).payment).toBeDefined();
    expect(world.paid().count).toBe(3);
  });

  test("a second node with the same agent name is a sibling", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const root = world.mint();
    for (let twin = 0; twin < 2; twin++)
      await buy(world, root.delegate({ agent: "twin" }, { now: world.clock() }), `${shop.url}/a`);
    expect(world.paid().count).toBe(2);
  });

  test("a further harmless caveat opens no new node, so the purchase serves it", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const root = world.mint();
    await buy(world, root, `${shop.url}/a`);
    expect(
      (await buy(world, root.append(["purpose=another"]), `${shop.url}/a`)).payment,
    ).toBeUndefined();
    expect(world.paid().count).toBe(1);
  });
});

describe("an agent's claim about a credential that it was handed", () => {
  const refused = (credential: Credential, delivered: boolean) => ({
    refused: { paymentHash: credential.paymentHash, mayBeUsed: delivered },
  });

  test("never sends what was bought at one origin to another [case 25]", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const accomplice = await site(async (_request, response) => response.end("thanks"));
    const root = world.mint();
    const credential = await handed(world, root, `${shop.url}/a`);
    for (const delivered of [false, true])
      await buy(world, root, `${accomplice.url}/a`, refused(credential, delivered)).catch(() => {});
    for (const { headers, text } of accomplice.received) {
      expect(headers.authorization).toBeUndefined();
      expect(text).not.toContain("L402");
    }
  });

  test("never sends it to another origin, even if the credential itself names no endpoint [case 25]", async () => {
    const world = await town();
    const scope = { services: ["weather"], expiresIn: "1h" } as const;
    const shop = await site(async (request, response, url) => {
      if (request.headers.authorization === undefined)
        ask402(response, await challenger(world, url).demand({ scope, enforced: undefined }));
      else response.end("served");
    });
    const accomplice = await site((_request, response) => response.end("thanks"));
    const root = world.mint();
    const { payment } = await buy(world, root, `${shop.url}/a`);
    for (const delivered of [false, true]) {
      const lie = { refused: { paymentHash: payment!.paymentHash, mayBeUsed: delivered } };
      await buy(world, root, `${accomplice.url}/a`, lie).catch(() => {});
    }
    for (const { headers } of accomplice.received) expect(headers.authorization).toBeUndefined();
  });

  test("gives it no path, and no use, of a credential that its own scope does not cover [case 25]", async () => {
    const world = await town();
    const shop = await world.openShop({
      price: "10 sat",
      grants: { validFor: "1h", endpoints: ["GET /a"] },
    });
    const root = world.mint();
    const credential = await handed(world, root, `${shop.url}/a`);
    const otherwise = { ...refused(credential, false), method: "POST" };
    expect(await failure(buy(world, root, `${shop.url}/a`, otherwise))).toMatchObject({
      code: "ERR_PAID_NOT_DELIVERED",
      spent: "no",
    });
    expect(shop.received.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    expect(world.paid().count).toBe(1);
  });

  test("uses up nothing that an ancestor paid for, because the treasury asks the service itself", async () => {
    const world = await town();
    const shop = await world.openShop({
      price: "10 sat",
      grants: { uses: 10, endpoints: ["* /**"] },
    });
    const root = world.mint();
    const first = await handed(world, root, `${shop.url}/a`);
    const child = root.delegate({ agent: "liar" }, { now: world.clock() });
    await buy(world, child, `${shop.url}/b`, refused(first, true)).catch(() => {});
    expect((await buy(world, root, `${shop.url}/c`)).payment).toBeUndefined();
    expect(world.paid().count).toBe(1);
  });

  test("closes an honest service to nobody but the agent that lies", async () => {
    const world = await town();
    const shop = await world.openShop();
    const at = { now: world.clock() };
    const [liar, honest] = ["liar", "honest"].map((agent) => world.mint().delegate({ agent }, at));
    const credential = await handed(world, liar!, `${shop.url}/a`);
    expect((await present(credential, `${shop.url}/a`)).status).toBe(200);
    const lie = buy(world, liar!, `${shop.url}/a`, refused(credential, false));
    expect(await failure(lie)).toMatchObject({ code: "ERR_PAID_NOT_DELIVERED" });
    expect(await failure(buy(world, liar!, `${shop.url}/a`))).toMatchObject({
      code: "ERR_ORIGIN_QUARANTINED",
    });
    expect(await buy(world, honest!, `${shop.url}/a`)).toMatchObject({ kind: "credential" });
  });

  test("about another agent's payment is ignored", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const root = world.mint();
    const at = { now: world.clock() };
    const [mine, theirs] = ["mine", "theirs"].map((agent) => root.delegate({ agent }, at));
    const credential = await handed(world, mine!, `${shop.url}/a`);
    await buy(world, theirs!, `${shop.url}/a`, refused(credential, true));
    expect((await buy(world, mine!, `${shop.url}/a`)).payment).toBeUndefined();
    expect(world.paid().count).toBe(2);
  });
});

describe("what a relayed request shows the service", () => {
  test("is good for that request alone, even where it is echoed back to the agent [case 25]", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    // As a proxy before the paywall may: a handler does not see the credential.
    shop.answers.push((response) => response.end(shop.received.at(-1)?.headers.authorization));
    const child = world
      .mint()
      .delegate(
        { agent: "a", endpoints: [`GET ${shop.url}/echo`], maxUses: 3 },
        { now: world.clock() },
      );
    const purchase = await buy(world, child, `${shop.url}/echo`);
    if (purchase.kind !== "response") throw new Error("it was handed over");
    const seen = (await purchase.response.text()).slice("L402 ".length);
    for (const [method, path] of [
      ["GET", "/admin"],
      ["POST", "/echo"],
      ["GET", "/echo/x"],
    ] as const)
      expect((await present(seen, shop.url + path, { method })).status).toBe(402);
    world.clock.advance("60s");
    expect((await present(seen, `${shop.url}/echo`)).status).toBe(402);
    expect(shop.served).toEqual([]);
  });

  test("is the full credential only if the service could not judge a narrower one", async () => {
    const world = await town();
    const shop = await site(async (request, response, url) => {
      if (request.headers.authorization === undefined)
        ask402(response, await challenger(world, url).demand({ enforced: undefined }));
      else response.end(request.headers.authorization);
    });
    const purchase = await buy(world, world.mint(), `${shop.url}/x`);
    const text = purchase.kind === "response" ? await purchase.response.text() : "";
    expect(texts(Credential.parse(text.slice(5)))).toHaveLength(2);
  });
});
