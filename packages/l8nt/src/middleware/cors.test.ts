/**
 * What a page of another origin may read: the service's own list of fields and ours are one list,
 * wherever the service's own is set. The Fetch standard §3.3.4, spec/3-challenge.md §5.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { afterEach, describe, expect, test } from "vitest";
import { listener, paid as paidNode } from "../node/index.ts";
import type { Grant, Paywall, Terms } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange } from "../testing/raw-http.ts";
import { paid as paidExpress } from "./express.ts";
import { paid as paidFastify } from "./fastify.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";

const TERMS: Terms = { price: "1 sat" };
const OWN = "X-Total, X-Page";
const EXPOSE = "access-control-expose-headers";

/** Servers that list `OWN` themselves, and call `handle` with the grant of a paid request. */
type Start = (paywall: Paywall, handle: (grant: Grant) => void) => Server | Promise<Server>;

const withCors = () =>
  new Hono().use(cors({ origin: "https://page.example", exposeHeaders: OWN.split(", ") }));

const SERVERS: Readonly<Record<string, Start>> = {
  "Hono's cors, middleware": (paywall, handle) =>
    createAdaptorServer(
      withCors().get("/", paidHono(paywall, TERMS), (c) => {
        handle(c.get("grant"));
        return c.text("sunny");
      }),
    ) as Server,
  "Hono's cors, around the handler": (paywall, handle) =>
    createAdaptorServer(
      withCors().get(
        "/",
        paidHono(paywall, TERMS, (c) => {
          handle(c.get("grant"));
          return c.text("sunny");
        }),
      ),
    ) as Server,
  "Hono's cors, elsewhere than on Node": (paywall, handle) => {
    const app = withCors().get("/", paidHono(paywall, TERMS), (c) => {
      handle(c.get("grant"));
      return c.text("sunny");
    });
    return createServer(listener((request) => app.fetch(request)));
  },
  "Express, set before": (paywall, handle) =>
    createServer(
      express()
        .use((_, response, next) => {
          response.setHeader("Access-Control-Expose-Headers", OWN);
          next();
        })
        .get("/", paidExpress(paywall, TERMS), (request, response) => {
          handle(request.grant);
          response.send("sunny");
        }) as RequestListener,
    ),
  "Fastify, set before": async (paywall, handle) => {
    const app = fastify();
    app.addHook("onRequest", async (_, reply) => {
      reply.header("Access-Control-Expose-Headers", OWN);
    });
    app.get("/", { onRequest: paidFastify(paywall, TERMS) }, async (request) => {
      handle(request.grant);
      return "sunny";
    });
    await app.ready();
    return app.server;
  },
  ...Object.fromEntries(
    (
      [
        ["an object", { "Access-Control-Expose-Headers": OWN }],
        ["an object of lines", { "Access-Control-Expose-Headers": OWN.split(", ") }],
        ["a list", ["Access-Control-Expose-Headers", OWN, "X-Total", "7"]],
      ] as const
    ).map(([how, given]): [string, Start] => [
      `node:http, set before and again with the head as ${how}`,
      (paywall, handle) => {
        const inner = paidNode(paywall, TERMS, (_, outgoing, grant) => {
          handle(grant);
          outgoing.writeHead(200, "OK", given as Record<string, string>);
          outgoing.end("sunny");
        });
        return createServer((incoming, outgoing) => {
          outgoing.setHeader("Access-Control-Expose-Headers", OWN);
          inner(incoming, outgoing);
        });
      },
    ]),
  ),
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe.each(Object.entries(SERVERS))("%s", (_, start) => {
  async function world(handle: (grant: Grant) => void) {
    const invoicer = new FakeInvoicer();
    const paywall = newPaywall({ invoicer, challengesPerMinute: { perClient: 1 } });
    const { url, close } = await listening(await start(paywall, handle));
    closers.push(close);
    const ask = async (credential?: string) => {
      const origin = ["origin", "https://page.example"] as const;
      const response = await exchange(url, {
        fields: credential === undefined ? [origin] : [origin, present(credential)],
      });
      const listed = response.lines(EXPOSE).flatMap((line) => line.split(/ *, */));
      return { ...response, listed: listed.map((name) => name.toLowerCase()).sort() };
    };
    return { invoicer, ask };
  }

  test("a challenge, and when to ask again, are listed beside the service's own", async () => {
    const { ask } = await world(() => {});
    const asked = await ask();
    expect([asked.status, asked.listed]).toEqual([
      402,
      ["date", "www-authenticate", "x-page", "x-total"],
    ]);
    const limited = await ask();
    expect([limited.status, limited.listed]).toEqual([429, ["retry-after", "x-page", "x-total"]]);
  });

  test("so is what the handler declares, and nothing where it declares nothing", async () => {
    let declares = false;
    const { invoicer, ask } = await world((grant) => {
      if (declares) grant.release();
    });
    const credential = invoicer.buy((await ask()).lines("www-authenticate").join(", "));
    declares = true;
    const declared = await ask(credential);
    expect([declared.status, declared.lines("sigil-use"), declared.listed]).toEqual([
      200,
      ["released"],
      ["sigil-use", "x-page", "x-total"],
    ]);
    declares = false;
    expect((await ask(credential)).listed).toEqual(["x-page", "x-total"]);
  });
});
