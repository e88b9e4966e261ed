/** Selling calls for sat: what is asked, bought, spent and given back. */
import { Client, Credential } from "l8nt";
import { formatAmount } from "l8nt/invoice";
import { DevNetwork, type FakeInvoicer } from "l8nt/testing";
import { devWallet } from "l8nt/wallets/dev";
import { describe, expect, onTestFinished, test } from "vitest";
import { NOW, type ShopOptions, shop } from "../fixtures/shop.ts";
import { answers, completion } from "../fixtures/town.ts";
import { PRESETS } from "../presets/index.ts";

/** The most that the request of `ask` costs: its bytes as tokens, and 100 tokens of output. */
const asked = (world: { fake: FakeInvoicer }) => world.fake.requests.map((one) => one.amountMsat);

test("what was bought opens nothing that is not for sale, whatever its holder appends", async () => {
  const world = await shop({ terms: { prepaidMsat: 20_000n } });
  const bought = await world.buy();
  expect((await world.ask(bought)).status).toBe(200);
  const list = (credential: string) =>
    fetch(`${world.url}/v1/models`, { headers: { authorization: `L402 ${credential}` } });
  const richer = Credential.parse(bought).delegate({ agent: "a", budget: "1000 usd" }).toString();
  for (const credential of [bought, richer]) {
    const response = await list(credential);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "route_not_sold" } });
  }
  expect(world.seen).toHaveLength(1);
  expect((await list(world.mint().toString())).status).toBe(200);
});

test("what was bought opens nothing once nothing is sold, and all of it once it is again", async () => {
  const world = await shop({ terms: { prepaidMsat: 20_000n } });
  const bought = await world.buy();
  const opened = async (credential: string) => {
    const list = await fetch(`${world.url}/v1/models`, {
      headers: { authorization: `L402 ${credential}` },
    });
    return [(await world.ask(credential)).status, list.status];
  };
  const own = world.mint().toString();
  expect([await opened(bought), await opened(own)]).toEqual([
    [200, 403],
    [200, 200],
  ]);
  await world.reload({ rules: undefined, selling: undefined });
  expect([await opened(bought), await opened(own)]).toEqual([
    [403, 403],
    [200, 200],
  ]);
  await world.reprice({});
  expect(await opened(bought)).toEqual([200, 403]);
});

describe("on a route that is sold, of the owner's own keys", () => {
  const FLAT = { "/v1/embeddings": "1 sat" } as const;
  const USD = { budget: "1 usd" } as const;
  const SAT = { budget: "100 sat" } as const;
  const EMBED = "/v1/embeddings";
  const CHAT = "/v1/chat/completions";

  test.each([
    ["one in dollars pays dollars by the meter", USD, {}, CHAT, 200, "usd_micro"],
    [
      "one in dollars that was narrowed in sat does too",
      USD,
      { budget: "50 sat" },
      CHAT,
      200,
      "usd_micro",
    ],
    ["one in sat pays sat", SAT, {}, CHAT, 200, "msat"],
    [
      "one in sat that was narrowed in dollars does too",
      SAT,
      { budget: "50 usd" },
      CHAT,
      200,
      "msat",
    ],
    ["one in sat pays a flat price", SAT, {}, EMBED, 200, "msat"],
    ["one in dollars pays none in sat", USD, { budget: "50 sat" }, EMBED, 402, undefined],
    ["one for some calls has them", { maxUses: 2 }, {}, EMBED, 200, "msat"],
    ["one without any limit has nothing for nothing", {}, {}, EMBED, 402, undefined],
    ["one without any limit has nothing by the meter", {}, {}, CHAT, 402, undefined],
  ] as const)("%s", async (_what, minted, narrowed, path, status, unit) => {
    const world = await shop({ flat: FLAT });
    const { minter } = world.service.paywall.authority;
    const root = minter.mint({ endpoints: [`* ${world.url}/**`], expiresIn: "1h", ...minted });
    const key = Object.keys(narrowed).length === 0 ? root : root.attenuate(narrowed);
    const body = path === EMBED ? { input: "hi", messages: undefined, max_tokens: undefined } : {};
    const response = await world.ask(key.toString(), { ...body }, path);
    expect(response.status).toBe(status);
    if (unit !== undefined) expect(world.rows).toMatchObject([{ unit }]);
    else expect(world.seen).toEqual([]);
  });
});

test("a sale has its route, and its buyer a name in the books that no agent can have", async () => {
  const world = await shop({ flat: { "/v1/embeddings": "1 sat" } });
  const chat = Credential.parse(await world.buy());
  const embedding = { input: "hi", messages: undefined, max_tokens: undefined };
  const flat = Credential.parse(await world.buy(embedding, "/v1/embeddings"));
  const named = chat.delegate({ agent: "handed-over" }).delegate({ agent: "scout" });
  for (const one of [chat, named]) expect((await world.ask(one.toString())).status).toBe(200);
  expect((await world.ask(flat.toString(), embedding, "/v1/embeddings")).status).toBe(200);
  const { paywall } = world.service;
  const rootOf = (one: Credential) =>
    `buyer ${paywall.authority.verifier.authenticate(one.toString()).nodes[0]!.id.slice(0, 8)}`;
  expect(world.rows.map(({ lineage }) => lineage)).toEqual([
    [rootOf(chat)],
    [rootOf(chat), "scout"],
    [rootOf(flat)],
  ]);
  const totals = await paywall.totals({ by: "route" });
  expect(totals.map(({ route, sales }) => [route, sales])).toEqual(
    expect.arrayContaining([
      ["POST /v1/chat/completions", 1],
      ["POST /v1/embeddings", 1],
    ]),
  );
  expect((await world.ask(world.mint().toString())).status).toBe(200);
  expect(world.rows.at(-1)!.lineage).toEqual([]);
});

test("a prepaid flat call says what is left, also under an Idempotency-Key", async () => {
  const flat = { "/v1/chat/completions": "10 sat" } as const;
  const world = await shop({ flat, terms: { prepaidMsat: 25_000n } });
  const bought = await world.buy();
  const keyed = await world.ask(bought, {}, "/v1/chat/completions", { "idempotency-key": "k" });
  expect(keyed.headers.get("sigil-budget")).toBe('cost="10 sat", left=("15 sat";of="25 sat")');
});

test("nothing is sold while everything is frozen", async () => {
  const world = await shop();
  await world.service.paywall.ready();
  await world.service.paywall.freeze(undefined, "a look at the bill");
  const response = await world.ask(undefined);
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({ error: { code: "credential_frozen" } });
  expect(asked(world)).toEqual([]);
  await world.service.paywall.thaw();
  expect((await world.ask(undefined)).status).toBe(402);
});

describe("a request without a credential", () => {
  test("is asked to prepay the most that it can cost, in whole sat, in the vendor's own dialect", async () => {
    const world = await shop();
    const response = await world.ask(undefined);
    expect(response.status).toBe(402);
    const body = (await response.json()) as Record<string, string & { message: string }>;
    expect(body.error).toMatchObject({ code: "payment_required", type: "insufficient_budget" });
    expect(body.error!.message).toMatch(/^Sigil: this request costs at most 2\.131 sat\. /);
    expect(body).toMatchObject({ price: "3 sat", estimate: "2.131 sat" });
    expect(body.buys).toEqual(expect.arrayContaining(["budget_msat=3000", "sold_price=3000 msat"]));
    expect(body.invoice).toBe(world.challengeOf(response).invoice);
    expect(asked(world)).toEqual([3000n]);
    expect(world.seen).toEqual([]);
    expect(world.denials.map(({ facts }) => facts.code)).toEqual(["payment_required"]);
  });

  test("prepays what the owner wants at least, and no more than the owner wants at most", async () => {
    const least = await shop({ terms: { prepaidMsat: 100_000n } });
    expect((await least.ask(undefined)).status).toBe(402);
    expect(asked(least)).toEqual([100_000n]);
    const most = await shop({ terms: { mostMsat: 50_000n } });
    expect((await most.ask(undefined, { max_tokens: 16_000 })).status).toBe(402);
    expect(asked(most)).toEqual([50_000n]);
    // Less output than that is of no use, so nothing is sold for it.
    const small = await shop({ terms: { mostMsat: 2000n } });
    const response = await small.ask(undefined, { max_tokens: 16_000 });
    expect(response.status).toBe(402);
    expect(response.headers.get("www-authenticate")).toBeNull();
    expect(await response.json()).toMatchObject({ code: "request_too_dear" });
    expect(asked(small)).toEqual([]);
  });

  test.each([
    [1_000, 200],
    [300_000, 200],
    [10 * 1024 * 1024, 413],
  ])("of %i bytes is sold once, for what it can cost, or not at all", async (length, status) => {
    const models = { "gpt-test": { inputMsat: 1n, outputMsat: 10n, context: 20_000_000 } };
    const world = await shop({ terms: { prepaidMsat: 1000n }, models });
    const body = { messages: [{ role: "user", content: "x".repeat(length) }] };
    const response = await world.ask(undefined, body);
    expect(response.status).toBe(status === 200 ? 402 : status);
    expect(asked(world)).toHaveLength(status === 200 ? 1 : 0);
    expect(world.service.seller!.unpaidHeld).toBe(0);
    if (status !== 200) return;
    expect(await response.json()).toHaveProperty("estimate");
    const bought = world.fake.buy(response.headers.get("www-authenticate")!);
    expect((await world.ask(bought, body)).status).toBe(200);
    expect(asked(world)).toHaveLength(1);
  });

  test("gets no more unpaid invoices in a minute than a paywall gives", async () => {
    const world = await shop();
    const statuses: number[] = [];
    for (let count = 0; count < 61; count++) statuses.push((await world.ask(undefined)).status);
    expect(new Set(statuses.slice(0, 60))).toEqual(new Set([402]));
    expect(statuses[60]).toBe(429);
    const limited = await world.ask(undefined);
    expect(await limited.json()).toMatchObject({ code: "rate_limited" });
    expect(Number(limited.headers.get("retry-after"))).toBeLessThanOrEqual(60);
    expect(asked(world)).toHaveLength(60);
  });

  test("is told so if the wallet makes no invoice, and its operator too", async () => {
    const world = await shop();
    world.fake.fault = "down";
    const response = await world.ask(undefined);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "wallet_unavailable" });
    expect(response.headers.get("retry-after")).toBe("10");
    expect(JSON.stringify(world.denials)).not.toContain("0201036c6e64");
    expect(world.alarms).toContain("l8nt: the wallet made no invoice");
  });

  test("is sold nothing that would not be served", async () => {
    const world = await shop();
    const refused = [
      await world.ask(undefined, { model: "gpt-other" }),
      await world.ask(undefined, { tools: [{ type: "web_search" }] }),
      await world.ask(undefined, { nonsense: 1 }),
    ];
    for (const response of refused) {
      expect([400, 403]).toContain(response.status);
      expect(response.headers.get("www-authenticate")).toBeNull();
    }
    expect(asked(world)).toEqual([]);
  });

  test.each([
    ["none", {}],
    ["an SDK's own key", { authorization: "Bearer sk-proj-abc" }],
  ])(
    "has a head of less than 4 KiB, with both lines of the challenge: %s",
    async (_what, headers) => {
      for (const preset of PRESETS.keys()) {
        const [route] = PRESETS.get(preset)!.routes.filter(
          ({ meter }) => typeof meter === "object",
        );
        if (route === undefined) continue;
        const world = await shop({
          preset,
          flat: Object.fromEntries(
            PRESETS.get(preset)!.routes.map(({ path }) => [path, "10 sat" as const]),
          ),
        });
        const path = route.path.replace("{model}", "gpt-test").replaceAll("*", "a");
        const response = await fetch(world.url + path, { method: "POST", headers, body: "{}" });
        expect([preset, response.status]).toEqual([preset, 402]);
        const lines = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`);
        expect(lines.join("").length).toBeLessThan(4096);
        const challenge = response.headers.get("www-authenticate")!;
        expect(challenge).toMatch(/^LSAT macaroon="[^"]+", invoice="[^"]+", L402 macaroon=/);
        expect(response.headers.get("access-control-expose-headers")).toMatch(/www-authenticate/i);
      }
    },
  );
});

describe("a credential that was bought", () => {
  test("pays what the answer came to, and keeps the rest", async () => {
    const world = await shop({ terms: { prepaidMsat: 100_000n } });
    const bought = await world.buy();
    const response = await world.ask(bought);
    expect(response.status).toBe(200);
    // 10 tokens of input, and 20 of output.
    expect(response.headers.get("sigil-budget")).toBe(
      'cost="0.21 sat", left=("99.79 sat";of="100 sat")',
    );
    expect((await world.ask(bought)).status).toBe(200);
    expect(await world.left(bought)).toEqual(["99.58 sat"]);
    expect(asked(world)).toEqual([100_000n]);
    expect(world.rows).toMatchObject([
      { unit: "msat", spent: 210n, status: 200 },
      { unit: "msat", spent: 210n },
    ]);
  });

  test("is an API key for any SDK of the vendor", async () => {
    const world = await shop({ terms: { prepaidMsat: 100_000n } });
    const key = Credential.parse(await world.buy()).toKey();
    expect((await world.chat(key)).status).toBe(200);
  });

  test("has its output limited to what is left, and buys more only if that is of no use", async () => {
    const world = await shop({ terms: { prepaidMsat: 10_000n } });
    const bought = await world.buy();
    world.play(answers(completion(10, 750)));
    const limited = await world.ask(bought, { max_tokens: 4000 });
    expect(limited.status).toBe(200);
    expect(Number(limited.headers.get("sigil-output-limited"))).toBeGreaterThan(800);
    expect(await world.left(bought)).toEqual(["2.49 sat"]);
    const denied = await world.ask(bought, { max_tokens: 4000 });
    expect(denied.status).toBe(402);
    expect(await denied.json()).toMatchObject({ code: "budget_exhausted", price: "42 sat" });
    expect(world.seen).toHaveLength(1);
    // What is left is still good for less.
    expect((await world.ask(bought, { max_tokens: 100 })).status).toBe(200);
  });

  test("is given back all of what a vendor's failure would have cost", async () => {
    const world = await shop({ terms: { prepaidMsat: 100_000n } });
    const bought = await world.buy();
    world.play(answers('{"error":{"message":"overloaded"}}', 503));
    const failed = await world.ask(bought);
    expect(failed.status).toBe(503);
    expect(failed.headers.get("sigil-budget")).toBe('cost="0 sat", left=("100 sat";of="100 sat")');
    world.play((_request, answer) => answer.socket!.destroy());
    const dead = await world.ask(bought);
    expect(dead.status).toBe(502);
    expect(dead.headers.get("sigil-budget")).toBe('cost="0 sat", left=("100 sat";of="100 sat")');
    expect(await world.left(bought)).toEqual(["100 sat"]);
  });

  test("counts what a holder hands down at the holder too", async () => {
    const world = await shop({ terms: { prepaidMsat: 100_000n } });
    const bought = Credential.parse(await world.buy());
    const child = bought.delegate({ agent: "child", budget: "3 sat" });
    expect((await world.ask(child.toString())).status).toBe(200);
    expect(await world.left(child.toString())).toEqual(["99.79 sat", "2.79 sat"]);
    expect(await world.left(bought.toString())).toEqual(["99.79 sat"]);
    expect(world.rows[0]!.lineage).toEqual([expect.stringMatching(/^buyer [0-9a-f]{8}$/), "child"]);
    world.play(answers(completion(10, 250)));
    const limited = await world.ask(child.toString(), { max_tokens: 4000 });
    expect(limited.status).toBe(402);
  });

  test.each([
    ["another model", { models: ["gpt-other*"] }, "model_not_allowed"],
    ["another path", { endpoints: ["POST http://127.0.0.1:1/**"] }, "endpoint_not_allowed"],
  ] as const)("that its holder narrowed to %s opens nothing else", async (_what, scope, code) => {
    const world = await shop({ terms: { prepaidMsat: 100_000n } });
    const bought = Credential.parse(await world.buy());
    const narrowed = bought.delegate({ agent: "child", ...scope });
    const response = await world.ask(narrowed.toString());
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code });
    expect(world.seen).toEqual([]);
  });

  test("that its holder narrowed opens no other model for nothing either", async () => {
    const free = { inputMsat: 0n, outputMsat: 0n };
    const world = await shop({ models: { "gpt-test": free, "gpt-dear": free } });
    const bought = Credential.parse(await world.buy());
    const child = bought.delegate({ agent: "child", models: ["gpt-dear"] }).toString();
    expect((await world.ask(child)).status).toBe(403);
    expect((await world.ask(child, { model: "gpt-dear" })).status).toBe(200);
    expect(world.seen).toHaveLength(1);
  });

  test("pays in no other unit, whatever budget its holder appends", async () => {
    const world = await shop({ terms: { prepaidMsat: 10_000n } });
    const bought = Credential.parse(await world.buy());
    const widened = bought.attenuate({ budget: ["1 btc", "1000 usd"] }).toString();
    expect((await world.ask(widened)).status).toBe(200);
    expect(world.rows).toMatchObject([{ unit: "msat" }]);
    expect(await world.left(widened)).toEqual(["9.79 sat", "99,999,999.79 sat", "1,000 usd"]);
  });

  test("never pays more than it has for 200 requests at one time", async () => {
    const world = await shop({ terms: { prepaidMsat: 20_000n } });
    const bought = await world.buy();
    world.play(answers(completion(100, 100)));
    const responses = await Promise.all(
      Array.from({ length: 200 }, () => world.ask(bought, { stop: ["x"] })),
    );
    const served = responses.filter(({ status }) => status === 200).length;
    expect(served).toBeGreaterThan(0);
    expect(world.seen).toHaveLength(served);
    expect(served * 1100).toBeLessThanOrEqual(20_000);
    for (const { status } of responses) expect([200, 402, 429, 503]).toContain(status);
    expect(await world.left(bought)).toEqual([
      formatAmount({ unit: "msat", value: 20_000n - BigInt(served) * 1100n }),
    ]);
  });

  test("ends, and another one can be bought", async () => {
    const world = await shop({ terms: { prepaidMsat: 100_000n, validFor: "5s" } });
    const bought = await world.buy();
    world.time.now += 6;
    const response = await world.ask(bought);
    expect(response.status).toBe(402);
    expect(await response.json()).toMatchObject({ code: "credential_expired", price: "100 sat" });
  });
});

describe("a key with a budget in US dollars", () => {
  test("pays dollars on a route that is sold to others for sat", async () => {
    const world = await shop();
    const key = world.mint();
    expect((await world.chat(key)).status).toBe(200);
    expect(world.rows).toMatchObject([{ unit: "usd_micro", spent: 210n }]);
    expect(asked(world)).toEqual([]);
  });
});

describe("a flat price", () => {
  const FLAT = { "/v1/chat/completions": "10 sat", "/v1/audio/transcriptions": "20 sat" } as const;

  test("buys one request, and a failure of the vendor gives it back", async () => {
    const world = await shop({ flat: FLAT });
    const bought = await world.buy();
    world.play(answers("{}", 500));
    expect((await world.ask(bought)).status).toBe(500);
    world.play(answers(completion(1, 1)));
    expect((await world.ask(bought)).status).toBe(200);
    const again = await world.ask(bought);
    expect(again.status).toBe(402);
    expect(await again.json()).toMatchObject({ code: "uses_exhausted", price: "10 sat" });
    expect(asked(world)).toEqual([10_000n, 10_000n]);
  });

  test("gives an answer that was lost again, and no other one under its key", async () => {
    const world = await shop({ flat: FLAT });
    const bought = await world.buy();
    const send = (content: string, key: string) =>
      fetch(`${world.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `L402 ${bought}`, "idempotency-key": key },
        body: JSON.stringify({ model: "gpt-test", messages: [{ role: "user", content }] }),
      });
    const first = await send("hi", "one");
    const again = await send("hi", "one");
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(await again.text()).toBe(await first.text());
    expect(again.headers.get("content-type")).toBe(first.headers.get("content-type"));
    const other = await send("ho", "one");
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ code: "ERR_IDEMPOTENCY_KEY" });
    expect((await send("hi", "two")).status).toBe(402);
    expect(world.seen).toHaveLength(1);
  });

  test.each([
    ["", "", 200],
    ["?beta=1", "?beta=1", 200],
    ["?beta=1", "?beta=2", 422],
    ["?beta=1", "", 422],
    ["", "?beta=1", 422],
  ])("gives what %j was answered to %j under its key: %i", async (one, other, status) => {
    const path = "/v1/messages";
    const world = await shop({ preset: "anthropic", flat: { [path]: "10 sat" } });
    const bought = await world.buy({}, path);
    const send = (query: string) =>
      fetch(world.url + path + query, {
        method: "POST",
        headers: { authorization: `L402 ${bought}`, "idempotency-key": "one" },
        body: JSON.stringify({ model: "claude-test", max_tokens: 9, messages: [] }),
      });
    expect((await send(one)).status).toBe(200);
    const second = await send(other);
    expect(second.status).toBe(status);
    if (status === 422) expect(await second.json()).toMatchObject({ code: "ERR_IDEMPOTENCY_KEY" });
    expect(world.seen.map(({ url }) => url)).toEqual([path + one]);
  });

  test("is not kept if the vendor failed, so that the same request is served then", async () => {
    const world = await shop({ flat: FLAT, play: answers("{}", 503) });
    const bought = await world.buy();
    const headers = { authorization: `L402 ${bought}`, "idempotency-key": "one" };
    const body = JSON.stringify({ model: "gpt-test", messages: [] });
    const url = `${world.url}/v1/chat/completions`;
    expect((await fetch(url, { method: "POST", headers, body })).status).toBe(503);
    world.play(answers(completion(1, 1)));
    expect((await fetch(url, { method: "POST", headers, body })).status).toBe(200);
    expect((await fetch(url, { method: "POST", headers, body })).status).toBe(200);
    expect(world.seen).toHaveLength(2);
  });

  test("is asked without reading the body", async () => {
    const world = await shop({ flat: FLAT });
    const response = await fetch(`${world.url}/v1/audio/transcriptions`, {
      method: "POST",
      body: "x".repeat(500_000),
    });
    expect(response.status).toBe(402);
    expect(await response.json()).toMatchObject({ price: "20 sat" });
  });

  test("opens no other route than the one that it was paid for", async () => {
    const world = await shop({ flat: FLAT });
    const bought = await world.buy();
    for (const path of ["/v1/audio/transcriptions", "/v1/embeddings"]) {
      const response = await fetch(world.url + path, {
        method: "POST",
        headers: { authorization: `L402 ${bought}` },
        body: JSON.stringify({ model: "gpt-test", input: "x" }),
      });
      expect([path, response.status]).toEqual([path, 402]);
      expect(response.headers.get("www-authenticate")).toContain("L402 macaroon=");
    }
    expect(world.seen).toEqual([]);
  });

  test("takes its price from what was prepaid, if the owner sells it prepaid", async () => {
    const world = await shop({ flat: FLAT, terms: { prepaidMsat: 25_000n } });
    const bought = await world.buy();
    expect((await world.ask(bought)).status).toBe(200);
    expect((await world.ask(bought)).status).toBe(200);
    expect((await world.ask(bought)).status).toBe(402);
    expect(await world.left(bought)).toEqual(["5 sat"]);
  });

  test("takes a model that no price list has", async () => {
    const world = await shop({ flat: FLAT, models: {} });
    const body = { model: "llama-home" };
    expect((await world.ask(await world.buy(body), body)).status).toBe(200);
  });
});

test("models are sold at the owner's rate of a dollar, if they have no price in sat", async () => {
  const world = await shop({ models: {}, msatPerUsd: 1_000_000_000n });
  expect((await world.ask(undefined)).status).toBe(402);
  // 1 usd_micro for a token of input and 10 for one of output, at 1000 msat for a usd_micro.
  const [amount] = asked(world);
  expect(amount).toBe(2_131_000n);
});

test("what is sold is listed, with its paths and prices", async () => {
  const world = await shop({ flat: { "/v1/embeddings": "3 sat" } });
  const response = await fetch(`${world.url}/.well-known/l402`);
  const { routes } = (await response.json()) as { routes: { path?: string; price: unknown }[] };
  expect(routes).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ path: "POST /v1/embeddings", price: "3 sat" }),
      expect.objectContaining({
        path: "POST /v1/chat/completions",
        price: "depends on the request",
      }),
    ]),
  );
});

describe("our own client", () => {
  async function market(options: Omit<ShopOptions, "invoicer"> = {}) {
    const network = await DevNetwork.start({ clock: () => NOW });
    onTestFinished(() => network.stop());
    const seller = await network.account("seller", { balanceMsat: 0n });
    const buyer = await network.account("buyer", { balanceMsat: 1_000_000n });
    const world = await shop({ ...options, invoicer: devWallet(seller.invoiceOnlyUrl) });
    const client = (limits: object = {}, fetcher: typeof fetch = fetch) =>
      new Client({
        fetch: fetcher,
        wallet: buyer.url,
        clock: () => world.time.now,
        limits: {
          endpoints: [`* ${world.url}/**`],
          budget: "500 sat",
          expiresIn: "1d",
          ...limits,
        },
      });
    const post = (one: Client, body: object = {}) =>
      one.post(
        `${world.url}/v1/chat/completions`,
        JSON.stringify({ model: "gpt-test", max_tokens: 100, messages: [], ...body }),
        { headers: { "content-type": "application/json" } },
      );
    const paid = () => network.payments().map(({ amountMsat }) => amountMsat);
    return { ...world, client, post, paid };
  }

  test("buys once, and spends what is left on the next calls", async () => {
    const { client, post, paid, rows } = await market({ terms: { prepaidMsat: 50_000n } });
    const one = client();
    for (let call = 0; call < 3; call++) {
      const response = await post(one);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ object: "chat.completion" });
    }
    expect(paid()).toEqual([50_000n]);
    expect(rows.map(({ spent, unit }) => [spent, unit])).toEqual(Array(3).fill([210n, "msat"]));
  });

  test("reads a stream that it has paid for", async () => {
    const { client, post, paid, play } = await market({ terms: { prepaidMsat: 50_000n } });
    play((_request, answer) => {
      answer.writeHead(200, { "content-type": "text/event-stream" });
      answer.write('data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n');
      answer.write(
        'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}\n\n',
      );
      answer.end("data: [DONE]\n\n");
    });
    const text = await (await post(client(), { stream: true })).text();
    expect(text).toContain("Hello");
    expect(text).toContain('sigil-budget cost="0.21 sat"');
    expect(paid()).toEqual([50_000n]);
  });

  test("pays nothing beyond its budget", async () => {
    const { client, post, paid } = await market({ terms: { prepaidMsat: 50_000n } });
    await expect(post(client({ budget: "20 sat" }))).rejects.toMatchObject({ code: "ERR_BUDGET" });
    expect(paid()).toEqual([]);
  });

  test("buys again once what it has is used up, and never before", async () => {
    const { client, post, paid, play } = await market({ terms: { prepaidMsat: 5000n } });
    const one = client();
    play(answers(completion(100, 100)));
    for (let call = 0; call < 4; call++) expect((await post(one)).status).toBe(200);
    // 2.1 sat is reserved for each call, and 1.1 is spent: 5 sat are enough for three.
    expect(paid()).toEqual([5000n, 5000n]);
  });

  test("does not pay again for an answer that was lost", async () => {
    const { client, post, paid, play, seen } = await market({ terms: { prepaidMsat: 50_000n } });
    const one = client();
    play((_request, answer) => {
      answer.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      answer.write("{");
      answer.socket!.destroy();
    });
    const first = await post(one).then(
      ({ status }) => status,
      (error: { code: string }) => error.code,
    );
    expect(first).not.toBe(200);
    play(answers(completion(10, 20)));
    expect((await post(one)).status).toBe(200);
    expect(paid()).toEqual([50_000n]);
    expect(seen.length).toBeGreaterThanOrEqual(2);
  });

  test("pays once for one call, though its answer is lost on the way", async () => {
    const flat = { "/v1/chat/completions": "10 sat" } as const;
    let isLost = false;
    const { client, post, paid, seen } = await market({ flat });
    const lossy: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (response.status !== 200 || isLost) return response;
      isLost = true;
      await response.arrayBuffer();
      throw new TypeError("fetch failed");
    };
    const one = client({}, lossy);
    const first = await post(one).catch((error: Error) => error);
    if (first instanceof Error) expect((await post(one)).status).toBe(200);
    expect(isLost).toBe(true);
    expect(paid()).toEqual([10_000n]);
    expect(seen).toHaveLength(1);
  });

  test("sends an SDK's own key along, and its credential beside it", async () => {
    const { client, url, paid } = await market({ terms: { prepaidMsat: 50_000n } });
    const one = client();
    const response = await one.fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer sk-proj-abc", "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-test", max_tokens: 100, messages: [] }),
    });
    expect(response.status).toBe(200);
    expect(paid()).toEqual([50_000n]);
  });
});
