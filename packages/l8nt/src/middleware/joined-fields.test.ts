/**
 * A server with `joinDuplicateHeaders` shows its handlers one text for several lines of a field.
 * Requests are judged there as everywhere, by their lines, and so is what the handler sees of them.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerOptions,
} from "node:http";
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

const TERMS: Terms = { price: "1 sat", grants: { uses: 3 } };

type Start = (
  paywall: Paywall,
  options: ServerOptions,
  seen: (headers: IncomingHttpHeaders | Headers) => void,
) => Server | Promise<Server>;

const SERVERS: Readonly<Record<string, Start>> = {
  "node:http": (paywall, options, seen) =>
    createServer(
      options,
      paidNode(paywall, TERMS, ({ headers }, outgoing) => {
        seen(headers);
        outgoing.end();
      }),
    ),
  "node:http, where the fields were read before": (paywall, options, seen) => {
    const inner = paidNode(paywall, TERMS, ({ headers }, outgoing) => {
      seen(headers);
      outgoing.end();
    });
    return createServer(options, (incoming, outgoing) => {
      expect(incoming.headers.host).toBeDefined();
      inner(incoming, outgoing);
    });
  },
  Express: (paywall, options, seen) => {
    const app = express();
    app.get("/", paidExpress(paywall, TERMS), ({ headers }, response) => {
      seen(headers);
      response.end();
    });
    return createServer(options, app as RequestListener);
  },
  Fastify: async (paywall, options, seen) => {
    const app = fastify({ http: options });
    app.get("/", { onRequest: paidFastify(paywall, TERMS) }, async ({ headers }) => {
      seen(headers);
      return "";
    });
    await app.ready();
    return app.server;
  },
  Hono: (paywall, serverOptions, seen) => {
    const app = new Hono().get("/", paidHono(paywall, TERMS), (c) => {
      seen(c.req.raw.headers);
      return c.text("");
    });
    return createAdaptorServer({ fetch: app.fetch, serverOptions }) as Server;
  },
  "Next, in a listener": (paywall, options, seen) => {
    const GET = paidNext(paywall, TERMS, ({ headers }) => {
      seen(headers);
      return new Response("");
    });
    return createServer(
      options,
      listener((request) => GET(request, {})),
    );
  },
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Lines = readonly (readonly [name: string, value: string])[];

describe.each(Object.entries(SERVERS))("%s", (name, start) => {
  async function world(options: ServerOptions) {
    const invoicer = new FakeInvoicer();
    let headers: IncomingHttpHeaders | Headers = {};
    const server = await start(newPaywall({ invoicer }), options, (given) => {
      headers = given;
    });
    const { url, close } = await listening(server);
    closers.push(close);
    const buy = async () =>
      invoicer.buy((await exchange(url)).lines("www-authenticate").join(", "));
    const [one, other] = [await buy(), await buy()];
    const ask = async (lines: Lines) => {
      headers = {};
      const { status, body } = await exchange(url, { fields: lines });
      const seen =
        headers instanceof Headers ? headers.get("authorization") : headers.authorization;
      return { status, code: /"code":"(\w+)"/.exec(body)?.[1], seen };
    };
    return { ask, one, other };
  }

  const line = (value: string) => ["Authorization", value] as const;

  test.each<[what: string, lines: (one: string, other: string) => Lines, outcome: object]>([
    ["one credential", (one) => [present(one)], { status: 200, code: undefined }],
    ["the same twice", (one) => [present(one), present(one)], { status: 200, code: undefined }],
    [
      "one between two lines of the API's own",
      (one) => [line("Bearer key"), present(one), line('Digest realm="b, c"')],
      { status: 200, code: undefined },
    ],
    [
      "two different ones",
      (one, other) => [present(one), present(other)],
      { status: 400, code: "ERR_TOKEN_AMBIGUOUS" },
    ],
    [
      "two different ones around another scheme",
      (one, other) => [present(one), line("Bearer key"), present(other)],
      { status: 400, code: "ERR_TOKEN_AMBIGUOUS" },
    ],
    [
      "one beside a list of macaroons",
      (one) => [present(one), line(one)],
      { status: 400, code: "ERR_TOKEN_AMBIGUOUS" },
    ],
    [
      "two hosts",
      (one) => [["Host", "a.example"], ["Host", "b.example"], present(one)],
      { status: 400 },
    ],
    [
      "one of another field beside the same",
      (one) => [present(one), ["Macaroon", "00"]],
      { status: 400, code: "ERR_TOKEN_AMBIGUOUS" },
    ],
    ["other schemes alone", () => [line("Bearer key"), line("Basic a")], { status: 402 }],
  ])("%s: judged as without it", async (_, lines, outcome) => {
    for (const joinDuplicateHeaders of [false, true]) {
      const { ask, one, other } = await world({ joinDuplicateHeaders });
      const { status, code } = await ask(lines(one, other));
      expect(
        { status, ...("code" in outcome && { code }) },
        `joined: ${joinDuplicateHeaders}`,
      ).toEqual(outcome);
    }
  });

  test("a handler has the API's own lines, as its server shows them, and no credential", async () => {
    const isWeb = ["Hono", "Next, in a listener"].includes(name);
    for (const joinDuplicateHeaders of [false, true]) {
      const { ask, one } = await world({ joinDuplicateHeaders });
      const { seen } = await ask([line("Bearer key"), present(one), line("Basic a")]);
      expect(seen).toBe(isWeb || joinDuplicateHeaders ? "Bearer key, Basic a" : "Bearer key");
      expect((await ask([present(one), line("Basic a")])).seen).toBe("Basic a");
      expect((await ask([present(one), present(one)])).seen ?? undefined).toBeUndefined();
    }
  });
});
