/**
 * gRPC calls over HTTP/2, in every adapter: refused in gRPC's terms, and counted by their status.
 * spec/3-challenge.md §7, spec/5-ledger.md §5.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { Credential } from "../l402/index.ts";
import { formatMacaroonField } from "../l402/macaroon-field.ts";
import { paid as paidNode } from "../node/index.ts";
import type { Grant, Paywall, Terms } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paid as paidFastify } from "./fastify.ts";
import { newPaywall } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";

type Handler = (outgoing: http2.Http2ServerResponse, grant: Grant) => void;
type Listener = (incoming: http2.Http2ServerRequest, outgoing: http2.Http2ServerResponse) => void;
type Start = (paywall: Paywall, terms: Terms, handler: Handler) => Promise<http2.Http2Server>;

const METHOD = "/weather.Weather/Forecast";
const of = (outgoing: unknown) => outgoing as http2.Http2ServerResponse;

const SERVERS: Readonly<Record<string, Start>> = {
  "l8nt/node": async (paywall, terms, handler) =>
    http2.createServer(
      paidNode(paywall, terms, (_: IncomingMessage, outgoing: ServerResponse, grant) =>
        handler(of(outgoing), grant),
      ) as unknown as Listener,
    ),
  "l8nt/fastify": async (paywall, terms, handler) => {
    const app = fastify({ http2: true });
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    app.addHook("onRequest", async (_, reply) => {
      reply.header("access-control-allow-origin", "*");
    });
    const onRequest = paidFastify(paywall, terms) as never;
    app.post(METHOD, { onRequest }, (request, reply) => {
      reply.hijack();
      handler(of(reply.raw), request.grant);
    });
    await app.ready();
    return app.server;
  },
  "l8nt/hono": async (paywall, terms, handler) => {
    const app = new Hono<{ Bindings: HttpBindings }>();
    app.post(METHOD, paidHono(paywall, terms), async (c) => {
      const outgoing = of(c.env.outgoing);
      // Behind its handler @hono/node-server destroys a stream whose request was not read.
      const closed = new Promise<void>((resolve) => void outgoing.once("close", resolve));
      handler(outgoing, c.get("grant"));
      await closed;
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

interface Answer {
  readonly head: http2.IncomingHttpHeaders;
  /** Whether the head ended the stream: what gRPC calls "Trailers-Only". */
  readonly isTrailersOnly: boolean;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Asked {
  readonly fields?: http2.OutgoingHttpHeaders;
  /** Resets the stream after the first message. */
  readonly leaves?: boolean;
}

async function served(start: Start, handler: Handler, terms: Terms = { price: "1 sat" }) {
  const invoicer = new FakeInvoicer();
  const server = await start(newPaywall({ invoicer }), terms, handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  const call = async ({ fields = {}, leaves = false }: Asked = {}): Promise<Answer> => {
    const connected = once(server, "session") as Promise<[http2.ServerHttp2Session]>;
    const session = http2.connect(url);
    const [other] = await connected;
    const ended = once(other, "close");
    const stream = session.request({
      ":method": "POST",
      ":path": METHOD,
      "content-type": "application/grpc+proto",
      te: "trailers",
      ...fields,
    });
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("trailers", (given) => {
      trailers = given;
    });
    const headed = once(stream, "response") as Promise<[http2.IncomingHttpHeaders, number]>;
    stream.end(MESSAGE);
    const [head, flags] = await headed;
    const body: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => body.push(chunk));
    if (leaves) {
      await once(stream, "data");
      stream.close(http2.constants.NGHTTP2_CANCEL);
    }
    if (!stream.closed) await once(stream, "close");
    session.close();
    // What the server settles at the end of the stream is settled then.
    await ended;
    const isTrailersOnly = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    return { head, isTrailersOnly, trailers, body: Buffer.concat(body) };
  };
  const buy = async () => {
    const { head } = await call();
    return invoicer.buy(head["www-authenticate"] as unknown as string);
  };
  return { call, buy, invoicer };
}

/** A gRPC message is a flag, its length, and its bytes. */
const MESSAGE = Buffer.from([0, 0, 0, 0, 2, 0x0a, 0x00]);
const TYPE = { "content-type": "application/grpc+proto" };

const answersWith =
  (status: string): Handler =>
  (outgoing) => {
    outgoing.writeHead(200, TYPE);
    outgoing.write(MESSAGE);
    outgoing.addTrailers({ "grpc-status": status });
    outgoing.end();
  };

/** What ends a call, and whether its use is consumed. */
const ENDINGS: readonly (readonly [string, Handler, boolean])[] = [
  ["a message and the status 0", answersWith("0"), true],
  ["a message and the status 14, in the middle of a stream", answersWith("14"), true],
  [
    "no message, and the status 0",
    (outgoing) => {
      outgoing.writeHead(200, TYPE);
      outgoing.addTrailers({ "grpc-status": "0" });
      outgoing.end();
    },
    true,
  ],
  [
    "no message, and the status 5",
    (outgoing) => {
      outgoing.writeHead(200, TYPE);
      outgoing.addTrailers({ "Grpc-Status": "5" });
      outgoing.end();
    },
    false,
  ],
  [
    "a head alone with the status 5",
    (outgoing) => {
      outgoing.setHeader("grpc-status", "5");
      outgoing.setHeader("content-type", "application/grpc");
      outgoing.end();
    },
    false,
  ],
  [
    "a head alone with the status 0",
    (outgoing) => {
      outgoing.setHeader("grpc-status", "0");
      outgoing.setHeader("content-type", "application/grpc");
      outgoing.end();
    },
    true,
  ],
  [
    "a head alone with the status 5, by `stream.respond`",
    ({ stream }) => stream.respond({ ":status": 200, "grpc-status": "5" }, { endStream: true }),
    false,
  ],
  [
    "a message by `stream.write`, and no status",
    ({ stream }) => {
      stream.respond({ ":status": 200, ...TYPE });
      stream.end(MESSAGE);
    },
    true,
  ],
  [
    "a head, and a stream that breaks",
    ({ stream }) => {
      stream.respond({ ":status": 200, ...TYPE });
      stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    },
    false,
  ],
  [
    "an answer that is not gRPC's, of 204",
    (outgoing) => {
      outgoing.writeHead(204);
      outgoing.end();
    },
    true,
  ],
  [
    "an answer that is not gRPC's, of 404",
    (outgoing) => {
      outgoing.writeHead(404, { "content-type": "text/plain" });
      outgoing.end();
    },
    false,
  ],
  [
    "a file that is sent by `stream.respondWithFile`",
    ({ stream }) => stream.resume().respondWithFile(import.meta.filename),
    true,
  ],
  [
    "a file of gRPC's type",
    ({ stream }) =>
      stream.resume().respondWithFile(import.meta.filename, { ":status": 200, ...TYPE }),
    true,
  ],
  [
    "a message as a DataView, and a stream that breaks",
    ({ stream }) => {
      stream.respond({ ":status": 200, ...TYPE });
      stream.write(new DataView(new Uint8Array(MESSAGE).buffer), () =>
        stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
      );
    },
    true,
  ],
  [
    "the type of the request, and an end without a message and a status",
    (outgoing) => {
      outgoing.writeHead(200, TYPE);
      outgoing.end();
    },
    true,
  ],
  [
    "the type of the request, and an end by `stream.end`",
    ({ stream }) => {
      stream.respond({ ":status": 200, ...TYPE });
      stream.end();
    },
    true,
  ],
  [
    "the status 0 in a head, and a stream that breaks",
    ({ stream }) => {
      stream.respond({ ":status": 200, ...TYPE, "grpc-status": "0" });
      stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    },
    false,
  ],
  [
    "the status 5 in a head, and an end",
    (outgoing) => {
      outgoing.writeHead(200, { ...TYPE, "grpc-status": "5" });
      outgoing.end();
    },
    false,
  ],
  [
    "the status 5, and a handler that declares the use consumed",
    (outgoing, grant) => {
      grant.consume();
      outgoing.setHeader("grpc-status", "5");
      outgoing.end();
    },
    true,
  ],
  [
    "a message, and a handler that declares the use released",
    (outgoing, grant) => {
      grant.release();
      answersWith("0")(outgoing, grant);
    },
    false,
  ],
];

describe.each(Object.entries(SERVERS))("%s", (name, start) => {
  test("an unpaid call has INTERNAL, `payment required`, and the challenge, where its client looks", async () => {
    const { call } = await served(start, answersWith("0"));
    const { head, isTrailersOnly, trailers, body } = await call();
    expect(head).toMatchObject({ ":status": 200, "content-type": "application/grpc+proto" });
    expect(body).toHaveLength(0);
    // A client reads the head as trailers only if it ends the stream.
    for (const fields of isTrailersOnly ? [head] : [head, trailers]) {
      expect(fields).toMatchObject({ "grpc-status": "13", "grpc-message": "payment required" });
      expect(fields["www-authenticate"]).toMatch(
        /^LSAT macaroon="[^"]+", invoice="[^"]+", L402 macaroon="/,
      );
    }
    expect(isTrailersOnly).toBe(name === "l8nt/node");
  });

  test("the metadata `macaroon`, with the preimage as a caveat, pays for one call", async () => {
    const { call, buy } = await served(start, answersWith("0"));
    const fields = { macaroon: formatMacaroonField(Credential.parse(await buy())) };
    const { head, body, trailers } = await call({ fields });
    expect([head["grpc-status"], body, trailers["grpc-status"]]).toEqual([undefined, MESSAGE, "0"]);
    expect((await call({ fields })).head["grpc-status"]).toBe("13");
  });

  test("a client that resets the stream after the first message has used its use", async () => {
    const { call, buy } = await served(start, (outgoing) => {
      outgoing.writeHead(200, TYPE);
      outgoing.write(MESSAGE);
    });
    const fields = { authorization: `L402 ${await buy()}` };
    expect((await call({ fields, leaves: true })).body).toEqual(MESSAGE);
    expect((await call({ fields })).head["grpc-status"]).toBe("13");
  });

  test("an Idempotency-Key changes nothing: a call has trailers, which are not kept", async () => {
    const { call, buy } = await served(start, answersWith("0"), {
      price: "1 sat",
      grants: { uses: 2 },
    });
    const fields = { authorization: `L402 ${await buy()}`, "idempotency-key": "k1" };
    const statuses: unknown[] = [];
    for (let at = 0; at < 3; at++) {
      const { head, trailers } = await call({ fields });
      statuses.push(trailers["grpc-status"] ?? head["grpc-status"]);
    }
    expect(statuses).toEqual(["0", "0", "13"]);
  });

  test.each([
    [
      "a credential that cannot be read",
      { authorization: "L402 none" },
      "16",
      "ERR_TOKEN_MALFORMED",
    ],
    ["two credentials", { authorization: "L402 a:b, L402 c:d" }, "3", "ERR_TOKEN_AMBIGUOUS"],
    ["a scheme without a credential", { authorization: "L402" }, "16", "ERR_TOKEN_MALFORMED"],
  ])("%s is refused with the status of gRPC and the code", async (_, fields, status, code) => {
    const { call } = await served(start, answersWith("0"));
    const { head } = await call({ fields });
    expect([String(head[":status"]), head["grpc-status"]]).toEqual(["200", status]);
    expect(head["grpc-message"]).toContain(code);
  });

  test.each(ENDINGS)("%s", async (_, handler, isConsumed) => {
    const { call, buy } = await served(start, handler);
    const fields = { authorization: `L402 ${await buy()}` };
    await call({ fields });
    const { head } = await call({ fields });
    expect(head["grpc-message"] === "payment required").toBe(isConsumed);
  });
});
