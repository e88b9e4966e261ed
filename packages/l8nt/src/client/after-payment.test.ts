/**
 * A request that fails after it was paid for: whatever failed, the error has a code and says that
 * money moved. spec/4-purchase.md §2.
 */
import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { type Client, SigilError } from "../index.ts";
import { ask402, challenger, failure, site, type Town, town } from "../testing/fixtures/town.ts";

const PASS = { price: "10 sat", grants: { validFor: "1h", endpoints: ["* /**"] } } as const;

const WAYS: readonly (readonly [string, (world: Town) => Client])[] = [
  ["handed over", (world) => world.connect(world.mint())],
  ["relayed", (world) => world.connect(world.mint({ maxUses: 1000 }))],
];

const ENDS: readonly (readonly [string, (response: ServerResponse) => unknown])[] = [
  ["resets the connection", (response) => response.socket!.resetAndDestroy()],
  ["closes the connection", (response) => response.socket!.end()],
  ["sends half a head", (response) => response.socket!.end("HTTP/1.1 200 OK\r\nco")],
  ["sends what is not HTTP", (response) => response.socket!.end("nonsense\r\n\r\n")],
];

/** An answer of 1000 bytes that breaks off after four. */
const cut = (status: number) => (response: ServerResponse) => {
  response.writeHead(status, { "content-length": "1000" });
  response.write("half", () => response.socket!.resetAndDestroy());
};

describe.each(WAYS)("%s", (_, clientOf) => {
  test.each(ENDS)("a service that %s is a PaymentError with its cause", async (_how, end) => {
    const world = await town();
    const shop = await world.openShop(PASS);
    shop.answers.push(...Array(8).fill(end));
    const client = clientOf(world);
    const first = await failure(client.get(`${shop.url}/a`));
    expect(first).toMatchObject({
      name: "PaymentError",
      code: "ERR_PAID_NOT_DELIVERED",
      spent: "yes",
      message: expect.stringMatching(/was paid.*does not answer.*is kept/),
    });
    // The next request has paid nothing itself.
    expect(await failure(client.get(`${shop.url}/a`))).toMatchObject({
      code: "ERR_PAID_NOT_DELIVERED",
      spent: "no",
    });
    expect(world.paid().count).toBe(1);
  });
});

test("the same order, asked again with what it paid for, says so too", async () => {
  const world = await town();
  const shop = await world.openShop();
  shop.answers.push(...Array(8).fill("hang-up"));
  const client = world.connect(world.mint());
  const init = { headers: { "idempotency-key": "order-1" } };
  for (let time = 0; time < 2; time++)
    expect(await failure(client.get(`${shop.url}/a`, init))).toMatchObject({ spent: "yes" });
  expect(world.paid().count).toBe(1);
});

test("the cause is what fetch threw", async () => {
  const world = await town();
  const shop = await world.openShop();
  shop.answers.push("hang-up");
  const error = await failure(world.connect(world.mint()).get(`${shop.url}/a`));
  expect(error.cause).toBeInstanceOf(TypeError);
});

test.each([
  ["a single use", {}, 200],
  ["a pass", PASS, 200],
  ["a failure, which consumes no use", {}, 500],
])("a body that breaks off is a PaymentError for its reader: %s", async (_, terms, status) => {
  const world = await town();
  const shop = await world.openShop({ price: "10 sat", ...terms });
  shop.answers.push(cut(status));
  const client = world.connect(world.mint());
  const response = await client.get(`${shop.url}/a`);
  expect(await failure(response.text())).toMatchObject({
    code: "ERR_PAID_NOT_DELIVERED",
    spent: "yes",
    message: expect.stringContaining("broke off its answer"),
    cause: expect.any(TypeError),
  });
});

test("a caller that aborts while it reads is told so, as by fetch", async () => {
  const world = await town();
  const shop = await world.openShop();
  shop.answers.push((response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("half");
  });
  const abort = new AbortController();
  const client = world.connect(world.mint());
  const response = await client.get(`${shop.url}/a`, { signal: abort.signal });
  abort.abort();
  expect((await failure(response.text())).name).toBe("AbortError");
});

test("a request that pays nothing fails as in fetch", async () => {
  const world = await town();
  const shop = await site((_request, response) => void response.socket!.resetAndDestroy());
  const error = await failure(world.connect(world.mint()).get(`${shop.url}/a`));
  expect(error).toBeInstanceOf(TypeError);
  expect(error).not.toBeInstanceOf(SigilError);
});

describe("a redirect that was paid for", () => {
  /** Sells `/a`, which redirects to what `target` gives; anything else hangs up. */
  const redirecting = async (world: Town, target: (url: string) => string) =>
    site(async ({ headers }, response, url) => {
      if (response.req.url !== "/a") return response.socket!.resetAndDestroy();
      if (headers.authorization === undefined)
        return ask402(response, await challenger(world, url).demand());
      return response.writeHead(302, { location: target(url) }).end();
    });

  test.each<[string, (url: string) => string, object]>([
    ["hangs up", (url) => `${url}/gone`, { cause: expect.any(TypeError) }],
    ["is no URL", () => "http://[", { cause: expect.objectContaining({ code: "ERR_REDIRECT" }) }],
    [
      "is denied",
      (url) => `${url}/secret`,
      { cause: expect.objectContaining({ code: "ERR_ENDPOINT" }) },
    ],
  ])("whose target %s says that it was paid for", async (_, target, more) => {
    const world = await town();
    const shop = await redirecting(world, target);
    const endpoints = [`GET ${shop.url}/a`, `GET ${shop.url}/gone`];
    const client = world.connect(world.mint({ endpoints }));
    expect(await failure(client.get(`${shop.url}/a`))).toMatchObject({
      name: "PaymentError",
      code: "ERR_PAID_NOT_DELIVERED",
      spent: "yes",
      ...more,
    });
    expect(world.paid().count).toBe(1);
  });
});

describe.each(WAYS)("a message of MCP, %s", (_, clientOf) => {
  const call = (version: boolean): RequestInit => ({
    method: "POST",
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}',
    headers: {
      "content-type": "application/json",
      ...(version && { "mcp-protocol-version": "2025-11-25" }),
    },
  });

  test("that was paid for and answered 503 is an error with a code and spent; other requests are answered", async () => {
    for (const isMcp of [true, false]) {
      const world = await town();
      const shop = await world.openShop(PASS);
      shop.answers.push(...Array(8).fill((to: ServerResponse) => to.writeHead(503).end("busy")));
      const client = clientOf(world);
      if (isMcp)
        expect(await failure(client.fetch(`${shop.url}/mcp`, call(true)))).toMatchObject({
          code: "ERR_PAID_NOT_DELIVERED",
          spent: "yes",
          message: expect.stringContaining("answered HTTP 503"),
        });
      else expect((await client.fetch(`${shop.url}/mcp`, call(false))).status).toBe(503);
      shop.answers.length = 0;
      expect((await client.fetch(`${shop.url}/mcp`, call(isMcp))).status).toBe(200);
      expect(world.paid().count).toBe(1);
    }
  });

  test("that nothing was paid for is answered with its status", async () => {
    const world = await town();
    const free = await site((_request, response) => void response.writeHead(503).end());
    expect((await clientOf(world).fetch(free.url, call(true))).status).toBe(503);
  });
});
