/** A request whose method middleware changes: the price is that of the method that is served. */
import { createServer, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import { Hono, type MiddlewareHandler } from "hono";
import { methodOverride } from "hono/method-override";
import { afterEach, expect, test } from "vitest";
import type { Paywall, Terms } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange } from "../testing/raw-http.ts";
import { paid as paidExpress } from "./express.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";

/** To delete costs more than to post. */
const BY_METHOD: Terms = { price: ({ method }) => (method === "DELETE" ? "100 sat" : "1 sat") };
const SERVED = { POST: "1", DELETE: "100" };

type Start = (paywall: Paywall) => Server;

const hono =
  (order: (paid: MiddlewareHandler, override: MiddlewareHandler) => MiddlewareHandler[]): Start =>
  (paywall) => {
    const app = new Hono();
    const paid = paidHono(paywall, BY_METHOD) as MiddlewareHandler;
    for (const one of order(paid, methodOverride({ app, header: "X-Method" }))) app.use(one);
    app.post("/r", (c) => c.text(SERVED.POST));
    app.delete("/r", (c) => c.text(SERVED.DELETE));
    return createAdaptorServer(app) as Server;
  };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function bought(start: Start, fields: readonly (readonly [string, string])[]) {
  const invoicer = new FakeInvoicer();
  const alarms: string[] = [];
  const host = await listening(start(newPaywall({ invoicer, alarm: (what) => alarms.push(what) })));
  closers.push(host.close);
  const request = { method: "POST", target: "/r", fields };
  const asked = await exchange(host.url, request);
  const paid = present(invoicer.buy(asked.lines("www-authenticate")));
  const served = await exchange(host.url, { ...request, fields: [...fields, paid] });
  const price = Number(invoicer.requests[0]!.amountMsat) / 1000;
  return { price, status: served.status, body: served.body, alarms };
}

const STARTS: Readonly<Record<string, Start>> = {
  "Hono, override before paid()": hono((paid, override) => [override, paid]),
  "Hono, paid() before override": hono((paid, override) => [paid, override]),
  "Express, override before paid()": (paywall) => {
    const app = express();
    app.use((request, _, next) => {
      request.method = request.get("x-method") ?? request.method;
      next();
    });
    app.use(paidExpress(paywall, BY_METHOD));
    app.post("/r", (_, response) => void response.send(SERVED.POST));
    app.delete("/r", (_, response) => void response.send(SERVED.DELETE));
    return createServer(app);
  },
};

test.each(Object.entries(STARTS))("%s: a method that is not changed is sold", async (_, start) => {
  expect(await bought(start, [])).toEqual({ price: 1, status: 200, body: "1", alarms: [] });
});

test.each(Object.entries(STARTS).filter(([name]) => /override before/.test(name)))(
  "%s: the method that is served is priced",
  async (_, start) => {
    expect(await bought(start, [["x-method", "DELETE"]])).toEqual({
      ...{ price: 100, status: 200, body: "100", alarms: [] },
    });
  },
);

test("Hono, paid() before override: another method is not served, and the operator is told", async () => {
  const start = STARTS["Hono, paid() before override"]!;
  const { price, status, body, alarms } = await bought(start, [["x-method", "DELETE"]]);
  expect([price, status, JSON.parse(body).code]).toEqual([1, 503, "ERR_PRICE_FUNCTION"]);
  expect(alarms).toEqual([
    expect.stringContaining("DELETE /r is guarded twice by paid(), first as POST"),
  ]);
});
