/** A client that pays: once for a request, within its scope, and what was paid for is not lost. */

import { describe, expect, test } from "vitest";
import { msat } from "../amount.ts";
import { Credential } from "../l402/index.ts";
import type { PaymentSummary } from "../ports/treasury.ts";
import type { Payer } from "../ports/wallet.ts";
import {
  ask402,
  challenger,
  failure,
  gate,
  listen,
  type Received,
  type Shop,
  secretOf,
  site,
  type Town,
  town,
} from "../testing/fixtures/town.ts";
import { devWallet } from "../wallets/dev.ts";

const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;
const withCredential = (received: Shop["received"]) =>
  received.filter(({ headers }) => headers.authorization !== undefined);

describe("one request, one payment", () => {
  test("a paid resource is got, what was paid is told, and the next request pays nothing", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const payments: PaymentSummary[] = [];
    const client = world.connect(world.mint(), { onPayment: (payment) => payments.push(payment) });
    expect(await (await client.get(`${shop.url}/a?q=1`)).json()).toEqual({ served: 1 });
    expect((await client.get(`${shop.url}/b`)).status).toBe(200);
    expect(world.paid().count).toBe(1);
    const [made] = world.network.payments();
    expect(payments).toEqual([
      {
        origin: shop.url,
        paymentHash: made!.paymentHash,
        amount: msat(made!.amountMsat),
        fee: msat(made!.feeMsat),
      },
    ]);
    // The second request had its credential with it at once.
    expect(shop.received.at(-1)!.headers.authorization).toBeDefined();
    expect(world.asked).toHaveLength(1);
  });

  test("many at once for one thing pay once; for single uses, each once, and each is served [case 80]", async () => {
    const world = await town();
    const [pass, single] = [await world.openShop(PASS), await world.openShop()];
    const client = world.connect(world.mint());
    const many = (url: string) =>
      Promise.all(Array.from({ length: 20 }, () => client.get(`${url}/a`)));
    expect((await many(pass.url)).every(({ status }) => status === 200)).toBe(true);
    expect(world.paid().count).toBe(1);
    expect((await many(single.url)).every(({ status }) => status === 200)).toBe(true);
    expect(world.paid().count).toBe(21);
    expect(single.served).toHaveLength(20);
  });

  test("a second 402 after paying is recorded and never paid again [case 62]", async () => {
    const world = await town();
    const shop = await site(async (_request, response, url) =>
      ask402(response, await challenger(world, url).demand()),
    );
    const client = world.connect(world.mint());
    expect(await failure(client.get(`${shop.url}/a`))).toMatchObject({
      name: "PaymentError",
      code: "ERR_PAID_NOT_DELIVERED",
      spent: "yes",
    });
    expect(await failure(client.get(`${shop.url}/a`))).toMatchObject({
      code: "ERR_ORIGIN_QUARANTINED",
      spent: "no",
    });
    expect(world.paid().count).toBe(1);
    expect(world.alarms).toHaveLength(1);
  });

  test("also where another's purchase was tried first: one payment, an error, and no bare 402 [case 62]", async () => {
    const world = await town();
    let honest = true;
    const shop = await site(async (request, response, url) => {
      if (honest && request.headers.authorization !== undefined) response.end("served");
      else ask402(response, await challenger(world, url).demand());
    });
    const root = world.mint();
    await world.connect(root).get(`${shop.url}/a`);
    honest = false;
    // Another client on the same credential: it is handed what the first one bought, and that is
    // refused.
    const error = await failure(world.connect(root.toString()).get(`${shop.url}/a`));
    expect(error).toMatchObject({ code: "ERR_PAID_NOT_DELIVERED", spent: "yes" });
    expect(world.paid().count).toBe(2);
    expect(world.alarms).toHaveLength(1);
  });

  test("what bought one request is not presented for the next", async () => {
    const world = await town();
    const shop = await world.openShop();
    const client = world.connect(world.mint());
    for (let asked = 0; asked < 3; asked++)
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
    expect(withCredential(shop.received)).toHaveLength(3);
    expect(world.paid().count).toBe(3);
  });

  test("used up by others: bought anew, once", async () => {
    const world = await town();
    const shop = await world.openShop({ price: "10 sat", grants: { uses: 2 } });
    const client = world.connect(world.mint());
    for (let asked = 0; asked < 5; asked++)
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
    expect(world.paid().count).toBe(3);
    expect(shop.served).toHaveLength(5);
  });
});

describe("401 never pays [case 81]", () => {
  test.each([
    ["to a request without a credential", () => true],
    ["to one that was paid for", ({ headers }: Received) => headers.authorization !== undefined],
  ])("%s", async (_what, refuses) => {
    const world = await town();
    const shop = await site(async (request, response, url) => {
      const challenge = await challenger(world, url).demand();
      if (!refuses(request)) ask402(response, challenge);
      else response.writeHead(401, { "www-authenticate": 'L402 version="0"' }).end();
    });
    const client = world.connect(world.mint());
    expect((await client.get(`${shop.url}/a`)).status).toBe(401);
    const after = world.paid().count;
    for (let asked = 0; asked < 3; asked++)
      expect((await client.get(`${shop.url}/a`)).status).toBe(401);
    expect(world.paid().count).toBe(after);
    expect(after).toBeLessThanOrEqual(1);
  });
});

describe("a service that takes payment and fails [case 72]", () => {
  test.each([
    ["a single use", { price: "10 sat" } as const],
    ["a pass", PASS],
  ])(
    "500: the caller sees it, and the next request uses what was paid for (%s)",
    async (_what, terms) => {
      const world = await town();
      const shop = await world.openShop(terms);
      shop.answers.push("fail");
      const client = world.connect(world.mint());
      expect((await client.get(`${shop.url}/a`)).status).toBe(500);
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
      expect(world.paid().count).toBe(1);
    },
  );

  test.each<[string, "hang-up" | "garbage"]>([
    ["a closed socket", "hang-up"],
    ["garbage", "garbage"],
  ])(
    "%s: the caller's fetch fails, and the next request uses what was paid for",
    async (_what, act) => {
      const world = await town();
      const shop = await world.openShop(PASS);
      shop.answers.push(
        act === "hang-up" ? act : (response) => void response.socket?.end("nonsense\r\n\r\n"),
      );
      const client = world.connect(world.mint());
      expect(await failure(client.get(`${shop.url}/a`))).toMatchObject({
        code: "ERR_PAID_NOT_DELIVERED",
        spent: "yes",
      });
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
      expect(world.paid().count).toBe(1);
    },
  );
});

describe("a caller who gives up [case 82]", () => {
  /** A treasury whose payments wait for a hand. */
  async function slowTown() {
    const paying = gate();
    const go = gate();
    const done = gate();
    let real!: Payer;
    const wallet: Payer = {
      network: async () => "bcrt",
      find: (hash) => real.find(hash),
      async pay(request) {
        paying.open();
        await go.opened;
        const outcome = await real.pay(request);
        done.open();
        return outcome;
      },
    };
    const world = await town({ wallet });
    real = devWallet(world.network.account("treasury").url);
    return { world, paying, go, done };
  }

  test.each([
    ["a single use", { price: "10 sat" } as const],
    ["a pass", PASS],
  ])(
    "while the payment is made: it is made, and the next request has it (%s)",
    async (_what, terms) => {
      const { world, paying, go, done } = await slowTown();
      const shop = await world.openShop(terms);
      const client = world.connect(world.mint());
      const abort = new AbortController();
      const asking = client.get(`${shop.url}/a`, { signal: abort.signal });
      await paying.opened;
      abort.abort();
      expect((await failure(asking)).name).toBe("AbortError");
      go.open();
      await done.opened;
      expect((await client.get(`${shop.url}/a`)).status).toBe(200);
      expect(world.paid().count).toBe(1);
      expect(shop.served).toHaveLength(1);
    },
  );

  test.each([
    ["handed over", {}],
    ["relayed", { maxUses: 10 }],
  ])(
    "while the payment is made: a request that is made meanwhile has it, %s",
    async (_way, scope) => {
      const { world, paying, go } = await slowTown();
      const shop = await world.openShop();
      const client = world.connect(world.mint(scope));
      const abort = new AbortController();
      const asking = client.get(`${shop.url}/a`, { signal: abort.signal });
      await paying.opened;
      abort.abort();
      expect((await failure(asking)).name).toBe("AbortError");
      const again = client.get(`${shop.url}/a`);
      await expect.poll(() => world.asked.length).toBe(2);
      go.open();
      expect((await again).status).toBe(200);
      expect(world.paid().count).toBe(1);
      expect(shop.served).toHaveLength(1);
    },
  );

  test("before anything was ordered: nothing is", async () => {
    const world = await town();
    const abort = new AbortController();
    const shop = await site(async (_request, response, url) => {
      const challenge = await challenger(world, url).demand();
      abort.abort();
      ask402(response, challenge);
    });
    expect(
      (await failure(world.connect(world.mint()).get(shop.url, { signal: abort.signal }))).name,
    ).toBe("AbortError");
    expect(world.asked).toEqual([]);
    expect(world.network.payments()).toEqual([]);
  });

  test("between the 402 and the order: nothing is ordered", async () => {
    const world = await town();
    const abort = new AbortController();
    const body = new ReadableStream({ cancel: () => abort.abort() });
    const asked: string[] = [];
    const client = world.connect(world.mint({ endpoints: ["* https://shop.example/**"] }), {
      fetch: async (input) => {
        asked.push(String(input));
        return new Response(body, { status: 402 });
      },
    });
    const asking = client.get("https://shop.example/a", { signal: abort.signal });
    expect((await failure(asking)).name).toBe("AbortError");
    expect(asked).toEqual(["https://shop.example/a"]);
  });

  test("with a reason of his own, which he gets", async () => {
    const { world, paying, go, done } = await slowTown();
    const shop = await world.openShop(PASS);
    const abort = new AbortController();
    const asking = world.connect(world.mint()).get(`${shop.url}/a`, { signal: abort.signal });
    await paying.opened;
    const reason = new Error("no longer needed");
    abort.abort(reason);
    expect(await failure(asking)).toBe(reason);
    go.open();
    await done.opened;
  });
});

describe("a request with a body [case 83]", () => {
  test("is sent again after the 402 alone, the same, under one idempotency key", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const client = world.connect(world.mint());
    await client.post(`${shop.url}/orders`, '{"rooms":1}', {
      headers: { "content-type": "application/json" },
    });
    expect(shop.served.map(({ body }) => body)).toEqual(['{"rooms":1}']);
    const keys = new Set(shop.received.map(({ headers }) => headers["idempotency-key"]));
    expect(keys.size).toBe(1);
    expect([...keys][0]).toMatch(/^[0-9a-f]{32}$/);
    await client.post(`${shop.url}/orders`, "{}");
    expect(new Set(shop.received.map(({ headers }) => headers["idempotency-key"])).size).toBe(2);
  });

  test("keeps the caller's own key, and one that is idempotent by itself gets none", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const client = world.connect(world.mint());
    await client.post(`${shop.url}/a`, "x", { headers: { "idempotency-key": "mine" } });
    await client.put(`${shop.url}/a`, "x");
    const keys = shop.received.map(
      ({ method, headers }) => `${method} ${headers["idempotency-key"]}`,
    );
    expect(new Set(keys)).toEqual(new Set(["POST mine", "PUT undefined"]));
  });

  test.each([200, 400, 409, 500])("is never sent again after %i", async (status) => {
    const world = await town();
    const shop = await site(async (request, response, url) => {
      if (request.headers.authorization === undefined)
        ask402(response, await challenger(world, url).demand());
      else response.writeHead(status).end();
    });
    const client = world.connect(world.mint());
    expect((await client.post(`${shop.url}/a`, "order")).status).toBe(status);
    expect(withCredential(shop.received)).toHaveLength(1);
    const free = await site((_request, response) => response.writeHead(status).end());
    expect((await client.post(`${free.url}/a`, "order")).status).toBe(status);
    expect(free.received).toHaveLength(1);
  });

  const LARGE = 2 * 1024 * 1024;
  const streamed = () =>
    new Blob([new Uint8Array(LARGE)]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>;
  const form = () => {
    const fields = new FormData();
    fields.set("file", new Blob([new Uint8Array(LARGE)]));
    return fields;
  };
  const BODIES: readonly (readonly [string, () => BodyInit])[] = [
    ["bytes", () => new Uint8Array(LARGE)],
    ["a text", () => "x".repeat(LARGE)],
    ["a Blob", () => new Blob([new Uint8Array(LARGE)])],
    ["a form", form],
    ["a stream", streamed],
  ];
  const sent = (body: BodyInit): RequestInit =>
    ({ method: "POST", body, duplex: "half" }) as RequestInit;

  test.each(BODIES)("of two mebibytes goes to a free service whole: %s", async (_, make) => {
    const world = await town();
    const sizes: number[] = [];
    const url = await listen(() => async (request, response) => {
      let size = 0;
      for await (const part of request) size += part.length;
      sizes.push(size);
      response.end("taken");
    });
    const client = world.connect(world.mint());
    for (const input of [url, new Request(url, sent(make()))]) {
      const init = typeof input === "string" ? sent(make()) : undefined;
      expect(await (await client.fetch(input, init)).text()).toBe("taken");
    }
    for (const size of sizes) expect(size).toBeGreaterThanOrEqual(LARGE);
    expect(sizes).toHaveLength(2);
  });

  test.each(BODIES)("of two mebibytes is not paid for, and says so: %s", async (_, make) => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const client = world.connect(world.mint());
    expect(await failure(client.fetch(`${shop.url}/a`, sent(make())))).toMatchObject({
      code: "ERR_TOO_LARGE",
      message: expect.stringMatching(/asks for payment.*at most 1048576 bytes.*Nothing was paid/),
    });
    expect(world.paid().count).toBe(0);
    expect(world.asked).toEqual([]);
  });

  test("of two mebibytes is served by a pass that was bought before", async () => {
    const world = await town();
    const shop = await world.openShop(PASS);
    const client = world.connect(world.mint());
    await client.get(`${shop.url}/a`);
    expect((await client.fetch(`${shop.url}/a`, sent(streamed()))).status).toBe(200);
    expect(world.paid().count).toBe(1);
  });
});

describe("what a treasury's answer says about money", () => {
  /** A treasury that answers as it is told. */
  async function broken(answer: (response: import("node:http").ServerResponse) => void) {
    const world = await town();
    const shop = await site(async (_request, response, url) =>
      ask402(response, await challenger(world, url).demand()),
    );
    const treasury = await site((_request, response) => answer(response));
    const { Authority } = await import("../l402/index.ts");
    const mint = new Authority({
      secret: secretOf("another treasury"),
      location: treasury.url,
      kind: "spending",
      clock: world.clock,
    });
    const credential = mint.minter.mint({
      endpoints: [`* ${shop.url}/**`],
      budget: "100 sat",
      expiresIn: "1h",
    });
    return failure(world.connect(credential).get(`${shop.url}/a`));
  }
  const UNKNOWN = { name: "PaymentError", code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" };

  test("a connection that breaks: it may have paid", async () => {
    expect(await broken((response) => response.destroy())).toMatchObject(UNKNOWN);
  });

  test("a gateway's 502 or 504 in front of it: it may have paid", async () => {
    for (const status of [502, 504])
      expect(await broken((response) => response.writeHead(status).end("<html>"))).toMatchObject(
        UNKNOWN,
      );
  });

  test("half an answer, or one that nobody understands: it may have paid", async () => {
    const json = { "content-type": "application/json" };
    for (const text of [
      '{"credential":"AAA',
      "[]",
      '{"credential":7}',
      '{"credential":"x","payment":{"amount":{"unit":"msat","value":"1.5"}}}',
      "null",
    ])
      expect(await broken((response) => response.writeHead(200, json).end(text))).toMatchObject(
        UNKNOWN,
      );
    expect(
      await broken((response) => {
        response.writeHead(200, { ...json, "content-length": "100" });
        response.write("{");
        response.destroy();
      }),
    ).toMatchObject(UNKNOWN);
  });

  test("its own words, as they are: what it denies is a denial here", async () => {
    const world = await town();
    const shop = await world.openShop();
    const poor = world.connect(world.mint({ budget: "1 sat" }));
    expect(await failure(poor.get(`${shop.url}/a`))).toMatchObject({
      name: "BudgetError",
      code: "ERR_BUDGET",
      spent: "no",
      refusals: [{ condition: "budget_msat" }],
    });
    const picky = world.connect(world.mint({ maxPrice: "1 sat" }));
    expect(await failure(picky.get(`${shop.url}/a`))).toMatchObject({
      name: "DeniedError",
      code: "ERR_PRICE",
    });
    world.network.fault({ kind: "stuck", delayMs: 0 });
    expect(await failure(world.connect(world.mint()).get(`${shop.url}/a`))).toMatchObject(UNKNOWN);
    const minted = world.mint().toString();
    const forged = Credential.parse(minted.slice(0, -2) + (minted.endsWith("00") ? "01" : "00"));
    expect(await failure(world.connect(forged).get(`${shop.url}/a`))).toMatchObject({
      name: "TokenError",
    });
  });

  test("one that is not there: nothing was spent, and it says so", async () => {
    const world = await town();
    const shop = await site((_request, response) => response.writeHead(402).end());
    await world.network.down();
    const { Authority } = await import("../l402/index.ts");
    const location = world.network.url;
    const mint = new Authority({
      secret: secretOf("another treasury"),
      location,
      clock: world.clock,
    });
    const credential = mint.minter.mint({ endpoints: [`* ${shop.url}/**`], expiresIn: "1h" });
    expect(await failure(world.connect(credential).get(`${shop.url}/a`))).toMatchObject({
      name: "AdapterError",
      code: "ERR_TREASURY",
    });
  });
});

test("a town's treasury sees an agent's credential, and its service never does", async () => {
  const world: Town = await town();
  const shop = await world.openShop(PASS);
  const root = world.mint();
  await world.connect(root).get(`${shop.url}/a`);
  const [macaroon = ""] = root.toString().split(":");
  for (const { text } of shop.received) expect(text).not.toContain(macaroon);
  expect(world.asked.every(({ headers }) => headers.authorization?.includes(macaroon))).toBe(true);
});
