/** `/.well-known/l402` tells where each price is asked, as far as a framework shows it. */
import express from "express";
import fastify, { type FastifyInstance } from "fastify";
import { Hono } from "hono";
import { expect, test } from "vitest";
import * as onNode from "../node/index.ts";
import type { Paywall, Terms } from "../service/index.ts";
import * as onExpress from "./express.ts";
import * as onFastify from "./fastify.ts";
import { LOCATION, newPaywall } from "./fixtures/paywall.ts";
import * as onHono from "./hono.ts";
import * as onNext from "./next.ts";

const ONE: Terms = { price: "1 sat" };
const TWO: Terms = { price: "2 sat" };

/** Each route as `GET /a: 1 sat`; as `?: 1 sat` without a path. */
async function listed(paywall: Paywall): Promise<string[]> {
  const answer = await paywall.wellKnown(new Request(`${LOCATION}/.well-known/l402`));
  const { routes } = (await answer!.json()) as { routes: { path?: string; price: string }[] };
  return routes.map(({ path = "?", price }) => `${path}: ${price}`).sort();
}

const expressGuard = (paywall: Paywall, terms: Terms) => onExpress.paid(paywall, terms);
const done: express.RequestHandler = (_, response) => void response.end();
const onApp = (add: (app: express.Express, paywall: Paywall) => void) => (paywall: Paywall) => {
  const app = express();
  add(app, paywall);
  onExpress.checkRoutes(app);
  onExpress.checkRoutes(app);
};
const onFastifyApp =
  (add: (app: ReturnType<typeof fastify>, paywall: Paywall) => void) =>
  async (paywall: Paywall) => {
    const app = fastify();
    onFastify.checkRoutes(app);
    add(app, paywall);
    await app.ready();
  };
const onHonoApp = (add: (app: Hono, paywall: Paywall) => void) => (paywall: Paywall) => {
  const app = new Hono();
  add(app, paywall);
  onHono.checkRoutes(app);
};

test.each<
  [what: string, build: (paywall: Paywall) => void | Promise<void>, expected: readonly string[]]
>([
  [
    "Express: routes of the app",
    onApp((app, paywall) => {
      app.get("/history/:year", expressGuard(paywall, ONE), done);
      app.route("/a").get(expressGuard(paywall, TWO), done).post(done);
    }),
    ["GET /a: 2 sat", "GET /history/*: 1 sat"],
  ],
  [
    "Express: one guard at several routes and methods",
    onApp((app, paywall) => {
      const guard = expressGuard(paywall, ONE);
      app.route("/a").get(guard, done).post(guard, done);
      app.delete("/b", guard, done);
    }),
    ["DELETE /b: 1 sat", "GET|POST /a: 1 sat"],
  ],
  [
    "Express: every method, and every path",
    onApp((app, paywall) => {
      app.all("/a", expressGuard(paywall, ONE), done);
      app.route("/b").all(expressGuard(paywall, ONE), done);
      app.get("/files/*rest", expressGuard(paywall, ONE), done);
      app.use(expressGuard(paywall, { price: "0 sat" }));
    }),
    ["* /**: 0 sat", "* /a: 1 sat", "* /b: 1 sat", "GET /files/**: 1 sat"],
  ],
  [
    "Express: a router at the root, and others whose place is not known",
    onApp((app, paywall) => {
      const guard = expressGuard(paywall, ONE);
      app.use(express.Router().get("/a", guard, done));
      app.use("/v1", express.Router().get("/b", guard, done));
      app.use("/v2", expressGuard(paywall, TWO));
    }),
    ["?: 1 sat", "?: 2 sat", "GET /a: 1 sat"],
  ],
  [
    "Express: patterns that say more than `*` can",
    onApp((app, paywall) => {
      app.get(/^\/a/, expressGuard(paywall, ONE), done);
      app.get("/b{/:id}", expressGuard(paywall, TWO), done);
      app.get(["/c", "/d"], expressGuard(paywall, { price: "3 sat" }), done);
    }),
    ["?: 1 sat", "?: 2 sat", "?: 3 sat"],
  ],
  [
    "Fastify: routes and their prefixes, without those that it adds for HEAD",
    onFastifyApp((app, paywall) => {
      const onRequest = onFastify.paid(paywall, ONE);
      app.get("/history/:year", { onRequest }, async () => "");
      app.register(
        async (scope: FastifyInstance) => {
          const hooks = { preHandler: [onFastify.paid(paywall, TWO)] };
          scope.route({ method: ["GET", "POST"], url: "/a", ...hooks, handler: async () => "" });
          scope.get("/files/*", { onRequest }, async () => "");
        },
        { prefix: "/v1" },
      );
    }),
    ["GET /history/*: 1 sat", "GET /v1/files/**: 1 sat", "GET|POST /v1/a: 2 sat"],
  ],
  [
    "Fastify: patterns that say more than `*` can, and a hook of the app",
    onFastifyApp((app, paywall) => {
      app.get("/a/:id(^[0-9]+$)", { onRequest: onFastify.paid(paywall, ONE) }, async () => "");
      app.get("/b/:id?", { onRequest: onFastify.paid(paywall, TWO) }, async () => "");
      app.addHook("onRequest", onFastify.paid(paywall, { price: "3 sat" }));
    }),
    ["?: 1 sat", "?: 2 sat", "?: 3 sat"],
  ],
  [
    "Hono: both forms, and another app in it",
    onHonoApp((app, paywall) => {
      app.get("/history/:year", onHono.paid(paywall, ONE), (c) => c.text(""));
      const inner = new Hono().on(
        ["GET", "POST"],
        "/a",
        onHono.paid(paywall, TWO, (c) => c.text("")),
      );
      inner.onError((_, c) => c.text("", 500));
      app.route("/v1", inner);
    }),
    ["GET /history/*: 1 sat", "GET|POST /v1/a: 2 sat"],
  ],
  [
    "Hono: middleware of all paths and methods, and patterns that say more than `*` can",
    onHonoApp((app, paywall) => {
      app.use(onHono.paid(paywall, { price: "0 sat" }));
      app.all("/v1/*", onHono.paid(paywall, ONE));
      app.get("/b/:id{[0-9]+}", onHono.paid(paywall, TWO));
    }),
    ["* /**: 0 sat", "* /v1/**: 1 sat", "?: 2 sat"],
  ],
  [
    "guards around guards: both",
    onHonoApp((app, paywall) => {
      const inner = onHono.paid(paywall, ONE, (c) => c.text(""));
      app.get("/a", onHono.paid(paywall, { price: "0 sat" }, inner));
    }),
    ["GET /a: 0 sat", "GET /a: 1 sat"],
  ],
  [
    "node:http and Next: what the terms say",
    (paywall) => {
      onNode.paid(paywall, { ...ONE, path: "GET /history/*" }, () => {});
      onNext.paid(paywall, { ...TWO, path: "GET|POST /a" }, () => new Response());
      onNode.paid(paywall, { price: "3 sat" }, () => {});
    },
    ["?: 3 sat", "GET /history/*: 1 sat", "GET|POST /a: 2 sat"],
  ],
  [
    "a path in the terms stays, whatever the framework shows",
    onApp((app, paywall) => {
      app.get("/a", expressGuard(paywall, { ...ONE, path: "GET /v1/a" }), done);
    }),
    ["GET /v1/a: 1 sat"],
  ],
])("%s", async (_, build, expected) => {
  const paywall = newPaywall();
  await build(paywall);
  expect(await listed(paywall)).toEqual(expected);
});

test("without checkRoutes a price is listed without its path", async () => {
  const paywall = newPaywall();
  new Hono().get("/a", onHono.paid(paywall, ONE));
  expect(await listed(paywall)).toEqual(["?: 1 sat"]);
});
