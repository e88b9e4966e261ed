/**
 * An upload that waits for `100 Continue` gets its 402 without it, and is told to go on once it is
 * paid for: RFC 9110 §10.1.1, with curl as the client.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { holdContinue, listener, paid as paidNode } from "../node/index.ts";
import type { Paywall, Terms } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paid as paidExpress } from "./express.ts";
import { paid as paidFastify } from "./fastify.ts";
import { bodyText } from "./fixtures/body.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";
import { paid as paidNext } from "./next.ts";

const BODY = "sunny".repeat(1000);

/** Servers that answer with the length of the body. */
const SERVERS: Readonly<
  Record<string, (paywall: Paywall, terms: Terms) => Server | Promise<Server>>
> = {
  "node:http": (paywall, terms) =>
    createServer(
      paidNode(paywall, terms, async (incoming, outgoing) => {
        outgoing.end(String((await bodyText(incoming)).length));
      }),
    ),
  Express: (paywall, terms) => {
    const app = express();
    app.post(
      "/",
      paidExpress(paywall, terms),
      express.text({ type: () => true }),
      (request, answer) => void answer.send(String(request.body.length)),
    );
    return createServer(app as RequestListener);
  },
  Fastify: async (paywall, terms) => {
    const app = fastify();
    app.addContentTypeParser("*", { parseAs: "string" }, (_, body, done) => done(null, body));
    app.post("/", { onRequest: paidFastify(paywall, terms) }, async ({ body }) =>
      String((body as string).length),
    );
    await app.ready();
    return app.server;
  },
  Hono: (paywall, terms) => {
    const answer = paidHono(paywall, terms, async (c) =>
      c.text(String((await c.req.text()).length)),
    );
    return createAdaptorServer(new Hono().post("/", answer)) as Server;
  },
  "Next, in a listener": (paywall, terms) => {
    const POST = paidNext(
      paywall,
      terms,
      async (request) => new Response(String((await request.text()).length)),
    );
    return createServer(listener((request) => POST(request, {})));
  },
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** What curl received: every head, and the body. It waits for the server, and not for a while. */
async function curl(url: string, fields: readonly string[] = []): Promise<string> {
  const given = ["Expect: 100-continue", "Content-Type: text/plain", ...fields];
  const args = ["-s", "-i", "--expect100-timeout", "600", "--data-binary", "@-", url];
  const child = spawn("curl", [...args, ...given.flatMap((field) => ["-H", field])]);
  child.stdin.on("error", () => {});
  child.stdin.end(BODY);
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  await once(child, "close");
  return printed;
}

const statusesIn = (text: string): readonly number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
const challengesIn = (text: string): readonly string[] =>
  [...text.matchAll(/^www-authenticate: (.*?)\r?$/gim)].map(([, line]) => line!);

describe.each(Object.entries(SERVERS))("%s", (_, start) => {
  async function world(terms: Terms, holds: boolean) {
    const invoicer = new FakeInvoicer();
    const server = await start(newPaywall({ invoicer }), terms);
    if (holds) holdContinue(server);
    const { url, close } = await listening(server);
    closers.push(close);
    return { invoicer, url };
  }

  test("an unpaid upload gets 402 alone, and a paid one 100 and 200", async () => {
    const { invoicer, url } = await world({ price: "1 sat" }, true);
    const asked = await curl(url);
    expect(statusesIn(asked)).toEqual([402]);
    const credential = invoicer.buy(challengesIn(asked));
    const paid = await curl(url, [`Authorization: L402 ${credential}`]);
    expect(statusesIn(paid)).toEqual([100, 200]);
    expect(paid.endsWith(String(BODY.length))).toBe(true);
    expect(statusesIn(await curl(url, [`Authorization: L402 ${credential}`]))).toEqual([402]);
  });

  test("so it is from the first refusal on where nobody asked for it", async () => {
    const { url } = await world({ price: "1 sat" }, false);
    await (await fetch(url, { method: "POST", body: "x" })).text();
    expect(statusesIn(await curl(url))).toEqual([402]);
  });

  test("a free upload is asked for", async () => {
    const { url } = await world({ price: "0 sat" }, true);
    expect(statusesIn(await curl(url))).toEqual([100, 200]);
  });
});

test("a server that decides about `Expect` itself is left alone", async () => {
  const server = createServer().on(
    "checkContinue",
    (_, outgoing) => void outgoing.writeHead(417).end(),
  );
  holdContinue(server);
  const { url, close } = await listening(server);
  closers.push(close);
  expect(statusesIn(await curl(url))).toEqual([417]);
});
