/**
 * Conditional, partial and HEAD requests: what counts as a use, by what frameworks make of them.
 * spec/5-ledger.md §5.
 */
import { createServer, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { etag } from "hono/etag";
import { afterEach, describe, expect, test } from "vitest";
import { listener, paid as paidNode } from "../node/index.ts";
import type { Paywall } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange } from "../testing/raw-http.ts";
import { paid as paidExpress } from "./express.ts";
import { paid as paidFastify } from "./fastify.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";
import { paid as paidNext } from "./next.ts";

const TERMS = { price: "1 sat" } as const;
const ETAG = '"sunny"';
type Fields = readonly (readonly [string, string])[];

/** What a handler answers that knows conditions and ranges itself (RFC 9110 §13 and §14). */
function answerTo(field: (name: string) => string | null | undefined): readonly [number, string] {
  if (field("if-none-match") === ETAG) return [304, ""];
  if ((field("if-match") ?? ETAG) !== ETAG) return [412, ""];
  const range = field("range");
  if (range === "bytes=0-2") return [206, "sun"];
  return range === "bytes=99999-" ? [416, ""] : [200, "sunny"];
}

/** Servers with a paid route, in the framework's own way where it has one. */
const SERVERS: Readonly<Record<string, (paywall: Paywall) => Server | Promise<Server>>> = {
  "node:http": (paywall) =>
    createServer(
      paidNode(paywall, TERMS, ({ headers }, outgoing) => {
        const [status, body] = answerTo((name) => headers[name] as string | undefined);
        outgoing.writeHead(status, { etag: ETAG }).end(body);
      }),
    ),
  "Express, which sends a file": (paywall) =>
    createServer(
      express().get("/a", paidExpress(paywall, TERMS), (_, response) =>
        response.sendFile(import.meta.filename),
      ),
    ),
  Fastify: async (paywall) => {
    const app = fastify();
    app.get("/a", { onRequest: paidFastify(paywall, TERMS) }, ({ headers }, reply) => {
      const [status, body] = answerTo((name) => headers[name] as string | undefined);
      return reply.status(status).header("etag", ETAG).send(body);
    });
    await app.ready();
    return app.server;
  },
  Hono: (paywall) =>
    createAdaptorServer(
      new Hono().get("/a", paidHono(paywall, TERMS), (c) => {
        const [status, body] = answerTo((name) => c.req.header(name));
        return new Response(body === "" ? null : body, { status, headers: { etag: ETAG } });
      }),
    ) as Server,
  "Hono, with etag() before the paywall": (paywall) =>
    createAdaptorServer(
      new Hono().use(etag()).get("/a", paidHono(paywall, TERMS), (c) => {
        const [status, body] = answerTo((name) => c.req.header(name));
        return new Response(body === "" ? null : body, { status });
      }),
    ) as Server,
  Next: (paywall) => {
    const GET = paidNext(paywall, TERMS, ({ headers }) => {
      const [status, body] = answerTo((name) => headers.get(name));
      return new Response(body === "" ? null : body, { status, headers: { etag: ETAG } });
    });
    return createServer(listener((request) => GET(request, {})));
  },
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe.each(Object.entries(SERVERS))("%s", (_, start) => {
  test("200 and 206 use a credential up; 304, 412, 416 and HEAD cost nothing", async () => {
    const invoicer = new FakeInvoicer();
    const { url, close } = await listening(await start(newPaywall({ invoicer })));
    closers.push(close);
    const ask = (method: string, fields: Fields = []) =>
      exchange(url, { method, target: "/a", fields });
    const unpaid = await ask("HEAD");
    expect([unpaid.status, unpaid.body]).toEqual([402, ""]);
    expect(unpaid.lines("www-authenticate")).toHaveLength(2);
    expect(invoicer.requests.at(-1)?.amountMsat).toBe(1000n);
    const buy = async () => present(invoicer.buy((await ask("GET")).lines("www-authenticate")));
    const paid = await buy();
    const head = await ask("HEAD", [paid]);
    expect(head.status).toBe(200);
    const tag = head.lines("etag")[0] ?? "";
    for (const [status, field] of [
      [304, ["if-none-match", tag]],
      [412, ["if-match", '"rainy"']],
      [416, ["range", "bytes=99999-"]],
    ] as const)
      expect((await ask("GET", [paid, field])).status).toBe(status);
    expect((await ask("GET", [paid, ["range", "bytes=0-2"]])).status).toBe(206);
    expect((await ask("GET", [paid])).status).toBe(402);
    const other = await buy();
    expect((await ask("GET", [other])).status).toBe(200);
    for (const fields of [[["if-none-match", tag]], [["range", "bytes=0-2"]]] as const)
      expect((await ask("GET", [other, ...fields])).status).toBe(402);
  });
});
