/** A request that passes two guards: of an app and a route, and of two paywalls. */
import { createServer, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, expect, test } from "vitest";
import * as onNode from "../node/index.ts";
import type { Paywall, Terms } from "../service/index.ts";
import { MemoryStore } from "../stores/memory.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange } from "../testing/raw-http.ts";
import * as onExpress from "./express.ts";
import * as onFastify from "./fastify.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import * as onHono from "./hono.ts";
import * as onNext from "./next.ts";

type Guards = readonly [app: Paywall, route: Paywall];

/** A server whose app is guarded, and its only route again. */
const FRAMEWORKS: Record<
  string,
  (guards: Guards, terms: Terms) => Promise<{ url: string; close(): Promise<void> }>
> = {
  "node:http": ([app, route], terms) => {
    const inner = onNode.paid(route, terms, (_, outgoing) => void outgoing.end("sunny"));
    return listening(createServer(onNode.paid(app, terms, inner)));
  },
  Express: ([app, route], terms) => {
    const router = express.Router();
    router.get("/forecast", onExpress.paid(route, terms), (_, answer) => void answer.send("sunny"));
    return listening(createServer(express().use(onExpress.paid(app, terms)).use("/v1", router)));
  },
  Fastify: async ([app, route], terms) => {
    const server = fastify();
    server.addHook("onRequest", onFastify.paid(app, terms));
    const onRequest = onFastify.paid(route, terms);
    server.get("/v1/forecast", { onRequest }, async () => "sunny");
    return {
      url: await server.listen({ host: "127.0.0.1", port: 0 }),
      close: () => server.close(),
    };
  },
  Hono: ([app, route], terms) => {
    const server = new Hono().use(onHono.paid(app, terms));
    server.get(
      "/v1/forecast",
      onHono.paid(route, terms, (c) => c.text("sunny")),
    );
    return listening(createAdaptorServer(server) as Server);
  },
  "Hono elsewhere, and middleware that replaces the request, as bodyLimit does": async (
    [app, route],
    terms,
  ) => {
    const server = new Hono().use(onHono.paid(app, terms)).use((c, next) => {
      c.req.raw = new Request(c.req.raw, {});
      return next();
    });
    server.get(
      "/v1/forecast",
      onHono.paid(route, terms, (c) => c.text("sunny")),
    );
    return onNode.serve((request) => server.fetch(request));
  },
  "Next, and Hono in it": async ([app, route], terms) => {
    const server = new Hono().get("/v1/forecast", onHono.paid(route, terms), (c) =>
      c.text("sunny"),
    );
    return onNode.serve((request) =>
      onNext.paid(app, terms, async (given) => server.fetch(given))(request, {}),
    );
  },
  "Hono elsewhere, and a listener in it": async ([app, route], terms) => {
    const inner = onNext.paid(route, terms, () => new Response("sunny"));
    const server = new Hono().use(onHono.paid(app, terms));
    server.get("/v1/forecast", (c) => inner(c.req.raw, {}));
    return onNode.serve((request) => server.fetch(request));
  },
  "Next, and a server of its own": async ([app, route], terms) => {
    const inner = onNext.paid(route, terms, () => new Response("sunny"));
    return onNode.serve((request) => onNext.paid(app, terms, inner)(request, {}));
  },
  "Hono, and a listener in it": ([app, route], terms) => {
    const inner = onNext.paid(route, terms, () => new Response("sunny"));
    const server = new Hono().use(onHono.paid(app, terms));
    server.get("/v1/forecast", (c) => inner(c.req.raw, {}));
    return listening(createAdaptorServer(server) as Server);
  },
  "Express, and a listener in it": ([app, route], terms) => {
    const inner = onNode.listener((request) =>
      onNext.paid(route, terms, () => new Response("sunny"))(request, {}),
    );
    return listening(createServer(express().use(onExpress.paid(app, terms)).use(inner)));
  },
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const COUNTED: Terms = { price: "1 sat", grants: { uses: 2 } };
const TIMED: Terms = { price: "1 sat", grants: { validFor: "1h" } };

for (const [framework, start] of Object.entries(FRAMEWORKS)) {
  async function world(guards: Guards, invoicer: FakeInvoicer, terms: Terms) {
    const { url, close } = await start(guards, terms);
    closers.push(close);
    const ask = (credential?: string) =>
      exchange(url, {
        target: "/v1/forecast",
        fields: credential === undefined ? [] : [present(credential)],
      });
    return { ask, credential: invoicer.buy((await ask()).lines("www-authenticate")) };
  }

  test(`${framework}: a paid use is counted once, and two uses are two`, async () => {
    const invoicer = new FakeInvoicer();
    const paywall = newPaywall({ invoicer });
    const { ask, credential } = await world([paywall, paywall], invoicer, COUNTED);
    const statuses = [];
    for (let times = 0; times < 3; times++) statuses.push((await ask(credential)).status);
    expect(statuses).toEqual([200, 200, 402]);
  });

  test(`${framework}: so it is by two paywalls with one secret`, async () => {
    const invoicer = new FakeInvoicer();
    const store = new MemoryStore();
    const guards = [newPaywall({ invoicer, store }), newPaywall({ invoicer, store })] as const;
    const { ask, credential } = await world(guards, invoicer, COUNTED);
    const statuses = [];
    for (let times = 0; times < 3; times++) statuses.push((await ask(credential)).status);
    expect(statuses).toEqual([200, 200, 402]);
  });

  for (const terms of [COUNTED, TIMED])
    test(`${framework}: two paywalls with two secrets never sell twice, ${JSON.stringify(terms.grants)}`, async () => {
      const invoicer = new FakeInvoicer();
      const alarms: string[] = [];
      const options = { invoicer, alarm: (what: string) => alarms.push(what) };
      const other = newPaywall({
        ...options,
        secret: "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f1",
      });
      const { ask, credential } = await world([newPaywall(options), other], invoicer, terms);
      for (let times = 0; times < 3; times++) {
        const refused = await ask(credential);
        expect([refused.status, JSON.parse(refused.body).code]).toEqual([
          503,
          "ERR_PRICE_FUNCTION",
        ]);
        expect(refused.lines("www-authenticate")).toEqual([]);
      }
      expect(invoicer.requests.length).toBe(1);
      expect(alarms.at(-1)).toMatch(/guarded twice/);
    });
}
