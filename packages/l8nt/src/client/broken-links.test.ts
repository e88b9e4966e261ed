/**
 * A client behind a broken link: to its treasury, where an order is sent again under its id, and to
 * a service, where what was paid for is kept. The treasuries of this file answer as they are told.
 */
import type { ServerResponse } from "node:http";
import { createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Scope } from "../caveat/index.ts";
import { DeniedError, type TokenError } from "../errors.ts";
import { Authority, type Credential } from "../l402/index.ts";
import { devClock } from "../testing/dev-clock.ts";
import { listening } from "../testing/dev-shop.ts";
import { failure, gate, type Received, secretOf, site } from "../testing/fixtures/town.ts";
import { Refused } from "../wire/problem.ts";
import { HttpClient } from "./client.ts";
import { patience } from "./retry.ts";

beforeEach(() => void vi.spyOn(patience, "sleep").mockResolvedValue(undefined));
afterEach(() => vi.restoreAllMocks());

const clock = devClock();
const JSON_TYPE = { "content-type": "application/json" };

interface Sent {
  readonly id: string;
  readonly url: string;
  readonly refused?: { readonly paymentHash: string; readonly mayBeUsed: boolean };
  readonly answered?: readonly string[];
  readonly underWay?: readonly string[];
}

type Answer = (response: ServerResponse, order: Sent) => unknown;

/** A service that asks every request without a credential for payment. */
async function paidSite(serve: (request: Received, response: ServerResponse) => unknown) {
  const here = await site((request, response) =>
    request.headers.authorization === undefined
      ? response.writeHead(402, { date: new Date(clock() * 1000).toUTCString() }).end()
      : serve(request, response),
  );
  const authority = new Authority({ secret: secretOf("the shop"), location: here.url, clock });
  const sold = (scope: Scope = { maxUses: 1 }): Credential =>
    authority.minter.mint({ endpoints: [`* ${here.url}/**`], expiresIn: "1h", ...scope });
  return { ...here, sold };
}

/** A treasury that answers each order as the next of `answers` does, and then as `otherwise`. */
async function treasuryOf(answers: Answer[], otherwise: Answer) {
  const orders: Sent[] = [];
  const { url } = await site(({ body }, response) => {
    const order = JSON.parse(body) as Sent;
    orders.push(order);
    return (answers.shift() ?? otherwise)(response, order);
  });
  return { url, orders, credential: spending(url) };
}

const spending = (location: string): Credential =>
  new Authority({ secret: secretOf("a treasury"), location, kind: "spending", clock }).minter.mint({
    endpoints: ["* http://127.0.0.1:*/**"],
    budget: "100 sat",
    expiresIn: "1h",
  });

/** Hands a new credential over for each order, as one that was just paid for. */
const handOver =
  (sold: () => Credential): Answer =>
  (response, { url }) => {
    const credential = sold();
    const amount = { unit: "msat", value: "10000" };
    const { paymentHash } = credential;
    const payment = { origin: new URL(url).origin, paymentHash, amount, fee: amount };
    const answer = { credential: credential.toString(), payment };
    response.writeHead(200, JSON_TYPE).end(JSON.stringify(answer));
  };

const serves = (_request: Received, response: ServerResponse) => response.end("sunny");

/** A URL at which nobody listens. */
async function closedUrl(): Promise<string> {
  const { url, close } = await listening();
  await close();
  return url;
}

const textOf = async (asking: Promise<Response>) => (await asking).text();

describe("an order whose answer is lost is sent again under its id, and answered", () => {
  const half = (response: ServerResponse) => {
    response.writeHead(200, { ...JSON_TYPE, "content-length": "100" });
    response.write("{", () => response.destroy());
  };
  test.each<[string, Answer]>([
    ["a reset before a head", (response) => response.socket!.resetAndDestroy()],
    ["the end of the connection before a head", (response) => response.socket!.end()],
    ["half a head", (response) => response.socket!.end("HTTP/1.1 200 OK\r\ncontent-")],
    ["half an answer", half],
    ["502 of a proxy", (response) => response.writeHead(502).end("<html>")],
    ["503 of a proxy", (response) => response.writeHead(503).end()],
    ["504 of a proxy", (response) => response.writeHead(504).end("gateway time-out")],
    ["408 of a proxy", (response) => response.writeHead(408).end("stream timeout")],
    ["499 of a proxy", (response) => response.writeHead(499).end()],
    ["203 in place of the 200", (response) => response.writeHead(203, JSON_TYPE).end("{}")],
    ["206 in place of the 200", (response) => response.writeHead(206, JSON_TYPE).end("{")],
    ["202 of a queue", (response) => response.writeHead(202).end()],
    ["204 of a cache", (response) => response.writeHead(204).end()],
  ])("%s", async (_what, lost) => {
    const shop = await paidSite(serves);
    const { credential, orders } = await treasuryOf([lost, lost], handOver(shop.sold));
    const client = new HttpClient({ credential, clock });
    expect(await textOf(client.get(`${shop.url}/a`))).toBe("sunny");
    expect(orders).toHaveLength(3);
    expect(new Set(orders.map(({ id }) => id)).size).toBe(1);
    expect(orders[0]!.id).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
  });

  test("a reset of a connection that the treasury had closed meanwhile", async () => {
    const shop = await paidSite(serves);
    let connections = 0;
    const asked: string[] = [];
    const { url, port } = await resetting((text, socket, first) => {
      asked.push(text);
      if (!first) return void socket.resetAndDestroy();
      connections++;
      const body = JSON.stringify({ credential: shop.sold().toString() });
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    });
    expect(port).toBeGreaterThan(0);
    const client = new HttpClient({ credential: spending(url), clock });
    for (let times = 0; times < 4; times++)
      expect(await textOf(client.get(`${shop.url}/a`))).toBe("sunny");
    expect(connections).toBeGreaterThan(1);
    expect(asked.length).toBeGreaterThan(4);
  });

  test("at most five times, after pauses that grow, and the error says what it may have cost", async () => {
    const shop = await paidSite(serves);
    vi.spyOn(patience, "random").mockReturnValue(1);
    const { credential, orders } = await treasuryOf([], (response) => response.destroy());
    const error = await failure(new HttpClient({ credential, clock }).get(`${shop.url}/a`));
    expect(orders).toHaveLength(5);
    expect(vi.mocked(patience.sleep).mock.calls.map(([ms]) => ms)).toEqual([250, 500, 1000, 2000]);
    expect(error).toMatchObject({
      name: "PaymentError",
      code: "ERR_PAYMENT_UNKNOWN",
      spent: "unknown",
    });
    expect(error.message).toContain(orders[0]!.id);
    expect(error.message).toMatch(/Idempotency-Key/);
    const [macaroon = "?"] = credential.toString().split(":");
    expect(error.message).not.toContain(macaroon);
  });

  test("no later than a minute after the first time", async () => {
    const shop = await paidSite(serves);
    let now = 0;
    vi.spyOn(patience, "now").mockImplementation(() => {
      now += 25_000;
      return now;
    });
    const { credential, orders } = await treasuryOf([], (response) =>
      response.writeHead(504).end(),
    );
    const error = await failure(new HttpClient({ credential, clock }).get(`${shop.url}/a`));
    expect(error).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN" });
    expect(orders).toHaveLength(3);
  });

  test("after as many seconds as the proxy asks for", async () => {
    const shop = await paidSite(serves);
    const busy: Answer = (response) => response.writeHead(503, { "retry-after": "7" }).end();
    const { credential } = await treasuryOf([busy], handOver(shop.sold));
    await new HttpClient({ credential, clock }).get(`${shop.url}/a`);
    expect(vi.mocked(patience.sleep).mock.calls.map(([ms]) => ms)).toEqual([7000]);
  });

  test("also by a treasury that starts again meanwhile", async () => {
    const shop = await paidSite(serves);
    const { url, orders } = await treasuryOf([], (response) => response.destroy());
    let tries = 0;
    const client = new HttpClient({
      credential: spending(url),
      clock,
      fetch: async (input, init) => {
        if (!String(input).startsWith(url)) return fetch(input, init);
        // The second and the third try find nobody.
        if (++tries === 2 || tries === 3) return fetch(await closedUrl());
        return fetch(input, init);
      },
    });
    expect(await failure(client.get(`${shop.url}/a`))).toMatchObject({
      code: "ERR_PAYMENT_UNKNOWN",
    });
    expect(tries).toBe(5);
    expect(new Set(orders.map(({ id }) => id)).size).toBe(1);
  });

  test("and no longer than the caller waits", async () => {
    const shop = await paidSite(serves);
    const abort = new AbortController();
    vi.mocked(patience.sleep).mockImplementation(async () => abort.abort());
    const { credential, orders } = await treasuryOf([], (response) => response.destroy());
    const asking = new HttpClient({ credential, clock }).get(`${shop.url}/a`, {
      signal: abort.signal,
    });
    expect((await failure(asking)).name).toBe("AbortError");
    await new Promise((resolve) => setImmediate(resolve));
    expect(orders).toHaveLength(1);
  });
});

describe("an order is not sent again", () => {
  const refusing =
    (error: TokenError | DeniedError): Answer =>
    async (response) => {
      const { status, headers, body } = await rendered(error);
      response.writeHead(status, headers).end(body);
    };
  const rendered = async (error: TokenError | DeniedError) => {
    const { response } = new Refused(error, { status: 503 });
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    };
  };
  const DENIED = new DeniedError([
    { code: "ERR_EXPIRED", condition: "valid_until", have: "1", need: "2" },
  ]);

  test("to a treasury that says why it refuses, whatever the status", async () => {
    const shop = await paidSite(serves);
    const { credential, orders } = await treasuryOf([], refusing(DENIED));
    const error = await failure(new HttpClient({ credential, clock }).get(`${shop.url}/a`));
    expect(error).toMatchObject({ name: "DeniedError", code: "ERR_EXPIRED" });
    expect(orders).toHaveLength(1);
  });

  test("to a treasury that is not there: nothing was spent", async () => {
    const shop = await paidSite(serves);
    const url = await closedUrl();
    let asked = 0;
    const client = new HttpClient({
      credential: spending(url),
      clock,
      fetch: (input, init) => {
        if (String(input).startsWith(url)) asked++;
        return fetch(input, init);
      },
    });
    expect(await failure(client.get(`${shop.url}/a`))).toMatchObject({
      name: "AdapterError",
      code: "ERR_TREASURY",
    });
    expect(asked).toBe(1);
  });

  /** What a client says of an order to which something in between answers `status`. */
  async function afterStatus(status: number) {
    const shop = await paidSite(serves);
    const { credential, orders } = await treasuryOf([], (response) =>
      response.writeHead(status, { location: "/elsewhere" }).end("<html>"),
    );
    const error = await failure(new HttpClient({ credential, clock }).get(`${shop.url}/a`));
    return { error, tries: orders.length };
  }

  test.each([400, 401, 402, 404, 405, 413, 425, 429, 431, 451, 460])(
    "after %d of something in between, which did nothing",
    async (status) => {
      const { error, tries } = await afterStatus(status);
      expect(error).toMatchObject({ name: "AdapterError", code: "ERR_TREASURY" });
      expect(error.message).toContain(`answered with HTTP ${status}`);
      expect(tries).toBe(1);
    },
  );

  test.each([300, 301, 304, 307, 308, 500, 501, 520, 599])(
    "after %d of something in between, which may hide a payment",
    async (status) => {
      const { error, tries } = await afterStatus(status);
      expect(error).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
      expect(tries).toBe(1);
    },
  );

  test.each([201, 202, 203, 204, 206, 408, 499])(
    "more than five times after %d of something in between, which may hide a payment",
    async (status) => {
      const { error, tries } = await afterStatus(status);
      expect(error).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
      expect(tries).toBe(5);
    },
  );

  test("after a denial at a later try, which does not say that the first one was not paid", async () => {
    const shop = await paidSite(serves);
    const { credential, orders } = await treasuryOf(
      [(response) => response.destroy()],
      refusing(DENIED),
    );
    const error = await failure(new HttpClient({ credential, clock }).get(`${shop.url}/a`));
    expect(error).toMatchObject({ code: "ERR_PAYMENT_UNKNOWN", spent: "unknown" });
    expect(error.cause).toMatchObject({ name: "DeniedError", code: "ERR_EXPIRED" });
    expect(orders).toHaveLength(2);
  });

  test("and a refusal of 200 KiB keeps its class and its code", async () => {
    const shop = await paidSite(serves);
    const refusal = {
      code: "ERR_ENDPOINT",
      condition: "endpoints",
      have: "x".repeat(3000),
      need: "y",
    };
    const refusals = Array.from({ length: 70 }, () => refusal as never) as [never, ...never[]];
    const { credential } = await treasuryOf([], refusing(new DeniedError(refusals)));
    const error = await failure(new HttpClient({ credential, clock }).get(`${shop.url}/a`));
    expect(error).toMatchObject({ name: "DeniedError", code: "ERR_ENDPOINT" });
  });
});

describe("the id of an order", () => {
  const idsOf = async (asking: (client: HttpClient, url: string) => Promise<unknown>) => {
    const shop = await paidSite(serves);
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    await asking(new HttpClient({ credential, clock }), shop.url);
    await asking(new HttpClient({ credential, clock }), shop.url);
    for (const { id } of orders) expect(id).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
    return { ids: orders.map(({ id }) => id), received: shop.received };
  };
  const key = (value: string) => ({ headers: { "idempotency-key": value } });

  test("is another one for each request", async () => {
    const { ids } = await idsOf(async (client, url) => {
      await textOf(client.get(`${url}/a`));
      await textOf(client.post(`${url}/a`, "x"));
    });
    expect(new Set(ids).size).toBe(4);
  });

  test("is the same for the same key, method and URL, also from another client", async () => {
    const { ids, received } = await idsOf(async (client, url) => {
      await textOf(client.post(`${url}/a?b=1`, "x", key("mine")));
    });
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).not.toContain("mine");
    // The unpaid request and the paid one, both with the key as it was given.
    expect(received.map(({ headers }) => headers["idempotency-key"])).toEqual(
      Array(4).fill("mine"),
    );
  });

  test("differs with the key, the method, the path and the query", async () => {
    const { ids } = await idsOf(async (client, url) => {
      await textOf(client.post(`${url}/a`, "x", key("one")));
      await textOf(client.post(`${url}/a`, "x", key("two")));
      await textOf(client.put(`${url}/a`, "x", key("one")));
      await textOf(client.post(`${url}/b`, "x", key("one")));
      await textOf(client.post(`${url}/a?c`, "x", key("one")));
    });
    expect(new Set(ids).size).toBe(5);
  });

  test("of a redirect's target is its own", async () => {
    const shop = await paidSite(({ target }, response) =>
      target === "/a"
        ? response.writeHead(307, { location: "/b" }).end()
        : response.end("redirected"),
    );
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    const client = new HttpClient({ credential, clock });
    expect(await textOf(client.get(`${shop.url}/a`, key("k")))).toBe("redirected");
    expect(orders.map(({ url }) => new URL(url).pathname)).toEqual(["/a", "/b"]);
    expect(orders[0]!.id).not.toBe(orders[1]!.id);
  });
});

describe("an answer is acknowledged with the next order", () => {
  /** Two requests; what the second order says of the first one. */
  async function afterwards(
    serve: (response: ServerResponse, url: string) => unknown,
    take: (response: Response) => unknown,
    second = "/a",
  ) {
    let served = 0;
    const shop = await paidSite(({ target }, response) =>
      served++ === 0 ? serve(response, target) : response.end("second"),
    );
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    const client = new HttpClient({ credential, clock });
    await take(await client.get(`${shop.url}/a`));
    await textOf(client.get(`${shop.url}${second}`));
    const [first, next] = orders;
    return {
      orders: orders.length,
      answered: next?.answered?.includes(first!.id) ?? false,
      underWay: next?.underWay?.includes(first!.id) ?? false,
    };
  }
  const whole = (response: ServerResponse) => response.end("first");
  /** More than fits into the buffers between. */
  const large = (response: ServerResponse) => response.end("x".repeat(8 * 1024 * 1024));

  test("once its body was read to the end", async () => {
    expect(await afterwards(whole, (response) => response.text())).toEqual({
      orders: 2,
      answered: true,
      underWay: false,
    });
  });

  test("if it has no body", async () => {
    expect(
      await afterwards(
        (response) => response.writeHead(204).end(),
        () => {},
      ),
    ).toEqual({
      orders: 2,
      answered: true,
      underWay: false,
    });
  });

  test("once the caller cancelled its body", async () => {
    expect(await afterwards(large, (response) => response.body!.cancel())).toEqual({
      orders: 2,
      answered: true,
      underWay: false,
    });
  });

  test("also with the next order of another client of the same credential", async () => {
    const shop = await paidSite(serves);
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    for (let times = 0; times < 2; times++)
      await textOf(new HttpClient({ credential, clock }).get(`${shop.url}/a`));
    expect(orders[1]!.answered).toEqual([orders[0]!.id]);
  });

  test("not while its body is unread: its order is under way then", async () => {
    expect(await afterwards(large, () => {})).toEqual({
      orders: 2,
      answered: false,
      underWay: true,
    });
  });

  test("and an order that is under way is not named to an order for another path", async () => {
    expect(await afterwards(large, () => {}, "/b")).toEqual({
      orders: 2,
      answered: false,
      underWay: false,
    });
  });

  test("of unread bodies the oldest counts as read once there are more than 64", async () => {
    const shop = await paidSite(serves);
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    const client = new HttpClient({ credential, clock });
    for (let times = 0; times < 66; times++) await client.get(`${shop.url}/a`);
    expect(orders.at(-1)!.answered).toEqual([orders[0]!.id]);
    expect(orders.at(-1)!.underWay).toEqual(orders.slice(1, 65).map(({ id }) => id));
  });

  test("never if its body broke off: what was paid for is presented again first", async () => {
    const cut = (response: ServerResponse) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.socket!.resetAndDestroy());
    };
    const take = async (response: Response) => void (await failure(response.text()));
    expect(await afterwards(cut, take)).toEqual({ orders: 1, answered: false, underWay: false });
  });

  test("not if the service gave the use back", async () => {
    expect(
      await afterwards(
        (response) => response.writeHead(404).end(),
        () => {},
      ),
    ).toEqual({ orders: 1, answered: false, underWay: false });
  });

  test("also if it was relayed", async () => {
    const shop = await paidSite(serves);
    const relay: Answer = (response) =>
      response.writeHead(200, { "sigil-relayed": "1" }).end("relayed");
    const { credential, orders } = await treasuryOf([], relay);
    const client = new HttpClient({ credential, clock });
    for (let times = 0; times < 2; times++)
      expect(await textOf(client.get(`${shop.url}/a`))).toBe("relayed");
    expect(orders[1]!.answered).toEqual([orders[0]!.id]);
  });

  test("not if the service gave the use of a relayed answer back", async () => {
    const shop = await paidSite(serves);
    const relay: Answer = (response) =>
      response.writeHead(200, { "sigil-relayed": "1", "sigil-use": "released" }).end("relayed");
    const { credential, orders } = await treasuryOf([], relay);
    const client = new HttpClient({ credential, clock });
    for (let times = 0; times < 2; times++)
      expect(await textOf(client.get(`${shop.url}/a`))).toBe("relayed");
    expect(orders[1]).not.toHaveProperty("answered");
  });

  test("not if the relayed answer broke off", async () => {
    const shop = await paidSite(serves);
    const relay: Answer = (response) => {
      response.writeHead(200, { "sigil-relayed": "1", "content-length": "100" });
      response.write("half", () => response.destroy());
    };
    const { credential, orders } = await treasuryOf([], relay);
    const client = new HttpClient({ credential, clock });
    for (let times = 0; times < 2; times++) {
      const response = await client.get(`${shop.url}/a`);
      expect(response.status).toBe(200);
      await failure(response.text());
    }
    expect(orders).toHaveLength(2);
    expect(orders[1]).not.toHaveProperty("answered");
    expect(orders[1]).not.toHaveProperty("underWay");
  });

  test("until the treasury has heard it, and then no more", async () => {
    const shop = await paidSite(serves);
    const give = handOver(shop.sold);
    const { credential, orders } = await treasuryOf(
      [give, ...Array(5).fill((response: ServerResponse) => response.destroy()), give],
      give,
    );
    const client = new HttpClient({ credential, clock });
    const ask = () => textOf(client.get(`${shop.url}/a`));
    await ask();
    await failure(ask());
    await ask();
    await ask();
    const [first] = orders;
    for (const one of orders.slice(1, 7)) expect(one.answered).toEqual([first!.id]);
    expect(orders[7]!.answered).toEqual([orders[6]!.id]);
  });
});

describe("a use without a key of the caller's has one that follows from what was bought", () => {
  const keysOf = (received: readonly Received[]) =>
    received.map(({ headers }) => headers["idempotency-key"]);

  test("the same at each attempt, and another one for another request or order", async () => {
    const shop = await paidSite((_request, response) => response.socket!.resetAndDestroy());
    const one = shop.sold();
    const { credential } = await treasuryOf(
      [],
      handOver(() => one),
    );
    const client = () => new HttpClient({ credential, clock });
    const first = client();
    await failure(first.get(`${shop.url}/a?x`));
    await failure(first.get(`${shop.url}/a?x`));
    await failure(first.get(`${shop.url}/a?y`));
    // Another order, as after the process has ended: an answer that was kept is not for it.
    await failure(client().get(`${shop.url}/a?x`));
    const [unpaid, paid, again, query, unpaid2, other] = keysOf(shop.received);
    expect([unpaid, unpaid2]).toEqual([undefined, undefined]);
    expect(again).toBe(paid);
    for (const one of [paid, query, other]) expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set([paid, query, other]).size).toBe(3);
  });

  test("but not for a credential for many requests", async () => {
    const shop = await paidSite(serves);
    const { credential } = await treasuryOf(
      [],
      handOver(() => shop.sold({})),
    );
    await textOf(new HttpClient({ credential, clock }).get(`${shop.url}/a`));
    expect(keysOf(shop.received)).toEqual([undefined, undefined]);
  });

  const problem = (status: number, code: string): [number, Record<string, string>, string] => [
    status,
    { "content-type": "application/problem+json", "retry-after": "3" },
    JSON.stringify({ type: `urn:sigil:${code}`, title: "", status, detail: "told", code }),
  ];

  test("a service that still answers the first attempt is asked again after a while", async () => {
    let used = 0;
    const shop = await paidSite((_request, response) => {
      const [status, fields, body] = problem(409, "ERR_REQUEST_RUNNING");
      if (++used <= 2) response.writeHead(status, fields).end(body);
      else response.end("the first answer");
    });
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    const client = new HttpClient({ credential, clock });
    expect(await textOf(client.get(`${shop.url}/a`))).toBe("the first answer");
    expect(vi.mocked(patience.sleep).mock.calls.map(([ms]) => ms)).toEqual([3000, 3000]);
    expect(orders).toHaveLength(1);
  });

  test("a service that has answered and kept nothing may have used it: it is bought anew", async () => {
    let used = 0;
    const shop = await paidSite((_request, response) => {
      const [status, fields, body] = problem(422, "ERR_IDEMPOTENCY_KEY");
      if (++used === 1) response.writeHead(status, fields).end(body);
      else response.end("new");
    });
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    expect(await textOf(new HttpClient({ credential, clock }).get(`${shop.url}/a`))).toBe("new");
    expect(orders).toHaveLength(2);
    expect(orders[1]!.refused?.mayBeUsed).toBe(true);
  });

  test.each([
    [409, "ERR_MINE"],
    [422, "ERR_MINE"],
  ])("a service's own %i is passed on as it is", async (code, own) => {
    const shop = await paidSite((_request, response) => {
      const [status, fields, body] = problem(code, own);
      response.writeHead(status, fields).end(body);
    });
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    const response = await new HttpClient({ credential, clock }).get(`${shop.url}/a`);
    expect(response.status).toBe(code);
    expect(await response.json()).toMatchObject({ code: own });
    expect(orders).toHaveLength(1);
  });
});

test("orders that run at the same time name each other, those for other paths do not", async () => {
  const shop = await paidSite(serves);
  const [reached, go] = [gate(), gate()];
  const orders: Sent[] = [];
  const { url } = await site(async ({ body }, response) => {
    const order = JSON.parse(body) as Sent;
    if (orders.push(order) === 3) reached.open();
    await go.opened;
    handOver(shop.sold)(response, order);
  });
  const client = new HttpClient({ credential: spending(url), clock });
  const asking = ["/a?1", "/b", "/a?2"].map((path) => textOf(client.get(shop.url + path)));
  await reached.opened;
  const last = textOf(client.get(`${shop.url}/a?3`));
  await vi.waitFor(() => expect(orders).toHaveLength(4));
  go.open();
  await Promise.all([...asking, last]);
  const of = (path: string) => orders.find((order) => order.url.endsWith(path))!;
  expect(new Set(of("?3").underWay)).toEqual(new Set([of("?1").id, of("?2").id]));
  expect(of("/b").underWay).toBeUndefined();
});

describe("a refused credential is reported as one that may have been used", () => {
  /** How the first use ends; the second one is refused. */
  async function refusedAfter(
    serve: (response: ServerResponse) => unknown,
    ask: (client: HttpClient, url: string) => Promise<unknown>,
    fetcher?: typeof fetch,
  ) {
    let used = 0;
    const shop = await paidSite((_request, response) => {
      used++;
      if (used === 1) return serve(response);
      if (used === 2) return response.writeHead(402).end();
      return response.end("bought");
    });
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    const client = new HttpClient({ credential, clock, ...(fetcher && { fetch: fetcher }) });
    await ask(client, `${shop.url}/a`);
    expect(await textOf(client.get(`${shop.url}/a`))).toBe("bought");
    expect(orders).toHaveLength(2);
    expect(used).toBe(3);
    return orders[1]!.refused;
  }
  const claimAfter = async (...given: Parameters<typeof refusedAfter>) =>
    (await refusedAfter(...given))?.mayBeUsed;
  const fails = async (client: HttpClient, url: string) => void (await failure(client.get(url)));
  const asks = async (client: HttpClient, url: string) => void (await client.get(url));

  test.each<[string, (response: ServerResponse) => unknown]>([
    ["resets the connection", (response) => response.socket!.resetAndDestroy()],
    ["closes the connection", (response) => response.socket!.end()],
    ["sends half a head", (response) => response.socket!.end("HTTP/1.1 200 OK\r\nco")],
  ])("not if the service %s", async (_what, serve) => {
    expect(await claimAfter(serve, fails)).toBe(false);
  });

  test.each([500, 502, 504])(
    "not if the answer is %i, which is reported as no answer: a gateway may have said it",
    async (status) => {
      expect(
        await refusedAfter((response) => response.writeHead(status).end(), asks),
      ).toMatchObject({ mayBeUsed: false, unanswered: true });
    },
  );

  test.each<[string, (response: ServerResponse) => unknown]>([
    ["is no HTTP", (response) => response.socket!.end("nonsense\r\n\r\n")],
    [
      "has a head that is too long",
      (response) => response.writeHead(200, { link: "x".repeat(20_000) }).end(),
    ],
  ])("if the service's answer %s", async (_what, serve) => {
    expect(await claimAfter(serve, fails)).toBe(true);
  });

  test("if the service answered it with 404", async () => {
    expect(await claimAfter((response) => response.writeHead(404).end(), asks)).toBe(true);
  });

  test("if the caller aborted", async () => {
    const reached = gate();
    const abort = new AbortController();
    const mayBeUsed = await claimAfter(reached.open, async (client, url) => {
      const asking = failure(client.get(url, { signal: abort.signal }));
      await reached.opened;
      abort.abort();
      await asking;
    });
    expect(mayBeUsed).toBe(true);
  });

  test("if the client's own fetch timed out", async () => {
    let isFirst = true;
    const impatient: typeof fetch = (input, init) => {
      const isPaid = new Headers(init?.headers).has("authorization");
      if (!isFirst || !isPaid || init?.method !== "GET") return fetch(input, init);
      isFirst = false;
      return fetch(input, { ...init, signal: AbortSignal.timeout(20) });
    };
    expect(await claimAfter(() => {}, fails, impatient)).toBe(true);
  });

  test("if the service broke off an answer that it had begun", async () => {
    const cut = (response: ServerResponse) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.socket!.resetAndDestroy());
    };
    const mayBeUsed = await claimAfter(cut, async (client, url) =>
      failure((await client.get(url)).text()),
    );
    expect(mayBeUsed).toBe(true);
  });

  test("if another request is using it", async () => {
    const [reached, go] = [gate(), gate()];
    let used = 0;
    const shop = await paidSite(async (_request, response) => {
      used++;
      if (used === 1) return response.end("first");
      if (used === 3) return response.writeHead(402).end();
      if (used === 2) {
        reached.open();
        await go.opened;
      }
      response.end("served");
    });
    const pass = shop.sold({});
    const other = shop.sold({});
    const { credential, orders } = await treasuryOf(
      [handOver(() => pass)],
      handOver(() => other),
    );
    const client = new HttpClient({ credential, clock });
    await textOf(client.get(`${shop.url}/a`));
    const slow = textOf(client.get(`${shop.url}/b`));
    await reached.opened;
    expect(await textOf(client.get(`${shop.url}/c`))).toBe("served");
    go.open();
    await slow;
    expect(orders[1]!.refused).toEqual({ paymentHash: pass.paymentHash, mayBeUsed: true });
  });

  test("if the treasury had bought it for an earlier order", async () => {
    const shop = await paidSite(({ headers }, response) =>
      headers.authorization?.includes(old.toString())
        ? response.writeHead(402).end()
        : response.end("bought"),
    );
    const old = shop.sold();
    const reuse: Answer = (response) =>
      response.writeHead(200, JSON_TYPE).end(JSON.stringify({ credential: old.toString() }));
    const { credential, orders } = await treasuryOf([reuse], handOver(shop.sold));
    expect(await textOf(new HttpClient({ credential, clock }).get(`${shop.url}/a`))).toBe("bought");
    expect(orders.map(({ id }) => id)).toEqual([orders[0]!.id, orders[0]!.id]);
    expect(orders[1]!.refused).toEqual({ paymentHash: old.paymentHash, mayBeUsed: true });
  });
});

describe("what was paid for and not answered is used by the next request", () => {
  test("that arrives after the caller gave up, over a fetch that cannot be ended, which makes no second order", async () => {
    const shop = await paidSite(serves);
    const [reached, go] = [gate(), gate()];
    const { credential, orders } = await treasuryOf(
      [
        async (response, order) => {
          reached.open();
          await go.opened;
          handOver(shop.sold)(response, order);
        },
      ],
      (response) => response.destroy(),
    );
    const told = gate();
    const endless: typeof fetch = (input, init) => fetch(input, { ...init, signal: null });
    const client = new HttpClient({ credential, clock, onPayment: told.open, fetch: endless });
    const abort = new AbortController();
    const asking = failure(client.get(`${shop.url}/a`, { signal: abort.signal }));
    await reached.opened;
    abort.abort();
    expect((await asking).name).toBe("AbortError");
    go.open();
    await told.opened;
    expect(await textOf(client.get(`${shop.url}/a`))).toBe("sunny");
    expect(orders).toHaveLength(1);
  });

  test("but not by another order than the one whose key it was bought under", async () => {
    let used = 0;
    const shop = await paidSite((_request, response) =>
      used++ === 0 ? response.destroy() : response.end("sunny"),
    );
    const { credential, orders } = await treasuryOf([], handOver(shop.sold));
    const client = new HttpClient({ credential, clock });
    const key = (value: string) => ({ headers: { "idempotency-key": value } });
    await failure(client.get(`${shop.url}/a`, key("one")));
    await textOf(client.get(`${shop.url}/a`, key("two")));
    await textOf(client.get(`${shop.url}/a`));
    expect(orders).toHaveLength(3);
    // The first order again: what was bought for it is there.
    await textOf(client.get(`${shop.url}/a`, key("one")));
    expect(orders).toHaveLength(3);
  });

  test.each([400, -400])("though this client's clock is %i s off", async (seconds) => {
    const shop = await paidSite((_request, response) =>
      response.writeHead(used++ === 0 ? 404 : 200).end("sunny"),
    );
    let used = 0;
    const { credential, orders } = await treasuryOf(
      [],
      handOver(() => shop.sold({ maxUses: 1, expiresIn: "5m" })),
    );
    const client = new HttpClient({ credential, clock: () => clock() + seconds });
    expect((await client.get(`${shop.url}/a`)).status).toBe(404);
    expect((await client.get(`${shop.url}/a`)).status).toBe(200);
    expect(orders).toHaveLength(1);
  });
});

/** A server that is told of each request, and whether it is the first one of its connection. */
async function resetting(answer: (text: string, socket: Socket, first: boolean) => void) {
  const server = createServer((socket) => {
    let requests = 0;
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (part) => {
      text += part.toString("latin1");
      const [head = "", body] = text.split("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (body === undefined || body.length < length) return;
      text = "";
      answer(body, socket, requests++ === 0);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, port };
}
