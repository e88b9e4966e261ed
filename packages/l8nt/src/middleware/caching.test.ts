/** What caches and pages of other origins are told, in every adapter. spec/3-challenge.md §5. */
import { createServer, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express, { type RequestHandler } from "express";
import fastify from "fastify";
import { Hono, type MiddlewareHandler } from "hono";
import { cors as honoCors } from "hono/cors";
import { afterEach, describe, expect, test, vi } from "vitest";
import { listener, paid as paidNode } from "../node/index.ts";
import type { Grant, Paywall, PaywallOptions, Terms } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange, type RawResponse } from "../testing/raw-http.ts";
import { paid as paidExpress } from "./express.ts";
import { paid as paidFastify } from "./fastify.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";
import { paid as paidNext } from "./next.ts";

type Fields = Readonly<Record<string, string>>;
/** What a handler answers: the fields of its head. */
type Answer = (grant: Grant) => { readonly status?: number; readonly fields: Fields };
/** Where a framework's CORS middleware stands. */
type Cors = "before" | "after" | undefined;
type Start = (
  paywall: Paywall,
  terms: Terms,
  answer: Answer,
  cors: Cors,
) => Server | Promise<Server>;

const ALLOWED: Fields = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET",
  "access-control-allow-headers": "authorization",
};

const expressCors: RequestHandler = (request, response, next) => {
  for (const [name, value] of Object.entries(ALLOWED)) response.setHeader(name, value);
  response.vary("Origin");
  if (request.method === "OPTIONS") response.sendStatus(204);
  else next();
};

const ADAPTERS: Readonly<Record<string, Start>> = {
  "l8nt/node": (paywall, terms, answer) =>
    createServer(
      paidNode(paywall, terms, (_, outgoing, grant) => {
        const { status = 200, fields } = answer(grant);
        for (const [name, value] of Object.entries(fields)) outgoing.setHeader(name, value);
        outgoing.statusCode = status;
        outgoing.end("sunny");
      }),
    ),
  "l8nt/node, with fields in writeHead": (paywall, terms, answer) =>
    createServer(
      paidNode(paywall, terms, (_, outgoing, grant) => {
        const { status = 200, fields } = answer(grant);
        outgoing.writeHead(status, fields).end("sunny");
      }),
    ),
  "l8nt/node, with a list of fields in writeHead": (paywall, terms, answer) =>
    createServer(
      paidNode(paywall, terms, (_, outgoing, grant) => {
        const { status = 200, fields } = answer(grant);
        outgoing.writeHead(status, "fine", Object.entries(fields).flat()).end("sunny");
      }),
    ),
  "l8nt/node, with flushHeaders": (paywall, terms, answer) =>
    createServer(
      paidNode(paywall, terms, (_, outgoing, grant) => {
        const { status = 200, fields } = answer(grant);
        for (const [name, value] of Object.entries(fields)) outgoing.setHeader(name, value);
        outgoing.statusCode = status;
        outgoing.flushHeaders();
        outgoing.end();
      }),
    ),
  "l8nt/express": (paywall, terms, answer, cors) => {
    const app = express();
    if (cors === "before") app.use(expressCors);
    app.use(paidExpress(paywall, terms));
    if (cors === "after") app.use(expressCors);
    app.all("/paid", (request, response) => {
      const { status = 200, fields } = answer(request.grant);
      response.status(status).set(fields).send("sunny");
    });
    return createServer(app);
  },
  "l8nt/fastify": async (paywall, terms, answer, cors) => {
    const app = fastify();
    const allow = async () =>
      app.addHook("onRequest", async (request, reply) => {
        reply.headers(ALLOWED).header("vary", "Origin");
        if (request.method === "OPTIONS") return reply.code(204).send();
      });
    if (cors === "before") await allow();
    app.addHook("onRequest", paidFastify(paywall, terms));
    if (cors === "after") await allow();
    app.all("/paid", async (request, reply) => {
      const { status = 200, fields } = answer(request.grant);
      return reply
        .code(status)
        .headers(fields)
        .send(status === 304 ? undefined : "sunny");
    });
    await app.ready();
    return app.server;
  },
  "l8nt/hono": (paywall, terms, answer, cors) =>
    createAdaptorServer(honoApp(paywall, terms, answer, cors)) as Server,
  "l8nt/hono, elsewhere than on Node": (paywall, terms, answer, cors) => {
    const app = honoApp(paywall, terms, answer, cors);
    return createServer(listener((request) => app.fetch(request)));
  },
  "l8nt/next": (paywall, terms, answer) => {
    const handler = paidNext(paywall, terms, (_request, _context, grant) => {
      const { status = 200, fields } = answer(grant);
      return new Response(status === 304 ? null : "sunny", { status, headers: fields });
    });
    return createServer(listener((request) => handler(request, {})));
  },
};
const WITH_CORS = Object.entries(ADAPTERS).filter(([name]) => /express|fastify|hono/.test(name));

function honoApp(paywall: Paywall, terms: Terms, answer: Answer, cors: Cors) {
  const app = new Hono();
  const allow: MiddlewareHandler = honoCors({ origin: "*", allowHeaders: ["authorization"] });
  if (cors === "before") app.use(allow);
  app.use(paidHono(paywall, terms) as MiddlewareHandler);
  if (cors === "after") app.use(allow);
  app.all("/paid", (c) => {
    const { status = 200, fields } = answer(c.get("grant" as never) as Grant);
    return status === 304
      ? c.newResponse(null, { status, headers: fields })
      : c.newResponse("sunny", { status: status as 200, headers: fields });
  });
  return app;
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function world(
  start: Start,
  terms: Terms,
  answer: Answer,
  { cors, ...options }: Partial<PaywallOptions> & { readonly cors?: Cors } = {},
) {
  const invoicer = new FakeInvoicer();
  const paywall = newPaywall({ invoicer, challengesPerMinute: { perClient: 3 }, ...options });
  const host = await listening(await start(paywall, terms, answer, cors));
  closers.push(host.close);
  const ask = (fields: readonly (readonly [string, string])[] = [], method = "GET") =>
    exchange(host.url, { method, target: "/paid", fields });
  const buy = async () => present(invoicer.buy((await ask()).lines("www-authenticate")));
  return { ask, buy, invoicer };
}

const VARY = "Authorization, Macaroon, Grpc-Metadata-Macaroon";
const listOf = (response: RawResponse, name: string): readonly string[] =>
  response
    .lines(name)
    .join(", ")
    .split(/, */)
    .filter((one) => one !== "");

/** What a handler sets, and the directives that go out. */
const CACHE_CONTROL: readonly (readonly [Fields, readonly string[]])[] = [
  [{}, ["private"]],
  [{ "cache-control": "max-age=60" }, ["max-age=60", "private"]],
  [{ "Cache-Control": "public, max-age=60" }, ["max-age=60", "private"]],
  [{ "cache-control": "s-maxage=60, must-revalidate" }, ["must-revalidate", "private"]],
  [{ "cache-control": "no-store" }, ["no-store"]],
  [{ "cache-control": "private, max-age=5" }, ["private", "max-age=5"]],
  [{ "cache-control": 'private="set-cookie", PUBLIC' }, ['private="set-cookie"', "private"]],
  [{ "cache-control": "no-cache" }, ["no-cache", "private"]],
];

describe.each(Object.entries(ADAPTERS))("%s", (_, start) => {
  test.each<[string, Terms]>([
    ["counted", { price: "1 sat", grants: { uses: 99 } }],
    ["not counted", { price: "1 sat", grants: { validFor: "1h" } }],
  ])("a paid answer is for one client, a use that is %s", async (_kind, terms) => {
    let fields: Fields = {};
    const { ask, buy } = await world(start, terms, () => ({ fields }));
    const paid = await buy();
    for (const [set, expected] of CACHE_CONTROL) {
      fields = set;
      const response = await ask([paid]);
      expect(response.status).toBe(200);
      expect(listOf(response, "cache-control")).toEqual(expected);
      expect(response.lines("vary").join(", ")).toBe(VARY);
    }
    fields = {
      vary: "Accept, macaroon",
      "X-Accel-Expires": "60",
      "CDN-Cache-Control": "max-age=9",
    };
    const response = await ask([paid]);
    expect(listOf(response, "vary")).toEqual([
      "Accept",
      "macaroon",
      "Authorization",
      "Grpc-Metadata-Macaroon",
    ]);
    expect([...response.lines("x-accel-expires"), ...response.lines("cdn-cache-control")]).toEqual(
      [],
    );
  });

  test("a 304 says the same", async () => {
    const terms = { price: "1 sat", grants: { uses: 2 } } as const;
    const fields = { "cache-control": "max-age=60", etag: '"a"' };
    const { ask, buy } = await world(start, terms, () => ({ status: 304, fields }));
    const response = await ask([await buy()]);
    expect(response.status).toBe(304);
    expect(listOf(response, "cache-control")).toEqual(["max-age=60", "private"]);
    expect(response.lines("vary").join(", ")).toBe(VARY);
  });

  test("a handler may let caches give its answer to all, and a free answer is the handler's", async () => {
    const fields = { "cache-control": "public, s-maxage=60", vary: "Accept" };
    let isFree = false;
    const terms: Terms = { price: () => (isFree ? "0 sat" : "1 sat"), grants: { uses: 9 } };
    const { ask, buy } = await world(start, terms, (grant) => {
      if (!isFree) grant.allowSharedCaching();
      return { fields };
    });
    const paid = await buy();
    for (const free of [false, true]) {
      isFree = free;
      const response = await ask(free ? [] : [paid]);
      expect([...response.lines("cache-control"), ...response.lines("vary")]).toEqual(
        Object.values(fields),
      );
    }
  });

  test("what is not served is stored by no cache", async () => {
    const { ask } = await world(start, { price: "1 sat" }, () => ({ fields: {} }));
    for (const [status, fields] of [
      [402, []],
      [401, [["authorization", "L402 AAAA:00"]]],
      [402, []],
      [402, []],
      [429, []],
    ] as const) {
      const response = await ask(fields);
      expect(response.status).toBe(status);
      expect(response.lines("cache-control")).toEqual(["no-store"]);
      expect(response.lines("vary").join(", ")).toBe(VARY);
    }
  });

  test("a preflight is answered, and is not sold, limited, or given to the handler", async () => {
    const answer = vi.fn(() => ({ fields: {} }));
    const { ask, invoicer } = await world(start, { price: "1 sat" }, answer);
    for (let at = 0; at < 9; at++) {
      const response = await ask(PREFLIGHT, "OPTIONS");
      expect([response.status, response.body]).toEqual([204, ""]);
      expect(response.lines("access-control-allow-origin")).toEqual([]);
    }
    expect([invoicer.requests.length, answer.mock.calls.length]).toEqual([0, 0]);
    for (const status of [402, 402, 402, 429]) expect((await ask()).status).toBe(status);
  });

  test.each(["X-Forwarded-For", "Forwarded"])(
    "a proxy that the service was not told about is reported once, by %s",
    async (field) => {
      const alarm = vi.fn();
      const { ask } = await world(start, { price: "1 sat" }, () => ({ fields: {} }), { alarm });
      await ask();
      expect(alarm).not.toHaveBeenCalled();
      for (let at = 0; at < 2; at++) await ask([[field, "for=192.0.2.1"]]);
      expect(alarm).toHaveBeenCalledOnce();
      expect(alarm.mock.calls[0]![0]).toMatch(/clientAddress/);
    },
  );

  test("an OPTIONS request that is no preflight is for sale", async () => {
    const answer = vi.fn(() => ({ fields: {} }));
    const { ask } = await world(start, { price: "1 sat" }, answer);
    const asked = [
      [],
      [["origin", "https://app.example"]],
      [["access-control-request-method", "GET"]],
    ];
    for (const fields of asked) expect((await ask(fields as never, "OPTIONS")).status).toBe(402);
    expect(answer).not.toHaveBeenCalled();
  });
});

const PREFLIGHT = [
  ["origin", "https://app.example"],
  ["access-control-request-method", "GET"],
  ["access-control-request-headers", "authorization"],
] as const;

describe.each(WITH_CORS)("%s", (_, start) => {
  test("CORS middleware before paid() allows the request, and its page reads the challenge", async () => {
    const { ask, buy, invoicer } = await world(start, { price: "1 sat" }, () => ({ fields: {} }), {
      cors: "before",
    });
    for (let at = 0; at < 5; at++) {
      const preflight = await ask(PREFLIGHT, "OPTIONS");
      expect(preflight.status).toBe(204);
      expect(preflight.lines("access-control-allow-origin")).toEqual(["*"]);
      expect(preflight.lines("access-control-allow-headers")).toEqual(["authorization"]);
    }
    expect(invoicer.requests).toEqual([]);
    const asked = await ask([["origin", "https://app.example"]]);
    expect([asked.status, ...asked.lines("access-control-allow-origin")]).toEqual([402, "*"]);
    expect(listOf(asked, "access-control-expose-headers")).toEqual(["WWW-Authenticate", "Date"]);
    const served = await ask([["origin", "https://app.example"], await buy()]);
    expect([served.status, ...served.lines("access-control-allow-origin")]).toEqual([200, "*"]);
  });

  test("CORS middleware behind paid(): a preflight is not sold either", async () => {
    const answer = vi.fn(() => ({ fields: {} }));
    const { ask, invoicer } = await world(start, { price: "1 sat" }, answer, { cors: "after" });
    expect((await ask(PREFLIGHT, "OPTIONS")).status).toBe(204);
    expect([invoicer.requests.length, answer.mock.calls.length]).toEqual([0, 0]);
  });
});
