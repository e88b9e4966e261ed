/** A body that something before the paywall has read: what is known of it. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express, { type RequestHandler } from "express";
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

const BY_BODY: Terms = {
  price: async ({ body }) => ((await body()).length > 1000 ? "100 sat" : "10 sat"),
  grants: { uses: 9 },
};
const FIXED: Terms = { price: "10 sat", grants: { uses: 9 } };
const ROUTES = [
  ["/by-body", BY_BODY],
  ["/fixed", FIXED],
] as const;

type Start = (paywall: Paywall, served: () => string) => Server | Promise<Server>;

async function bytesOf(incoming: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const overExpress =
  (parser: RequestHandler): Start =>
  (paywall, served) => {
    const app = express().use(parser);
    for (const [path, terms] of ROUTES)
      app.post(path, paidExpress(paywall, terms), (_, response) => void response.send(served()));
    return createServer(app);
  };

/** As `multer` does: the fields are left as `body`, and the file beside it. */
const uploads =
  (body: unknown): RequestHandler =>
  (request, _, next) => {
    void bytesOf(request).then((file) => {
      Object.assign(request, { body, file });
      setImmediate(next);
    });
  };

const overHono =
  (read: (request: { text(): Promise<string>; parseBody(): Promise<unknown> }) => unknown): Start =>
  (paywall, served) => {
    const app = new Hono();
    app.use(async (c, next) => {
      await read(c.req);
      await next();
    });
    for (const [path, terms] of ROUTES)
      app.post(path, paidHono(paywall, terms), (c) => c.text(served()));
    return createAdaptorServer(app) as Server;
  };

const TAKEN: Readonly<Record<string, Start>> = {
  "l8nt/express behind a multipart parser": overExpress(uploads({ title: "photo" })),
  "l8nt/express behind a multipart parser that found no fields": overExpress(uploads({})),
  "l8nt/express behind a parser that leaves no value": overExpress(uploads(undefined)),
  "l8nt/fastify, as `preHandler`": async (paywall, served) => {
    const app = fastify();
    app.addContentTypeParser(
      "multipart/form-data",
      async (_: unknown, payload: IncomingMessage) => {
        await bytesOf(payload);
        return { title: "photo" };
      },
    );
    for (const [url, terms] of ROUTES)
      app.post(url, { preHandler: paidFastify(paywall, terms) as never }, async () => served());
    await app.ready();
    return app.server;
  },
  "l8nt/hono behind `parseBody`": overHono((request) => request.parseBody()),
  "l8nt/hono behind `text`": overHono((request) => request.text()),
  "l8nt/next behind `formData`": (paywall, served) => {
    const handlers = new Map(
      ROUTES.map(([path, terms]) => [
        path as string,
        paidNext(paywall, terms, () => new Response(served())),
      ]),
    );
    return createServer(
      listener(async (request) => {
        await request.formData();
        return handlers.get(new URL(request.url).pathname)!(request, {});
      }),
    );
  },
  "l8nt/node behind a reader": (paywall, served) => {
    const handlers = new Map(
      ROUTES.map(([path, terms]) => [
        path as string,
        paidNode(paywall, terms, (_, outgoing) => void outgoing.end(served())),
      ]),
    );
    return createServer((incoming, outgoing) => {
      void bytesOf(incoming).then(() => handlers.get(incoming.url!)!(incoming, outgoing));
    });
  },
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Serves the two routes; each served request has an answer of its own. */
async function world(start: Start) {
  const invoicer = new FakeInvoicer();
  let count = 0;
  const paywall = newPaywall({ invoicer, alarm: () => {} });
  const host = await listening(await start(paywall, () => `answer ${++count}`));
  closers.push(host.close);
  return {
    ask: (target: string, type: string, body: string, fields: readonly [string, string][] = []) =>
      exchange(host.url, {
        ...{ method: "POST", target, body },
        fields: [["content-type", type], ...fields],
      }),
    invoicer,
  };
}

const MULTIPART = "multipart/form-data; boundary=part";
const upload = (file: string): string =>
  `--part\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n${file}\r\n--part--\r\n`;

describe.each(Object.entries(TAKEN))("%s", (_, start) => {
  test("a price by the body is ERR_PRICE_FUNCTION, and nothing is sold", async () => {
    const { ask, invoicer } = await world(start);
    for (const file of ["small", "x".repeat(50_000)]) {
      const response = await ask("/by-body", MULTIPART, upload(file));
      expect([response.status, JSON.parse(response.body).code]).toEqual([
        503,
        "ERR_PRICE_FUNCTION",
      ]);
    }
    expect(invoicer.requests).toEqual([]);
  });

  test("an upload uses its key: another one under it has no answer, and is offered nothing", async () => {
    const { ask, invoicer } = await world(start);
    const asked = await ask("/fixed", MULTIPART, upload("one"));
    const paid = present(invoicer.buy(asked.lines("www-authenticate")));
    const send = (file: string, key: string) =>
      ask("/fixed", MULTIPART, upload(file), [paid, ["idempotency-key", key]]);
    expect((await send("one", "k1")).body).toBe("answer 1");
    for (const file of ["one", "two", "x".repeat(50_000)]) {
      const other = await send(file, "k1");
      expect([other.status, other.lines("www-authenticate")]).toEqual([422, []]);
    }
    expect((await send("two", "k2")).body).toBe("answer 2");
    expect(invoicer.requests).toHaveLength(1);
  });
});

const json = (type: string) => express.json({ type });
const PARSED: readonly (readonly [string, RequestHandler, (text: string) => string])[] = [
  ["application/json", json("application/json"), (text) => JSON.stringify({ text })],
  ["application/vnd.x+json", json("application/*+json"), (text) => JSON.stringify({ text })],
  ["application/x-www-form-urlencoded", express.urlencoded(), (text) => `text=${text}`],
  ["text/plain", express.text(), (text) => text],
  ["application/octet-stream", express.raw(), (text) => text],
];

describe.each(PARSED)("l8nt/express behind a parser of %s", (type, parser, bodyOf) => {
  const [small, large] = [bodyOf("a"), bodyOf("a".repeat(2000))];

  test("a price by the body is that of the whole body", async () => {
    const { ask, invoicer } = await world(overExpress(parser));
    await ask("/by-body", type, small);
    await ask("/by-body", type, large);
    expect(invoicer.requests.map(({ amountMsat }) => amountMsat)).toEqual([10_000n, 100_000n]);
  });

  test("a request that is repeated has the answer of the first one, and another body is refused", async () => {
    const { ask, invoicer } = await world(overExpress(parser));
    const asked = await ask("/fixed", type, small);
    const paid = present(invoicer.buy(asked.lines("www-authenticate")));
    const fields = [paid, ["idempotency-key", "k1"] as [string, string]];
    const answers: (string | number)[] = [];
    for (const body of [small, small, large]) {
      const response = await ask("/fixed", type, body, fields);
      answers.push(response.status === 200 ? response.body : response.status);
    }
    expect(answers).toEqual(["answer 1", "answer 1", 422]);
  });
});
