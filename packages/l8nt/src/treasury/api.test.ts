/**
 * The treasury over HTTP: what it takes, what it gives, whom it answers. [cases 85, 98, 99, 100,
 * 101]
 */
import { describe, expect, test } from "vitest";
import type { Credential } from "../l402/index.ts";
import { challenger, type Town, town } from "../testing/fixtures/town.ts";
import { exchange } from "../testing/raw-http.ts";
import { treasuryApi } from "./api.ts";
import { TreasuryCore } from "./treasury.ts";

const SHOP = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

const post = (
  world: Town,
  credential: Credential | string,
  body: unknown,
  path = "/v1/purchases",
) =>
  fetch(world.treasury.location + path, {
    method: "POST",
    headers: { authorization: `L402 ${credential}`, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

describe("a purchase has no field for an invoice, a payee or another agent [cases 85, 99]", () => {
  test.each([
    "invoice",
    "payee",
    "paymentHash",
    "node",
    "lineage",
    "amount",
    "challenge",
    "macaroon",
    "credential",
    "__proto__",
  ])("%s is refused, whatever it holds", async (member) => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const { invoice } = await challenger(world, shop.url).demand();
    const body = `{"id":"${crypto.randomUUID()}","method":"GET","url":"${shop.url}/a","headers":[],${JSON.stringify(member)}:${JSON.stringify(invoice)}}`;
    const answer = await post(world, world.mint(), body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "ERR_REQUEST" });
    expect(shop.received).toEqual([]);
    expect(world.network.payments()).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["no JSON", "{"],
    ["a list", []],
    ["null", null],
    ["a text", '"GET"'],
    ["no method", { id: crypto.randomUUID(), url: "http://127.0.0.1:1/" }],
    [
      "a method that is a list",
      { id: crypto.randomUUID(), method: ["GET"], url: "http://127.0.0.1:1/" },
    ],
    [
      "a URL that is an object",
      { id: crypto.randomUUID(), method: "GET", url: { href: "http://127.0.0.1:1/" } },
    ],
    [
      "headers that are an object",
      { id: crypto.randomUUID(), method: "GET", url: "http://127.0.0.1:1/", headers: { a: "b" } },
    ],
    [
      "a field name that is a list",
      {
        id: crypto.randomUUID(),
        method: "GET",
        url: "http://127.0.0.1:1/",
        headers: [[["authorization"], "x"]],
      },
    ],
    [
      "a field name with a line break",
      {
        id: crypto.randomUUID(),
        method: "GET",
        url: "http://127.0.0.1:1/",
        headers: [["a\r\nauthorization", "x"]],
      },
    ],
    [
      "a field value with a line break",
      {
        id: crypto.randomUUID(),
        method: "GET",
        url: "http://127.0.0.1:1/",
        headers: [["a", "x\r\nauthorization: y"]],
      },
    ],
    [
      "a field value with a NUL",
      {
        id: crypto.randomUUID(),
        method: "GET",
        url: "http://127.0.0.1:1/",
        headers: [["a", "x\0"]],
      },
    ],
    [
      "a field value that is a number",
      { id: crypto.randomUUID(), method: "GET", url: "http://127.0.0.1:1/", headers: [["a", 1]] },
    ],
    [
      "a pair of three",
      {
        id: crypto.randomUUID(),
        method: "GET",
        url: "http://127.0.0.1:1/",
        headers: [["a", "b", "c"]],
      },
    ],
    [
      "a body that is no base64",
      { id: crypto.randomUUID(), method: "POST", url: "http://127.0.0.1:1/", body: "%%" },
    ],
    [
      "a refusal without a hash",
      {
        id: crypto.randomUUID(),
        method: "GET",
        url: "http://127.0.0.1:1/",
        refused: { mayBeUsed: true },
      },
    ],
    [
      "a refusal of a text",
      { id: crypto.randomUUID(), method: "GET", url: "http://127.0.0.1:1/", refused: "yes" },
    ],
  ])("what is not a purchase is refused: %s [case 9]", async (_what, body) => {
    const world = await town({ fetch: () => Promise.reject(new Error("nothing must be sent")) });
    const answer = await post(world, world.mint(), body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "ERR_REQUEST" });
  });

  test("a body over 2 MiB is refused unread [case 7]", async () => {
    const world = await town();
    const answer = await post(
      world,
      world.mint(),
      `{"id":"${crypto.randomUUID()}","method":"GET","url":"${"x".repeat(3 * 1024 * 1024)}"}`,
    );
    expect(answer.status).toBe(413);
  });
});

describe("an answer holds what its schema lists, and nothing else [case 100]", () => {
  const SECRETS = /[0-9a-f]{64}|lnbcrt|preimage|AgE/;

  test("a hand-over: the attenuated credential, and what was paid", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const answer = await post(world, world.mint(), {
      id: crypto.randomUUID(),
      method: "GET",
      url: `${shop.url}/a`,
      headers: [],
    });
    const json = (await answer.json()) as Record<string, Record<string, unknown>>;
    expect(Object.keys(json).sort()).toEqual(["credential", "payment"]);
    expect(Object.keys(json.payment!).sort()).toEqual(["amount", "fee", "origin", "paymentHash"]);
    expect([...answer.headers.keys()].filter((name) => /sigil|auth|cookie/.test(name))).toEqual([]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test.each(["/v1/credential", "/v1/tree"])(
    "%s: nodes and counters, no credential, no invoice, no payee",
    async (path) => {
      const world = await town();
      const shop = await world.openShop(SHOP);
      const root = world.mint();
      const child = root.delegate({ agent: "child", budget: "500 sat" }, { now: world.clock() });
      await post(world, child, {
        id: crypto.randomUUID(),
        method: "GET",
        url: `${shop.url}/a`,
        headers: [],
      });
      const answer = await fetch(world.treasury.location + path, {
        headers: { authorization: `L402 ${root}` },
      });
      const text = await answer.text();
      expect(text).not.toMatch(SECRETS);
      const members = new Set([
        "id",
        "agent",
        "parentId",
        "state",
        "caveats",
        "spent",
        "limits",
        "more",
      ]);
      for (const node of JSON.parse(text).nodes)
        for (const key of Object.keys(node)) expect(members.has(key)).toBe(true);
    },
  );

  test("a child sees its ancestors and what is below it, and no sibling", async () => {
    const world = await town();
    const root = world.mint();
    const [mine, other] = ["mine", "other"].map((agent) =>
      root.delegate({ agent }, { now: world.clock() }),
    );
    const below = mine!.delegate({ agent: "below" }, { now: world.clock() });
    const { url } = await world.openShop(SHOP);
    for (const one of [other!, below])
      await post(world, one, { id: crypto.randomUUID(), method: "GET", url: `${url}/a` });
    const agents = (nodes: readonly { agent?: string }[]) => nodes.map(({ agent }) => agent);
    expect(agents(await world.treasury.standing(mine!.toString()))).toEqual([undefined, "mine"]);
    expect(agents(await world.treasury.tree(mine!.toString()))).toEqual(["mine", "below"]);
  });

  test("an error repeats no credential, and the bearer of a forged one learns only its class [case 98]", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const root = world.mint({ budget: "1 sat" });
    const order = { id: crypto.randomUUID(), method: "GET", url: `${shop.url}/a`, headers: [] };
    const denied = await (await post(world, root, order)).text();
    expect(JSON.parse(denied)).toMatchObject({
      code: "ERR_BUDGET",
      refusals: [{ condition: "budget_msat" }],
    });
    expect(denied).not.toMatch(SECRETS);
    const text = root.toString();
    const end = text.at(-1) === "0" ? "1" : "0";
    const refused = await post(world, text.slice(0, -1) + end, order);
    expect(refused.status).toBe(401);
    expect(await refused.text()).not.toMatch(SECRETS);
  });

  test("every other path and method is refused, with any credential", async () => {
    const world = await town();
    const paths = [
      "/",
      "/v1",
      "/v1/payments",
      "/v1/purchases/1",
      "/v1/nodes",
      "/v1/wallet",
      "/v1/mint",
    ];
    for (const path of paths)
      for (const method of ["GET", "POST", "PUT", "DELETE"]) {
        const headers = { authorization: `L402 ${world.mint()}` };
        expect((await fetch(world.treasury.location + path, { method, headers })).status).toBe(404);
      }
  });

  test("a caller without a credential, or with a service's credential, learns nothing", async () => {
    const world = await town();
    const shop = await world.openShop(SHOP);
    const foreign = shop.paywall.authority.minter.mint({
      endpoints: [`* ${shop.url}/**`],
      expiresIn: "1h",
    });
    for (const path of ["/v1/credential", "/v1/tree"]) {
      expect((await fetch(world.treasury.location + path)).status).toBe(401);
      const headers = { authorization: `L402 ${foreign}` };
      expect((await fetch(world.treasury.location + path, { headers })).status).toBe(401);
    }
  });
});

describe("a page in a browser cannot speak for an agent [case 101]", () => {
  const ask = (world: Town, fields: readonly (readonly [string, string])[]) =>
    exchange(world.treasury.location, {
      target: "/v1/credential",
      fields: [["authorization", `L402 ${world.mint()}`], ...fields],
    });

  test("a request with Origin or Sec-Fetch-Site is refused", async () => {
    const world = await town();
    expect((await ask(world, [])).status).toBe(200);
    for (const field of [
      ["origin", "https://evil.example"],
      ["origin", "null"],
      ["origin", world.treasury.location],
      ["sec-fetch-site", "cross-site"],
      ["sec-fetch-site", "same-origin"],
    ] as const)
      expect((await ask(world, [field])).status).toBe(400);
  });

  test("a host name that was rebound to this address is refused", async () => {
    const world = await town();
    const { port } = new URL(world.treasury.location);
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      `localhost:${port}`,
      "127.0.0.1",
      `127.0.0.1:${Number(port) + 1}`,
      `127.0.0.1.:${port}`,
    ])
      expect((await ask(world, [["host", host]])).status).toBe(400);
    const preflight = await fetch(`${world.treasury.location}/v1/purchases`, { method: "OPTIONS" });
    expect(preflight.ok).toBe(false);
    expect(preflight.headers.has("access-control-allow-origin")).toBe(false);
  });

  test("a Host field may write out the port of https, and is not case-sensitive (RFC 9110 §4.2.3)", async () => {
    const treasury = new TreasuryCore({
      secret: "3b5d2f6881a2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172891c4e07a",
      location: "https://treasury.example",
      wallet: () => Promise.reject(new Error("this treasury never pays")),
      fetch: () => Promise.reject(new Error("this treasury never asks a service")),
    });
    const api = treasuryApi(treasury);
    const statusOf = async (host: string): Promise<number> => {
      const url = "https://treasury.example/.well-known/l402";
      return (await api(new Request(url, { headers: { host } }))).status;
    };
    for (const host of ["treasury.example", "treasury.example:443", "Treasury.Example:443"])
      expect([host, await statusOf(host)]).toEqual([host, 200]);
    for (const host of [
      "treasury.example:80",
      "treasury.example:8443",
      "treasury.example:",
      "treasury.example:443:443",
      "treasury.example.",
      "a.treasury.example:443",
      "treasury.example:443/",
      "treasury.example, treasury.example",
    ])
      expect([host, await statusOf(host)]).toEqual([host, 400]);
  });

  test("a request with two credentials is refused [case 8]", async () => {
    const world = await town();
    const answer = await ask(world, [["authorization", `L402 ${world.mint()}`]]);
    expect(answer.status).toBe(400);
  });
});

test("an agent with full access to the API, instructed by a hostile page, cannot have an invoice paid [cases 85, 99]", async () => {
  const world = await town();
  const shop = await world.openShop(SHOP);
  const evil = world.network.account("evil", { balanceMsat: 0n });
  const { devWallet } = await import("../wallets/dev.ts");
  const invoice = await devWallet(evil.invoiceOnlyUrl).createInvoice({
    amountMsat: 10_000n,
    expirySeconds: 600,
  });
  const root = world.mint({ endpoints: [`* ${shop.url}/**`] });
  for (const order of [
    { id: crypto.randomUUID(), method: "GET", url: `lightning:${invoice}`, headers: [] },
    {
      id: crypto.randomUUID(),
      method: "POST",
      url: `${shop.url}/a`,
      headers: [["www-authenticate", `L402 invoice="${invoice}"`]],
      body: Buffer.from(invoice).toString("base64"),
    },
    {
      id: crypto.randomUUID(),
      method: "GET",
      url: `${shop.url}/a?invoice=${invoice}`,
      headers: [["x-invoice", invoice]],
    },
  ])
    await post(world, root, order);
  expect(evil.balanceMsat()).toBe(0n);
  expect(world.network.payments().every(({ payee }) => payee === "shop")).toBe(true);
});

test("a treasury whose authority does not know what was revoked answers 503, and says when to come again [case 111]", async () => {
  const world = await town();
  const shop = await world.openShop(SHOP);
  const root = world.mint();
  world.treasury.authority.revocations.heard(Number.NEGATIVE_INFINITY, 10);
  const answer = await post(world, root, {
    id: crypto.randomUUID(),
    method: "GET",
    url: `${shop.url}/a`,
  });
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await answer.json()).toMatchObject({ code: "ERR_REVOCATION_UNKNOWN" });
  expect(world.network.payments()).toEqual([]);
});

test("a revocation leads to what a credential can have, with the holder's own caveats; more is refused [case 111]", async () => {
  const world = await town();
  const root = world.mint();
  const nodes = (count: number) =>
    Array.from({ length: count }, (_, at) => `agent=a.${at.toString(16).padStart(8, "0")}`);
  const room = 64 - root.caveats.length;
  const revoke = (caveats: readonly string[]) =>
    post(world, root, { caveats }, "/.well-known/l402/revocations");
  for (const caveats of [nodes(room + 1), nodes(65), nodes(3200)]) {
    const answer = await revoke(caveats);
    expect([answer.status, (await answer.json()).code]).toEqual([400, "ERR_REQUEST"]);
    await expect(world.treasury.revoke(root.toString(), caveats)).rejects.toMatchObject({
      code: "ERR_REQUEST",
    });
  }
  expect((await revoke(nodes(room))).status).toBe(200);
});
