/**
 * Over HTTP/2 too an upload that waits for `100 Continue` gets its 402 without it, and is told to
 * go on once when it is paid for: RFC 9110 §10.1.1, RFC 9113 §8.1, with Node's own client.
 */
import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { holdContinue, listener, paid as paidNode } from "../node/index.ts";
import type { Paywall, Terms } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { paid as paidFastify } from "./fastify.ts";
import { bodyText } from "./fixtures/body.ts";
import { newPaywall } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";
import { paid as paidNext } from "./next.ts";

type Http2Listener = (
  incoming: http2.Http2ServerRequest,
  outgoing: http2.Http2ServerResponse,
) => void;
type Start = (paywall: Paywall, terms: Terms) => http2.Http2Server | Promise<http2.Http2Server>;

const PAST_THE_REQUEST = "l8nt/node, whose handler reads the stream";
const BODY = "sunny".repeat(1000);
const created = (answer: RequestListener) => http2.createServer(answer as unknown as Http2Listener);

/** Servers that answer with the length of the body. */
const SERVERS: Readonly<Record<string, Start>> = {
  "l8nt/node": (paywall, terms) =>
    created(
      paidNode(paywall, terms, async (incoming, outgoing) => {
        outgoing.end(String((await bodyText(incoming)).length));
      }),
    ),
  [PAST_THE_REQUEST]: (paywall, terms) =>
    created(
      paidNode(paywall, terms, async (incoming: IncomingMessage, outgoing: ServerResponse) => {
        const { stream } = incoming as unknown as http2.Http2ServerRequest;
        let length = 0;
        for await (const chunk of stream) length += (chunk as Buffer).length;
        outgoing.end(String(length));
      }),
    ),
  "l8nt/fastify": async (paywall, terms) => {
    const app = fastify({ http2: true });
    app.addContentTypeParser("*", { parseAs: "string" }, (_, body, done) => done(null, body));
    // Its types are those of HTTP/1.1.
    app.post("/", { onRequest: paidFastify(paywall, terms) as never }, async ({ body }) =>
      String((body as string).length),
    );
    await app.ready();
    return app.server;
  },
  "l8nt/hono": (paywall, terms) => {
    const answer = paidHono(paywall, terms, async (c) =>
      c.text(String((await c.req.text()).length)),
    );
    return createAdaptorServer({
      fetch: new Hono().post("/", answer).fetch,
      createServer: http2.createServer,
    }) as unknown as http2.Http2Server;
  },
  "l8nt/next in a listener": (paywall, terms) => {
    const POST = paidNext(
      paywall,
      terms,
      async (request) => new Response(String((await request.text()).length)),
    );
    return created(listener((request) => POST(request, {})));
  },
};

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function world(start: Start, terms: Terms, holds: boolean) {
  const invoicer = new FakeInvoicer();
  const server = await start(newPaywall({ invoicer }), terms);
  if (holds) holdContinue(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closers.push(() => {
    session.destroy();
    server.close();
  });
  /** Sends the body when it is told to go on; returns the statuses, and the answer. */
  const ask = async (credential?: string, expect: http2.OutgoingHttpHeaders = EXPECT) => {
    const stream = session.request({
      ...{ ":method": "POST", ":path": "/", "content-type": "text/plain", ...expect },
      ...(credential !== undefined && { authorization: `L402 ${credential}` }),
    });
    const statuses: number[] = [];
    stream.on("continue", () => {
      statuses.push(100);
      if (statuses.length === 1) stream.end(BODY);
    });
    if (expect.expect === undefined) stream.end(BODY);
    stream.on("error", () => {});
    const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    let answer = "";
    stream.on("data", (chunk) => {
      answer += chunk;
    });
    // The server closes the stream of a refusal: the body is never sent.
    await once(stream, "close");
    return { statuses: [...statuses, head[":status"]], head, answer };
  };
  return { invoicer, ask };
}

const EXPECT = { expect: "100-continue" };

describe.each(Object.entries(SERVERS))("%s over HTTP/2", (name, start) => {
  test("an unpaid upload gets 402 alone, and a paid one 100 and 200", async () => {
    const { invoicer, ask } = await world(start, { price: "1 sat" }, true);
    const asked = await ask();
    expect(asked.statuses).toEqual([402]);
    const credential = invoicer.buy(asked.head["www-authenticate"] as unknown as string);
    const paid = await ask(credential);
    expect([paid.statuses, paid.answer]).toEqual([[100, 200], String(BODY.length)]);
    expect((await ask(credential)).statuses).toEqual([402]);
  });

  test("so it is from the first refusal on where nobody asked for it", async () => {
    const { ask } = await world(start, { price: "1 sat" }, false);
    expect((await ask(undefined, {})).statuses).toEqual([402]);
    expect((await ask()).statuses).toEqual([402]);
  });

  // What the paywall has read it gives back to the request, and not to the stream below it.
  test.skipIf(name === PAST_THE_REQUEST)(
    "one whose price depends on its body is asked for, and then refused",
    async () => {
      const price: Terms["price"] = async ({ body }) =>
        `${(await body()).length === BODY.length ? 1 : 2} sat`;
      const { invoicer, ask } = await world(start, { price }, true);
      const asked = await ask();
      expect([asked.statuses, JSON.parse(asked.answer).price]).toEqual([[100, 402], "1 sat"]);
      const paid = await ask(invoicer.buy(asked.head["www-authenticate"] as unknown as string));
      expect([paid.statuses, paid.answer]).toEqual([[100, 200], String(BODY.length)]);
    },
  );

  test("a free upload is asked for once", async () => {
    const { ask } = await world(start, { price: "0 sat" }, true);
    const served = await ask();
    expect([served.statuses, served.answer]).toEqual([[100, 200], String(BODY.length)]);
  });
});
