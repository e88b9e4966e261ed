/** Two `paid` on one route have the same terms, or are an error at the start. */
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import * as onNode from "../node/index.ts";
import type { Terms } from "../service/index.ts";
import * as onExpress from "./express.ts";
import * as onFastify from "./fastify.ts";
import { newPaywall } from "./fixtures/paywall.ts";
import * as onHono from "./hono.ts";
import * as onNext from "./next.ts";

const paywall = newPaywall();
const ONE: Terms = { price: "1 sat", grants: { uses: 2 } };
/** The same in another order, and with what is the default of the paywall. */
const SAME: Terms = { grants: { uses: 2 }, price: "1 sat" };
const OTHERS: readonly Terms[] = [
  { price: "2 sat", grants: { uses: 2 } },
  { price: "1 sat" },
  { price: () => "1 sat", grants: { uses: 2 } },
  { price: "1 sat", grants: { uses: 2 }, capability: "read" },
  { price: "1 sat", grants: { uses: 2, validFor: "1h" } },
  { price: "1 sat", grants: { budget: "9 sat", validFor: "1h" } },
  { price: "0.01 usd" },
];
/** Pairs of which at most one is counted, so that what a request costs is known. */
const BESIDE: readonly (readonly [what: string, one: Terms, other: Terms])[] = [
  ["free", { price: "0 sat" }, ONE],
  ["free in US dollars", { price: "0 usd" }, ONE],
  ["free, whatever its grants", { price: "0 sat", grants: { uses: 9 } }, ONE],
  ["for minted credentials", {}, ONE],
  ["for minted credentials with a capability", { capability: "read" }, ONE],
  ["a pass", { price: "9 sat", grants: { validFor: "1h" } }, ONE],
  ["a pass by a function", { price: () => "9 sat", grants: { validFor: "1h" } }, ONE],
  [
    "a pass beside another",
    { price: "9 sat", grants: { validFor: "1h" } },
    { price: "5 sat", grants: { validFor: "2h", endpoints: ["GET /a"] } },
  ],
  ["free beside a pass", { price: "0 sat" }, { price: "5 sat", grants: { validFor: "2h" } }],
];
const TWICE = /is guarded by two paid\(\) on different terms.*Remove one of the two/;

type Build = (one: Terms, other: Terms) => void;

const express1 = (terms: Terms) => onExpress.paid(paywall, terms);
const done: express.RequestHandler = (_, response) => void response.end();
const onApp =
  (build: (app: express.Express, one: Terms, other: Terms) => void): Build =>
  (one, other) => {
    const app = express();
    build(app, one, other);
    onExpress.checkRoutes(app);
  };
const fastify1 = (terms: Terms) => onFastify.paid(paywall, terms);
const hono1 = (terms: Terms) => onHono.paid(paywall, terms);
const onHonoApp =
  (build: (app: Hono, one: Terms, other: Terms) => void): Build =>
  (one, other) => {
    const app = new Hono();
    build(app, one, other);
    onHono.checkRoutes(app);
  };

/** Ways to guard one route twice. */
const TWO: Readonly<Record<string, Build>> = {
  "node:http, one around the other": (one, other) =>
    void onNode.paid(
      paywall,
      one,
      onNode.paid(paywall, other, () => {}),
    ),
  "Next, one around the other": (one, other) =>
    void onNext.paid(
      paywall,
      one,
      onNext.paid(paywall, other, () => new Response()),
    ),
  "Hono, one around the other": (one, other) =>
    void onHono.paid(
      paywall,
      one,
      onHono.paid(paywall, other, (c) => c.text("")),
    ),
  "Express, two handlers of a route": onApp((app, one, other) => {
    app.get("/a", express1(one), express1(other), done);
  }),
  "Express, a list of handlers": onApp((app, one, other) => {
    app.post("/a", [express1(one), express1(other)], done);
  }),
  "Express, a route for all methods": onApp((app, one, other) => {
    app.route("/a").all(express1(one)).get(express1(other), done);
  }),
  "Express, the app and a route": onApp((app, one, other) => {
    app.use(express1(one)).get("/a", express1(other), done);
  }),
  "Express, a router and its route": onApp((app, one, other) => {
    const router = express.Router().use(express1(one)).get("/a", express1(other), done);
    app.use("/v1", router);
  }),
  "Express, the app and a route of a router": onApp((app, one, other) => {
    app.use(express1(one)).use("/v1", express.Router().get("/a", express1(other), done));
  }),
  "Fastify, two hooks of a route": (one, other) => {
    const app = fastify();
    onFastify.checkRoutes(app);
    app.get("/a", { onRequest: [fastify1(one), fastify1(other)] }, async () => "");
  },
  "Fastify, hooks of two kinds": (one, other) => {
    const app = fastify();
    onFastify.checkRoutes(app);
    const hooks = { onRequest: fastify1(one), preHandler: fastify1(other) };
    app.route({ method: ["GET", "POST"], url: "/a", ...hooks, handler: async () => "" });
  },
  "Hono, two handlers of a route": onHonoApp((app, one, other) => {
    app.get("/a/:id", hono1(one), hono1(other), (c) => c.text(""));
  }),
  "Hono, middleware and around the handler": onHonoApp((app, one, other) => {
    app.get(
      "/a",
      hono1(one),
      onHono.paid(paywall, other, (c) => c.text("")),
    );
  }),
  "Hono, the app and a route": onHonoApp((app, one, other) => {
    app.use(hono1(one)).get("/a", hono1(other), (c) => c.text(""));
  }),
  "Hono, a part of the app and a route of another one in it": onHonoApp((app, one, other) => {
    const inner = new Hono().get("/a", hono1(other), (c) => c.text(""));
    inner.onError((_, c) => c.text("", 500));
    app.use("/v1/*", hono1(one)).route("/v1", inner);
  }),
};

describe.each(Object.entries(TWO))("%s", (_, build) => {
  test("on the same terms is one", () => {
    for (const terms of [ONE, SAME]) expect(() => build(ONE, terms)).not.toThrow();
  });

  test("on different terms is an error at the start that says what to do", () => {
    for (const terms of OTHERS) {
      expect(() => build(ONE, terms)).toThrow(TWICE);
      expect(() => build(terms, ONE)).toThrow(TypeError);
    }
  });

  test.each(BESIDE)("%s is no error beside another", (_, one, other) => {
    expect(() => build(one, other)).not.toThrow();
    expect(() => build(other, one)).not.toThrow();
  });
});

/** Two guards that no request passes both. */
test.each<[what: string, build: Build]>([
  [
    "Express, two routes",
    onApp((app, one, other) => {
      app.get("/a", express1(one), done).get("/b", express1(other), done);
    }),
  ],
  [
    "Express, two methods of a route",
    onApp((app, one, other) => {
      app.route("/a").get(express1(one), done).post(express1(other), done);
    }),
  ],
  [
    "Express, another path of `use`",
    onApp((app, one, other) => {
      app.use("/b", express1(one)).get("/a", express1(other), done);
    }),
  ],
  [
    "Express, a route before `use`",
    onApp((app, one, other) => {
      app.get("/a", express1(other), done).use(express1(one));
    }),
  ],
  ["Express, no route", onApp(() => {})],
  [
    "Fastify, two routes",
    (one, other) => {
      const app = fastify();
      onFastify.checkRoutes(app);
      app.get("/a", { onRequest: fastify1(one) }, async () => "");
      app.get("/b", { onRequest: [fastify1(other)] }, async () => "");
      app.get("/c", async () => "");
    },
  ],
  [
    "Hono, two routes",
    onHonoApp((app, one, other) => {
      app.get("/a", hono1(one), (c) => c.text("")).get("/b", hono1(other), (c) => c.text(""));
    }),
  ],
  [
    "Hono, two methods of a path",
    onHonoApp((app, one, other) => {
      app.get("/a", hono1(one), (c) => c.text("")).post("/a", hono1(other), (c) => c.text(""));
    }),
  ],
  [
    "Hono, a wider path behind a handler",
    onHonoApp((app, one, other) => {
      app.get(
        "/a",
        onHono.paid(paywall, one, (c) => c.text("")),
      );
      app.get(
        "/:id",
        onHono.paid(paywall, other, (c) => c.text("")),
      );
    }),
  ],
  [
    "Hono, a wider path behind handlers",
    onHonoApp((app, one, other) => {
      app.get("/a", hono1(one), (c) => c.text(""));
      app.get("/:id", hono1(other), (c) => c.text(""));
    }),
  ],
  [
    "node:http, around a handler that is no guard",
    (one) => void onNode.paid(paywall, one, () => {}),
  ],
])("%s: on different terms are no error", (_, build) => {
  for (const terms of OTHERS) expect(() => build(ONE, terms)).not.toThrow();
});

test("two that are counted are found with one that is free between them", () => {
  const free: Terms = { price: "0 sat" };
  const inner = onNode.paid(
    paywall,
    free,
    onNode.paid(paywall, ONE, () => {}),
  );
  expect(() => onNode.paid(paywall, OTHERS[0]!, inner)).toThrow(TWICE);
});

test("the error names the method and the path", () => {
  const express2 = onApp((app, one, other) => {
    app.get("/v1/a", express1(one), express1(other), done);
  });
  const hono2 = onHonoApp((app, one, other) => {
    app.get("/v1/a", hono1(one), hono1(other), (c) => c.text(""));
  });
  for (const build of [express2, hono2])
    expect(() => build(ONE, OTHERS[0]!)).toThrow(/^GET \/v1\/a is guarded/);
});
