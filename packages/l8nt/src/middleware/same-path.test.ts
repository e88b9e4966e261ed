/**
 * Routes of one method and path, of which a router chooses by a field: what was paid for the cheap
 * one opens the dear one in no way.
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
import { LOCATION, newPaywall, present } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";
import { paid as paidNext } from "./next.ts";

/** The terms of what is served to each of two hosts. */
type Sold = Readonly<Record<"small.example" | "big.example", Terms>>;
type Start = (paywall: Paywall, sold: Sold) => Server | Promise<Server>;

const isBig = (host: string | null | undefined): boolean => host === "big.example";

const STARTS: Readonly<Record<string, Start>> = {
  "node:http": (paywall, sold) => {
    const small = paidNode(paywall, sold["small.example"], (_, outgoing) => {
      outgoing.end("small");
    });
    const big = paidNode(paywall, sold["big.example"], (_, outgoing) => {
      outgoing.end("big");
    });
    return createServer((incoming, outgoing) =>
      (isBig(incoming.headers.host) ? big : small)(incoming, outgoing),
    );
  },
  Express: (paywall, sold) => {
    const [small, big] = (["small.example", "big.example"] as const).map((host) =>
      express.Router().get("/x", paidExpress(paywall, sold[host]), (_, response) => {
        response.send(host.replace(".example", ""));
      }),
    );
    const app = express().use((request, response, next) =>
      (isBig(request.hostname) ? big! : small!)(request, response, next),
    );
    return createServer(app);
  },
  "Fastify, by its constraints": async (paywall, sold) => {
    const app = fastify();
    for (const host of ["small.example", "big.example"] as const)
      app.get(
        "/x",
        { constraints: { host }, onRequest: paidFastify(paywall, sold[host]) },
        async () => host.replace(".example", ""),
      );
    await app.ready();
    return app.server;
  },
  "Hono, by getPath": (paywall, sold) => {
    const app = new Hono({
      getPath: (request) => `/${request.headers.get("host")}${new URL(request.url).pathname}`,
    });
    for (const host of ["small.example", "big.example"] as const)
      app.get(`/${host}/x`, paidHono(paywall, sold[host]), (c) =>
        c.text(host.replace(".example", "")),
      );
    return createAdaptorServer(app) as Server;
  },
  Next: (paywall, sold) => {
    const small = paidNext(paywall, sold["small.example"], () => new Response("small"));
    const big = paidNext(paywall, sold["big.example"], () => new Response("big"));
    return createServer(
      listener((request) => (isBig(request.headers.get("host")) ? big : small)(request, {})),
    );
  },
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function world(start: Start, sold: Sold) {
  const invoicer = new FakeInvoicer();
  const paywall = newPaywall({ invoicer });
  const host = await listening(await start(paywall, sold));
  closers.push(host.close);
  const ask = (name: keyof Sold, credential?: string) => {
    const paid = credential === undefined ? [] : [present(credential)];
    return exchange(host.url, { target: "/x", fields: [["host", name], ...paid] });
  };
  return {
    ask,
    paywall,
    async buy(name: keyof Sold): Promise<{ credential: string; buys: readonly string[] }> {
      const asked = await ask(name);
      const credential = invoicer.buy(asked.lines("www-authenticate"));
      return { credential, buys: JSON.parse(asked.body).buys };
    },
  };
}

describe.each(Object.entries(STARTS))("%s", (_, start) => {
  test.each<[what: string, small: Terms, big: Terms]>([
    ["fixed prices", { price: "1 sat" }, { price: "1000 sat" }],
    [
      "many uses",
      { price: "1 sat", grants: { uses: 9 } },
      { price: "1000 sat", grants: { uses: 9 } },
    ],
    [
      "passes",
      { price: "1 sat", grants: { validFor: "1h" } },
      { price: "1000 sat", grants: { validFor: "1h" } },
    ],
    ["a price function", { price: "1 sat" }, { price: () => "1000 sat" }],
    ["a price in dollars", { price: "1 sat" }, { price: "5 usd" }],
    [
      "a prepaid budget",
      { price: "1 sat", grants: { budget: "9 sat" } },
      { price: "1000 sat", grants: { budget: "9000 sat" } },
    ],
  ])("%s: the cheap one opens itself alone", async (_what, small, big) => {
    const { ask, buy } = await world(start, { "small.example": small, "big.example": big });
    const { credential } = await buy("small.example");
    const refused = await ask("big.example", credential);
    expect([401, 402, 403]).toContain(refused.status);
    expect(refused.body).not.toBe("big");
    const served = await ask("small.example", credential);
    expect([served.status, served.body]).toEqual([200, "small"]);
  });

  test("the dear one opens the cheap one, and is sold as before", async () => {
    const { ask, buy } = await world(start, {
      "small.example": { price: "1 sat", grants: { uses: 9 } },
      "big.example": { price: "1000 sat", grants: { uses: 9 } },
    });
    const { credential, buys } = await buy("big.example");
    expect(buys.some((caveat) => caveat.startsWith("sold_price"))).toBe(false);
    for (const name of ["big.example", "small.example"] as const)
      expect((await ask(name, credential)).status).toBe(200);
  });

  test("endpoints that are named are sold whatever their routes ask", async () => {
    const grants = { uses: 9, endpoints: ["GET /x"] };
    const { ask, buy } = await world(start, {
      "small.example": { price: "1 sat", grants },
      "big.example": { price: "1000 sat", grants },
    });
    const { credential } = await buy("small.example");
    for (const name of ["big.example", "small.example"] as const)
      expect((await ask(name, credential)).status).toBe(200);
  });

  test("what was minted is good for both", async () => {
    const { ask, paywall } = await world(start, {
      "small.example": { price: "1 sat" },
      "big.example": { price: "1000 sat" },
    });
    const endpoints = [`GET ${LOCATION}/x`];
    const minted = paywall.authority.minter.mint({ endpoints, expiresIn: "1h" }).toString();
    for (const name of ["big.example", "small.example"] as const)
      expect((await ask(name, minted)).status).toBe(200);
  });

  test("the very request is served after its price has risen", async () => {
    const cheap = await world(start, {
      "small.example": { price: "1 sat" },
      "big.example": { price: "1000 sat" },
    });
    const { credential } = await cheap.buy("small.example");
    const risen = await world(start, {
      "small.example": { price: "3 sat" },
      "big.example": { price: "1000 sat" },
    });
    expect((await risen.ask("big.example", credential)).status).toBe(402);
    expect((await risen.ask("small.example", credential)).body).toBe("small");
  });
});
