/**
 * One reading of each request: the price that was asked is the price of what is served, in every
 * framework and for every spelling of the target.
 */
import { createServer, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { listener, paid as paidNode } from "../node/index.ts";
import type { Paywall, Terms } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange } from "../testing/raw-http.ts";
import { paid as paidExpress } from "./express.ts";
import { paid as paidFastify } from "./fastify.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";
import { paid as paidNext } from "./next.ts";

/** One sat for each item; one item if nothing is said. */
const BY_NUMBER: Terms = { price: ({ url }) => `${Number(url.searchParams.get("n") ?? 1)} sat` };

/** What a handler makes of the value of `n` that its framework gives it. */
const items = (value: unknown): string =>
  String([value ?? 1].flat().reduce((sum: number, one) => sum + Number(one), 0));

type Start = (paywall: Paywall) => Server | Promise<Server>;

const STARTS: Readonly<Record<string, Start>> = {
  "node:http": (paywall) =>
    createServer(
      paidNode(paywall, BY_NUMBER, ({ url = "" }, outgoing) => {
        const all = new URL(url, "http://h").searchParams.getAll("n");
        outgoing.end(items(all.length === 0 ? undefined : all));
      }),
    ),
  ...Object.fromEntries(
    (["simple", "extended"] as const).map((parser): [string, Start] => [
      `Express, query parser ${parser}`,
      (paywall) => {
        const app = express().set("query parser", parser);
        app.get("/items", paidExpress(paywall, BY_NUMBER), ({ query }, response) => {
          const { n } = query;
          response.send(items(typeof n === "object" ? Object.values(n) : n));
        });
        return createServer(app);
      },
    ]),
  ),
  Fastify: async (paywall) => {
    const app = fastify();
    app.get("/items", { onRequest: paidFastify(paywall, BY_NUMBER) }, async ({ query }) =>
      items((query as { n?: unknown }).n),
    );
    await app.ready();
    return app.server;
  },
  Hono: (paywall) => {
    const app = new Hono();
    app.get("/items", paidHono(paywall, BY_NUMBER), (c) => c.text(items(c.req.queries("n"))));
    return createAdaptorServer(app) as Server;
  },
  Next: (paywall) => {
    const handler = paidNext(paywall, BY_NUMBER, ({ url }) => {
      const all = new URL(url).searchParams.getAll("n");
      return new Response(items(all.length === 0 ? undefined : all));
    });
    return createServer(listener((request) => handler(request, {})));
  },
};

/** What is sold, by how many items; undefined for what is refused. */
const QUERIES: readonly (readonly [query: string, items: number | undefined])[] = [
  ["", 1],
  ["?n=7", 7],
  ["?%6e=7", 7],
  ["?n=%37", 7],
  ["?n=+7", 7],
  ["?n=%2B7", 7],
  ["?N=7", 1],
  ["?m=7&n=2", 2],
  ["?m=7;n=2", 1],
  ["?m=%26n=7", 1],
  ["?m=?n=7", 1],
  ["?a=1&a=2&n=7", 7],
  ["?&&n=7&", 7],
  ["?n=1&n=1000", undefined],
  ["?n=1000&n=1", undefined],
  ["?n=1&%6E=1000", undefined],
  ["?n=1&n", undefined],
  ["?n[]=1000", undefined],
  ["?n[0]=1000", undefined],
  ["?n%5B%5D=1000", undefined],
  ["?n[a]=1000&n=1", undefined],
  [`?${"a&".repeat(1001)}n=7`, undefined],
];

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function world(start: Start) {
  const invoicer = new FakeInvoicer();
  const host = await listening(await start(newPaywall({ invoicer, alarm: () => {} })));
  closers.push(host.close);
  return { host, invoicer };
}

describe.each(Object.entries(STARTS))("%s", (_, start) => {
  test("the price that is asked is the price of what is served, for every query", async () => {
    const { host, invoicer } = await world(start);
    for (const [query, count] of QUERIES) {
      const target = `/items${query}`;
      const asked = await exchange(host.url, { target });
      if (count === undefined) {
        expect([asked.status, JSON.parse(asked.body).code], target).toEqual([400, "ERR_REQUEST"]);
        continue;
      }
      expect(asked.status, target).toBe(402);
      expect(invoicer.requests.at(-1)?.amountMsat, target).toBe(BigInt(count * 1000));
      const credential = invoicer.buy(asked.lines("www-authenticate"));
      const served = await exchange(host.url, { target, fields: [present(credential)] });
      expect([served.status, served.body], target).toEqual([200, String(count)]);
    }
  });
});

/** Dear things cost more, by their path. */
const BY_PATH: Terms = { price: ({ url }) => `${PRICES[url.pathname] ?? 1} sat` };
const PRICES: Readonly<Record<string, number>> = { "/things/dear": 100, "/Gold": 500 };

const PATH_STARTS: Record<string, Start> = {
  "Express, which ignores case and a slash at the end": (paywall) => {
    const app = express();
    const paid = paidExpress(paywall, BY_PATH);
    app.get("/things/:id", paid, ({ params }, response) => {
      response.send(params.id === "dear" ? "100" : "1");
    });
    app.get("/Gold", paid, (_, response) => void response.send("500"));
    return createServer(app);
  },
  ...Object.fromEntries(
    (
      [
        ["lists of paths", ["/things/:id", "/other/:id"], ["/Silver", "/Gold"]],
        ["optional groups", "/things/:id{/:more}", "/Gold{/:more}"],
        ["regular expressions", /^\/things\/(?<id>[^/]+)\/?$/i, /^\/Gold$/i],
        ["lists of lists", [["/things/:id"]], [[/^\/Gold$/i, "/Golden"]]],
      ] as const
    ).map(([what, things, gold]): [string, Start] => [
      `Express, routes as ${what}`,
      (paywall) => {
        const app = express();
        const paid = paidExpress(paywall, BY_PATH);
        app.get(things as string, paid, ({ params }, response) => {
          response.send(params.id === "dear" ? "100" : "1");
        });
        app.get(gold as string, paid, (_, response) => void response.send("500"));
        return createServer(app);
      },
    ]),
  ),
  "Fastify, told to ignore case and a slash at the end": async (paywall) => {
    const app = fastify({ routerOptions: { caseSensitive: false, ignoreTrailingSlash: true } });
    const onRequest = paidFastify(paywall, BY_PATH);
    app.get("/things/:id", { onRequest }, async ({ params }) =>
      (params as { id: string }).id === "dear" ? "100" : "1",
    );
    app.get("/Gold", { onRequest }, async () => "500");
    await app.ready();
    return app.server;
  },
  Fastify: async (paywall) => {
    const app = fastify();
    const onRequest = paidFastify(paywall, BY_PATH);
    app.get("/things/:id", { onRequest }, async ({ params }) =>
      (params as { id: string }).id === "dear" ? "100" : "1",
    );
    app.get("/Gold", { onRequest }, async () => "500");
    await app.ready();
    return app.server;
  },
  "Fastify, with a regular expression before the rest": async (paywall) => {
    const app = fastify({
      routerOptions: { caseSensitive: false, useSemicolonDelimiter: true } as object,
    });
    const onRequest = paidFastify(paywall, BY_PATH);
    app.get("/things/:id(^[a-zA-Z]+$)", { onRequest }, async ({ params }) =>
      (params as { id: string }).id === "dear" ? "100" : "1",
    );
    app.get("/Gold", { onRequest }, async () => "500");
    await app.ready();
    return app.server;
  },
  ...Object.fromEntries(
    [true, false].map((strict): [string, Start] => [
      strict ? "Hono" : "Hono, told to ignore a slash at the end",
      (paywall) => {
        const app = new Hono({ strict });
        app.get("/things/:id", paidHono(paywall, BY_PATH), (c) =>
          c.text(c.req.param("id") === "dear" ? "100" : "1"),
        );
        app.get("/Gold", paidHono(paywall, BY_PATH), (c) => c.text("500"));
        return createAdaptorServer(app) as Server;
      },
    ]),
  ),
};

/** What a handler serves that routes by the path of `URL`, with its segments decoded. */
function thingAt(pathname: string): string | undefined {
  const segments = pathname.split("/").slice(1).map(decodeURIComponent);
  if (segments.length === 1 && segments[0] === "Gold") return "500";
  if (segments.length !== 2 || segments[0] !== "things") return undefined;
  return segments[1] === "dear" ? "100" : "1";
}

PATH_STARTS["node:http"] = (paywall) =>
  createServer(
    paidNode(paywall, BY_PATH, ({ url = "" }, outgoing) => {
      const thing = thingAt(new URL(url, "http://h").pathname);
      outgoing.writeHead(thing === undefined ? 404 : 200).end(thing);
    }),
  );
PATH_STARTS.Next = (paywall) => {
  const handler = paidNext(paywall, BY_PATH, ({ url }) => {
    const thing = thingAt(new URL(url).pathname);
    return new Response(thing, { status: thing === undefined ? 404 : 200 });
  });
  return createServer(listener((request) => handler(request, {})));
};

const SOLD: Readonly<Record<string, number>> = {
  "/things/dear": 100,
  "/things/%64ear": 100,
  "/things/d%65%61r?x=1": 100,
  "/things/cheap": 1,
  "/things/DEAR": 1,
  "/Gold": 500,
};
/** Sold at its price, refused, or not there: never sold at another price. */
const ODD = [
  ...["/things/dear/", "/things//dear", "/THINGS/dear", "/Things/%64ear/", "/things/dear;v=1"],
  ...["/things/x/../dear", "/things/x/%2e%2e/dear", "/things%2fdear", "/things/dear%2f"],
  ...["//things/dear", "/things/dear%00", "/things/dear?/", "/things/dear#", "/things/%2564ear"],
  ...["http://evil.example/things/dear", "https://api.example/things/dear", "/things\\dear"],
  ...["/gold", "/GOLD", "/Gold/", "/gold/", "/Gold;v=1", "/Gold//", "/Gol%64/", "/%47old"],
];

describe.each(Object.entries(PATH_STARTS))("%s", (_, start) => {
  test("the price that is asked is the price of what is served, for every path", async () => {
    const { host, invoicer } = await world(start);
    for (const target of [...Object.keys(SOLD), ...ODD]) {
      const asked = await exchange(host.url, { target });
      if (asked.status !== 402) {
        expect([400, 404], target).toContain(asked.status);
        expect(SOLD, target).not.toHaveProperty([target]);
        continue;
      }
      const credential = invoicer.buy(asked.lines("www-authenticate"));
      const served = await exchange(host.url, { target, fields: [present(credential)] });
      const price = Number(invoicer.requests.at(-1)!.amountMsat) / 1000;
      // A paywall that stands before the router is asked for what is not there.
      if (served.status === 404 && !(target in SOLD)) continue;
      expect([served.status, served.body], target).toEqual([200, String(price)]);
      if (target in SOLD) expect(price, target).toBe(SOLD[target]);
    }
  });
});
