/** After paying: what a service may do with its money in hand, and that it never gets any twice. */

import { describe, expect, test } from "vitest";
import { msat } from "../amount.ts";
import { AdapterError } from "../errors.ts";
import { type Challenge, Credential } from "../l402/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import {
  ask402,
  challenger,
  failure,
  gate,
  type Shop,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";

const withCredential = (received: Shop["received"]) =>
  received.filter(({ headers }) => headers.authorization !== undefined);

/** A scope with use counts is always relayed, so the treasury itself sees what the service does. */
const RELAYED = { maxUses: 1000 };

const buying =
  (world: Town, url: string, credential: Credential, more: object = {}) =>
  () =>
    world.treasury.buy({
      id: crypto.randomUUID(),
      credential: credential.toString(),
      method: "GET",
      url,
      headers: [],
      ...more,
    });

const NOT_DELIVERED = { name: "PaymentError", code: "ERR_PAID_NOT_DELIVERED", spent: "yes" };

describe("a service that asks again for what was paid [case 62]", () => {
  async function greedy(world: Town) {
    return site(async (_request, response, url) => {
      ask402(response, await challenger(world, url).demand());
    });
  }

  test("is paid once, recorded as not delivered, reported, and not paid for now", async () => {
    const world = await town();
    const shop = await greedy(world);
    const root = world.mint(RELAYED);
    expect(await failure(buying(world, `${shop.url}/a`, root)())).toMatchObject(NOT_DELIVERED);
    expect(world.paid().count).toBe(1);
    expect(await world.spent(root)).toBe(world.paid().msat);
    expect(world.alarms).toEqual([expect.stringContaining(shop.url)]);
    const closed = { code: "ERR_ORIGIN_QUARANTINED", spent: "no" };
    for (const path of ["/a", "/b"])
      expect(await failure(buying(world, shop.url + path, root)())).toMatchObject(closed);
    // Nor by anyone else of the family.
    const child = root.delegate({ agent: "child" }, { now: world.clock() });
    expect(await failure(buying(world, `${shop.url}/c`, child)())).toMatchObject(closed);
    expect(world.paid().count).toBe(1);
    world.clock.advance("601s");
    expect(await failure(buying(world, `${shop.url}/a`, root)())).toMatchObject(NOT_DELIVERED);
    expect(world.paid().count).toBe(2);
  });

  test("its credential is not tried again, even after the quarantine [case 62]", async () => {
    const store = new MemoryStore();
    const world = await town({ store, quarantine: "1s" });
    const shop = await greedy(world);
    const buy = buying(world, shop.url, world.mint(RELAYED));
    for (let time = 0; time < 2; time++) {
      expect(await failure(buy())).toMatchObject(NOT_DELIVERED);
      world.clock.advance("2s");
    }
    for (const { paymentHash } of world.network.payments())
      expect(await store.payment(paymentHash)).toMatchObject({
        status: "undelivered",
        delivered: false,
      });
    // Each one twice: the second time with a fresh key, and with nothing that the treasury added.
    expect(withCredential(shop.received)).toHaveLength(4);
  });

  test("a hundred requests at once pay it once", async () => {
    const world = await town();
    const shop = await greedy(world);
    const root = world.mint(RELAYED);
    const all = await Promise.all(
      Array.from({ length: 100 }, () => failure(buying(world, shop.url, root)())),
    );
    expect(world.paid().count).toBe(1);
    expect(all.filter(({ code }) => code === "ERR_PAID_NOT_DELIVERED")).toHaveLength(1);
    // A share of them asks the service once more, and the others are refused before.
    const others = new Set(["ERR_ORIGIN_QUARANTINED", "ERR_RATE_LIMITED"]);
    expect(all.filter(({ code }) => others.has(String(code)))).toHaveLength(99);
    expect(await world.spent(root)).toBe(world.paid().msat);
  });

  test("other services are paid and used as before", async () => {
    const world = await town();
    const root = world.mint(RELAYED);
    await failure(buying(world, (await greedy(world)).url, root)());
    const honest = await world.openShop();
    expect(await buying(world, `${honest.url}/x`, root)()).toMatchObject({ kind: "response" });
  });
});

describe("a service that takes payment and fails [case 72]", () => {
  const failing = async (world: Town, grants: object | undefined, answers: Shop["answers"]) => {
    const shop = await world.openShop({ price: "10 sat", ...(grants && { grants }) });
    shop.answers.push(...answers);
    return shop;
  };

  test.each([
    ["a single use", undefined],
    ["many uses", { uses: 10 }],
  ])("500: passed on, and the next request uses what was paid for (%s)", async (_what, grants) => {
    const world = await town();
    const shop = await failing(world, grants, ["fail"]);
    const root = world.mint(RELAYED);
    const buy = buying(world, `${shop.url}/a`, root);
    const first = await buy();
    expect(first.kind === "response" && first.response.status).toBe(500);
    expect(first.payment).toMatchObject({ amount: msat(10_000n) });
    const second = await buy();
    expect(second.kind === "response" && second.response.status).toBe(200);
    expect(second.payment).toBeUndefined();
    expect(world.paid().count).toBe(1);
  });

  test("an answer reaches the agent even if the store fails when the delivery is written", async () => {
    const store = new MemoryStore();
    const mark = store.mark.bind(store);
    store.mark = async () => {
      store.mark = mark;
      throw new AdapterError("ERR_STORE", "the disk is full");
    };
    const world = await town({ store });
    const shop = await failing(world, undefined, []);
    const bought = await buying(world, `${shop.url}/a`, world.mint(RELAYED))();
    expect(bought.kind === "response" && bought.response.status).toBe(200);
    expect(shop.served).toHaveLength(1);
    expect(world.alarms).toEqual([]);
  });

  test("garbage instead of HTTP: asked again, then kept", async () => {
    const world = await town();
    const garbage: Shop["answers"][number] = (response) => {
      response.socket?.end("HTTP/9.9 nonsense\r\n\r\n");
    };
    const shop = await failing(world, { validFor: "1h" }, [garbage, garbage, garbage]);
    const root = world.mint(RELAYED);
    const buy = buying(world, `${shop.url}/a`, root);
    expect(await failure(buy())).toMatchObject(NOT_DELIVERED);
    expect(shop.answers).toEqual([]);
    const second = await buy();
    expect(second.kind === "response" && second.response.status).toBe(200);
    expect(second.payment).toBeUndefined();
    expect(world.paid().count).toBe(1);
    expect(await world.spent(root)).toBe(world.paid().msat);
  });

  test("a closed socket: asked again with the same credential, and delivered", async () => {
    const world = await town();
    const shop = await failing(world, { validFor: "1h" }, ["hang-up", "hang-up"]);
    const root = world.mint(RELAYED);
    const purchase = await buying(world, `${shop.url}/a`, root)();
    expect(purchase.kind === "response" && purchase.response.status).toBe(200);
    expect(withCredential(shop.received)).toHaveLength(3);
    expect(
      new Set(withCredential(shop.received).map(({ headers }) => headers.authorization)).size,
    ).toBe(1);
    expect(world.paid().count).toBe(1);
  });

  test("an invalid HTTP status is a failure", async () => {
    const world = await town();
    const odd: Shop["answers"][number] = (response) => {
      response.socket?.end("HTTP/1.1 999 Request denied\r\ncontent-length: 0\r\n\r\n");
    };
    const shop = await failing(world, { validFor: "1h" }, [odd, odd, odd]);
    const root = world.mint(RELAYED);
    const buy = buying(world, `${shop.url}/a`, root);
    expect(await failure(buy())).toMatchObject(NOT_DELIVERED);
    expect(await buy()).toMatchObject({ kind: "response" });
    expect(world.paid().count).toBe(1);
  });

  test("401 and 403 are answers: passed on, and nothing is paid for them [case 81]", async () => {
    const world = await town();
    for (const status of [401, 403]) {
      const shop = await site(async (request, response, url) => {
        if (request.headers.authorization === undefined)
          ask402(response, await challenger(world, url).demand());
        else response.writeHead(status).end();
      });
      const root = world.mint(RELAYED);
      const before = world.paid().count;
      for (let asked = 0; asked < 3; asked++) {
        const purchase = await buying(world, `${shop.url}/a`, root)();
        expect(purchase.kind === "response" && purchase.response.status).toBe(status);
      }
      expect(world.paid().count).toBe(before + 1);
    }
  });

  test.each([
    ["relayed", RELAYED],
    ["handed over", {}],
  ])(
    "a single use whose handler answers 401 is paid for once, however often it is ordered: %s",
    async (_how, scope) => {
      const world = await town();
      let asked = 0;
      const shop = await site(async (request, response, url) => {
        const scope = { endpoints: [`GET ${url}/**`], maxUses: 1, expiresIn: "1h" } as const;
        if (request.headers.authorization === undefined)
          return ask402(response, await challenger(world, url).demand({ scope }));
        if (++asked <= 4) response.writeHead(401).end("log in first");
        else response.end("served");
      });
      const client = world.connect(world.mint(scope));
      const statuses: number[] = [];
      for (let order = 0; order < 5; order++)
        statuses.push((await client.get(`${shop.url}/a`)).status);
      expect(statuses).toEqual([401, 401, 401, 401, 200]);
      expect(world.paid().count).toBe(1);
      expect(world.alarms).toEqual([]);
    },
  );

  test("what a service answers before anything is paid costs nothing: 401 with a challenge, 200, 404, 500 [case 81]", async () => {
    const world = await town();
    for (const status of [200, 401, 404, 500]) {
      const shop = await site(async (_request, response, url) => {
        const { demand } = challenger(world, url);
        const { invoice } = await demand();
        response
          .writeHead(status, { "www-authenticate": `L402 macaroon="AAAA", invoice="${invoice}"` })
          .end();
      });
      const purchase = await buying(world, shop.url, world.mint())();
      expect(purchase.kind === "response" && purchase.response.status).toBe(status);
    }
    expect(world.network.payments()).toEqual([]);
  });
});

describe("many at once [case 80]", () => {
  test("one intent, many uses: one payment, and all are served", async () => {
    const world = await town();
    const shop = await world.openShop({ price: "10 sat", grants: { uses: 50 } });
    const root = world.mint(RELAYED);
    const all = await Promise.all(Array.from({ length: 50 }, buying(world, `${shop.url}/a`, root)));
    expect(all.every((one) => one.kind === "response" && one.response.status === 200)).toBe(true);
    expect(shop.served).toHaveLength(50);
    expect(world.paid().count).toBe(1);
    expect(all.filter(({ payment }) => payment !== undefined)).toHaveLength(1);
  });

  test.each([
    ["relayed", RELAYED],
    ["handed over", {}],
  ])(
    "single uses, %s: as many payments as requests at most, and each that was paid for is served",
    async (_how, scope) => {
      const world = await town();
      const shop = await world.openShop();
      const root = world.mint(scope);
      const ids = Array.from({ length: 20 }, () => crypto.randomUUID() as string);
      const all = await Promise.all(
        ids.map((id) => {
          const underWay = ids.filter((other) => other !== id);
          return buying(world, `${shop.url}/a`, root, { id, underWay })();
        }),
      );
      for (const one of all)
        if (one.kind === "credential")
          expect(
            (await fetch(`${shop.url}/a`, { headers: { authorization: `L402 ${one.credential}` } }))
              .status,
          ).toBe(200);
      expect(shop.served).toHaveLength(20);
      expect(world.paid().count).toBe(20);
      expect(await world.spent(root)).toBe(world.paid().msat);
    },
  );

  test("a retry beside another request does not accuse an honest service", async () => {
    const world = await town();
    const [retrying, retry] = [gate(), gate()];
    const used = new Set<string>();
    let isBroken = false;
    // Counts a use where it answers. Its first answer breaks on the way out, and the second try
    // waits for a hand.
    const shop = await site(async ({ headers }, response, url) => {
      const { authorization, "x-who": who } = headers;
      const hash = authorization && Credential.parse(authorization.slice(5)).paymentHash;
      if (hash !== undefined && !isBroken) {
        isBroken = true;
        response.destroy();
        return;
      }
      if (hash !== undefined && who === "first") {
        retrying.open();
        await retry.opened;
      }
      if (hash !== undefined && !used.has(hash)) {
        used.add(hash);
        response.end("served");
        return;
      }
      const scope = { endpoints: [`GET ${url}/**`], maxUses: 1, expiresIn: "1h" } as const;
      ask402(response, await challenger(world, url).demand({ scope }));
    });
    const root = world.mint(RELAYED);
    const child = root.delegate({ agent: "child" }, { now: world.clock() });
    const first = buying(world, `${shop.url}/a`, root, { headers: [["x-who", "first"]] })();
    await retrying.opened;
    expect(await buying(world, `${shop.url}/a`, child)()).toMatchObject({ kind: "response" });
    retry.open();
    const bought = await first;
    expect(bought.kind === "response" && bought.response.status).toBe(200);
    expect(world.alarms).toEqual([]);
  });

  test("a hash that is offered again does not free the claim of another request [case 64]", async () => {
    const world = await town();
    const [arrived, answer] = [gate(), gate()];
    let offered: Challenge | undefined;
    const shop = await site(async ({ headers, target }, response, url) => {
      const scope = { endpoints: [`GET ${url}/**`], maxUses: 1, expiresIn: "1h" } as const;
      offered ??= await challenger(world, url).demand({ scope });
      if (headers.authorization === undefined) return ask402(response, offered);
      arrived.open();
      await answer.opened;
      response.end(`served ${target}`);
    });
    const root = world.mint(RELAYED);
    const first = buying(world, `${shop.url}/a`, root)();
    await arrived.opened;
    for (const path of ["/b", "/c"])
      expect(await failure(buying(world, shop.url + path, root)())).toMatchObject({
        code: "ERR_PAYMENT_REPEATED",
      });
    answer.open();
    await first;
    expect(withCredential(shop.received).map(({ target }) => target)).toEqual(["/a"]);
  });
});

describe("a service that redirects [case 76]", () => {
  test.each([301, 302, 303, 307, 308])(
    "%i, with a challenge or with the credential in hand: followed by nobody",
    async (status) => {
      const world = await town({ fetch: (input, init) => fetch(input, init) });
      const other = await site((_request, response) => response.end("got it"));
      let redirecting = true;
      const shop = await site(async (request, response, url) => {
        if (redirecting || request.headers.authorization !== undefined)
          response.writeHead(status, { location: `${other.url}/loot` }).end();
        else ask402(response, await challenger(world, url).demand());
      });
      const root = world.mint(RELAYED);
      const post = { method: "POST", body: new TextEncoder().encode("the order") };
      const early = await buying(world, `${shop.url}/a`, root, post)();
      expect(early.kind === "response" && early.response.status).toBe(status);
      expect(world.network.payments()).toEqual([]);
      redirecting = false;
      const late = await buying(world, `${shop.url}/a`, root, post)();
      expect(late.kind === "response" && late.response.status).toBe(status);
      expect(world.paid().count).toBe(1);
      expect(other.received).toEqual([]);
    },
  );
});
