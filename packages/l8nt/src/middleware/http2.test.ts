/** HTTP/2: a handler that writes its head to the stream, past the response object. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { paid as paidNode } from "../node/index.ts";
import type { Paywall } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paid as paidFastify } from "./fastify.ts";
import { newPaywall } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";

type Answer = (stream: http2.ServerHttp2Stream) => void;
type Listener = (incoming: http2.Http2ServerRequest, outgoing: http2.Http2ServerResponse) => void;

const TERMS = { price: "1 sat" } as const;
const streamOf = (outgoing: unknown) => (outgoing as http2.Http2ServerResponse).stream;

/** Servers of one paid route, by adapter. */
const SERVERS: Readonly<
  Record<string, (paywall: Paywall, answer: Answer) => Promise<http2.Http2Server>>
> = {
  "l8nt/node": async (paywall, answer) =>
    http2.createServer(
      paidNode(paywall, TERMS, (_: IncomingMessage, outgoing: ServerResponse) =>
        answer(streamOf(outgoing)),
      ) as unknown as Listener,
    ),
  "l8nt/fastify": async (paywall, answer) => {
    const app = fastify({ http2: true });
    // Its types are those of HTTP/1.1.
    const onRequest = paidFastify(paywall, TERMS) as never;
    app.get("/paid", { onRequest }, (_, reply) => {
      reply.hijack();
      answer(streamOf(reply.raw));
    });
    await app.ready();
    return app.server;
  },
  "l8nt/hono": async (paywall, answer) => {
    const app = new Hono<{ Bindings: HttpBindings }>();
    app.get("/paid", paidHono(paywall, TERMS), (c) => {
      answer(streamOf(c.env.outgoing));
      return RESPONSE_ALREADY_SENT;
    });
    return createAdaptorServer({
      fetch: app.fetch,
      createServer: http2.createServer,
    }) as unknown as http2.Http2Server;
  },
};

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Serves a paid route, and asks it with a credential that was paid for. */
async function served(name: string, answer: Answer) {
  const ask = await heads(name, answer);
  return async (leaves?: boolean) => (await ask(leaves))[":status"];
}

/** The same, with the whole head. */
async function heads(name: string, answer: Answer) {
  const invoicer = new FakeInvoicer();
  const server = await SERVERS[name]!(newPaywall({ invoicer }), answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  /** The client hangs up once it has the head if `leaves`; otherwise it reads to the end. */
  const ask = async (credential: string | undefined, leaves = false) => {
    const connected = once(server, "session") as Promise<[http2.ServerHttp2Session]>;
    const session = http2.connect(url);
    const [other] = await connected;
    const ended = once(other, "close");
    const authorization = credential && { authorization: `L402 ${credential}` };
    const stream = session.request({ ":path": "/paid", ...authorization });
    const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    if (leaves) session.destroy();
    else {
      await once(stream.resume(), "close");
      session.close();
    }
    // What the server settles at the end of the stream is settled then.
    await ended;
    return head;
  };
  const asked = await ask(undefined);
  const credential = invoicer.buy(asked["www-authenticate"] as unknown as string);
  return (leaves?: boolean) => ask(credential, leaves);
}

const CACHED = { "cache-control": "public, s-maxage=60", "X-LiteSpeed-Cache-Control": "public" };

describe.each(Object.keys(SERVERS))("%s tells caches over HTTP/2", (name) => {
  test.each<[how: string, answer: Answer]>([
    [
      "respond",
      (stream) => {
        stream.respond({ ":status": 200, ...CACHED });
        stream.end("paid");
      },
    ],
    [
      "respond without fields",
      (stream) => {
        stream.respond();
        stream.end("paid");
      },
    ],
    ["respondWithFile", (stream) => stream.respondWithFile(import.meta.filename, { ...CACHED })],
    [
      "respondWithFile, in its last check",
      (stream) =>
        stream.respondWithFile(import.meta.filename, undefined, {
          statCheck: (_, fields) => void Object.assign(fields, CACHED),
        }),
    ],
  ])("that an answer by stream.%s is for one client", async (_, answer) => {
    const head = await (await heads(name, answer))();
    expect(head).toMatchObject({
      ...{ ":status": 200, "cache-control": "private" },
      vary: "Authorization, Macaroon, Grpc-Metadata-Macaroon",
    });
    expect(head).not.toHaveProperty("x-litespeed-cache-control");
  });

  test("nothing that was not paid for: a handler cannot push", async () => {
    let thrown: unknown;
    const ask = await heads(name, (stream) => {
      try {
        stream.pushStream({ ":path": "/pushed" }, () => {});
      } catch (error) {
        thrown = error;
      }
      stream.respond({ ":status": 404 });
      stream.end();
    });
    expect((await ask())[":status"]).toBe(404);
    expect(thrown).toMatchObject({ code: "ERR_HTTP2_PUSH_DISABLED" });
  });
});

test("a handler sees no credential over HTTP/2 either", async () => {
  const invoicer = new FakeInvoicer();
  const views: object[] = [];
  const listener = paidNode(newPaywall({ invoicer }), TERMS, (incoming, outgoing) => {
    views.push(incoming.headers, incoming.rawHeaders);
    outgoing.end();
  });
  const server = http2.createServer(listener as unknown as Listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closers.unshift(async () => session.close());
  const ask = async (fields: http2.OutgoingHttpHeaders) => {
    const stream = session.request({ ":path": "/paid", "x-other": "1", ...fields });
    const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    stream.resume();
    return head;
  };
  const bought = invoicer.buy((await ask({}))["www-authenticate"] as unknown as string);
  const authorization = `L402 ${bought}, Bearer key`;
  expect((await ask({ authorization }))[":status"]).toBe(200);
  expect(views).toMatchObject([{ authorization: "Bearer key", "x-other": "1" }, {}]);
  expect(JSON.stringify(views)).not.toContain(bought.slice(0, 40));
});

const responds =
  (status: number): Answer =>
  (stream) => {
    stream.respond({ ":status": status });
    stream.end("sunny");
  };

describe.each(Object.keys(SERVERS))("%s", (name) => {
  test("a head of 200 that the handler writes by `stream.respond` uses up the use", async () => {
    const ask = await served(name, responds(200));
    expect([await ask(), await ask()]).toEqual([200, 402]);
  });

  test("so does one whose client hangs up inside of the body", async () => {
    const ask = await served(name, (stream) => {
      stream.respond({ ":status": 200 });
      stream.write("half");
    });
    expect([await ask(true), await ask(true)]).toEqual([200, 402]);
  });

  test("so does a file that is sent by `stream.respondWithFile`", async () => {
    const ask = await served(name, (stream) => stream.respondWithFile(import.meta.filename));
    expect([await ask(), await ask()]).toEqual([200, 402]);
  });

  test("a head of 503 that the handler writes by `stream.respond` gives the use back", async () => {
    let status = 503;
    const ask = await served(name, (stream) => responds(status)(stream));
    expect([await ask(), await ask()]).toEqual([503, 503]);
    status = 200;
    expect([await ask(), await ask()]).toEqual([200, 402]);
  });
});
