/**
 * What is served to a credential ends with the credential: streams and upgraded connections, in
 * every framework. spec/3-challenge.md §5.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createServer2, type Http2ServerRequest } from "node:http2";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { paid as paidExpress } from "../middleware/express.ts";
import { paid as paidFastify } from "../middleware/fastify.ts";
import { listening } from "../middleware/fixtures/listening.ts";
import { LOCATION, newPaywall, present } from "../middleware/fixtures/paywall.ts";
import { paid as paidHono } from "../middleware/hono.ts";
import { paid as paidNext } from "../middleware/next.ts";
import type { Grant, Paywall } from "../service/index.ts";
import { devClock } from "../testing/dev-clock.ts";
import { open } from "../testing/raw-http.ts";
import { paid, paidUpgrade } from "./index.ts";

const START = 2_000_000_000;
const SCOPE = { endpoints: [`GET ${LOCATION}/**`], expiresIn: "1h" } as const;
const until = (is: () => boolean) => vi.waitUntil(is, { timeout: 20_000 });

/** A paywall, and a credential with a child and a grandchild, of which the first is not counted. */
function world() {
  const clock = devClock(START);
  const paywall = newPaywall({ clock });
  const root = paywall.authority.minter.mint(SCOPE);
  const [evil, good] = ["evil", "good"].map((agent) => root.delegate({ agent }, { now: START }));
  const below = evil!.delegate({ agent: "below" }, { now: START });
  const counted = evil!.delegate({ agent: "counted", maxUses: 5 }, { now: START });
  const nodeOf = (credential: { toString(): string }) =>
    paywall.authority.verifier.authenticate(credential.toString()).node.id;
  const revoke = () => paywall.authority.revocations.revoke(nodeOf(evil!));
  return { clock, paywall, evil: evil!, good: good!, below, counted, revoke };
}

const EVENTS = { "content-type": "text/event-stream" };
/** Has begun, and does not end. */
const endless = () =>
  new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
  });

type Start = (paywall: Paywall) => Server | Promise<Server>;

const streaming = (_: unknown, outgoing: ServerResponse): void => {
  outgoing.writeHead(200, EVENTS).write("data: 1\n\n");
};

const SERVERS: Readonly<Record<string, Start>> = {
  "node:http": (paywall) => createServer(paid(paywall, {}, streaming)),
  "node:http, a head alone": (paywall) =>
    createServer(
      paid(paywall, {}, (_, outgoing) => {
        outgoing.writeHead(200, EVENTS).flushHeaders();
      }),
    ),
  Express: (paywall) => createServer(express().get("/", paidExpress(paywall), streaming)),
  Fastify: async (paywall) => {
    const app = fastify();
    app.get("/", { onRequest: paidFastify(paywall) }, (_, reply) => {
      void reply.hijack();
      streaming(undefined, reply.raw);
    });
    await app.ready();
    return app.server;
  },
  Hono: (paywall) => {
    const app = new Hono();
    app.get(
      "/",
      paidHono(paywall, {}, () => new Response(endless(), { headers: EVENTS })),
    );
    return createAdaptorServer({ fetch: app.fetch }) as Server;
  },
};

/** Opens a stream, and says how far it is. */
function listen(url: string, credential: { toString(): string }) {
  const socket = open(url, { target: "/", fields: [present(credential.toString())] });
  const seen = { text: "", isClosed: false };
  socket.on("data", (part: Buffer) => (seen.text += part));
  socket.on("error", () => {});
  socket.on("close", () => (seen.isClosed = true));
  onTestFinished(() => void socket.destroy());
  return seen;
}

describe.each(Object.entries(SERVERS))("%s", (_name, start) => {
  test("streams of a revoked node and of those below it break off, a sibling's goes on", async () => {
    const { paywall, evil, below, counted, good, revoke } = world();
    const host = await listening(await start(paywall));
    onTestFinished(host.close);
    const ended = [evil, below, counted].map((who) => listen(host.url, who));
    const kept = listen(host.url, good);
    await until(() => [...ended, kept].every(({ text }) => text.includes("200 OK")));
    revoke();
    await until(() => ended.every(({ isClosed }) => isClosed));
    expect(kept.isClosed).toBe(false);
    // A partial answer does not look complete.
    for (const { text } of ended) expect(text).not.toContain("\r\n0\r\n\r\n");
  });

  test("a stream breaks off when its credential ends", async () => {
    const { clock, paywall, good } = world();
    const host = await listening(await start(paywall));
    onTestFinished(host.close);
    clock.set(START + 3600 - 0.02);
    const stream = listen(host.url, good);
    await until(() => stream.text.includes("200 OK"));
    expect(stream.isClosed).toBe(false);
    clock.set(START + 3600);
    await until(() => stream.isClosed);
  });
});

test("an upgraded connection closes when its credential is revoked, a sibling's stays open", async () => {
  const { paywall, below, good, revoke } = world();
  const server = createServer();
  const grants: Grant[] = [];
  server.on(
    "upgrade",
    paidUpgrade(paywall, {}, (_incoming, socket, _head, grant) => {
      grants.push(grant);
      // Node leaves its half of an upgraded connection open.
      socket.resume().on("end", () => socket.end());
      socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
    }),
  );
  const host = await listening(server);
  onTestFinished(host.close);
  const [evil, kept] = [below, good].map((who) => {
    const fields = [["upgrade", "x"], ["connection", "upgrade"], present(who.toString())] as const;
    const socket = open(host.url, { target: "/", fields: [...fields] });
    onTestFinished(() => void socket.destroy());
    return socket;
  });
  await Promise.all([once(evil!, "data"), once(kept!, "data")]);
  const closed = once(evil!, "close");
  revoke();
  await closed;
  expect(kept!.destroyed).toBe(false);
  expect(grants.map(({ signal }) => signal.aborted).sort()).toEqual([false, true]);
});

test("over HTTP/2 a stream that has sent its head alone is reset", async () => {
  const { connect } = await import("node:http2");
  const { paywall, evil, revoke } = world();
  const handler = paid(paywall, {}, (_, outgoing) => void outgoing.writeHead(200, EVENTS));
  const server = createServer2((incoming: Http2ServerRequest, outgoing) =>
    handler(incoming as unknown as IncomingMessage, outgoing as unknown as ServerResponse),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  const [name, value] = present(evil.toString());
  const stream = session.request({ ":path": "/", [name]: value });
  stream.on("error", () => {});
  await once(stream, "response");
  const closed = once(stream, "close");
  revoke();
  await closed;
});

describe("a handler that returns a Response, and asks for the signal,", () => {
  const answered = async (body: () => BodyInit) => {
    const { paywall, evil, revoke } = world();
    let grant: Grant | undefined;
    const get = paidNext(paywall, {}, (_request: Request, _context: unknown, given) => {
      grant = given;
      void given.signal;
      return new Response(body());
    });
    const headers = { [present(evil.toString())[0]]: present(evil.toString())[1] };
    const request = new Request(`${paywall.authority.location}/`, { headers });
    return { response: await get(request, undefined), grant: grant!, revoke };
  };

  test("has its stream broken off, and its own source ended", async () => {
    const cancelled = vi.fn();
    const { response, grant, revoke } = await answered(
      () => new ReadableStream({ cancel: cancelled }),
    );
    const reading = response.text();
    revoke();
    await expect(reading).rejects.toThrow();
    expect([grant.signal.aborted, cancelled.mock.calls.length]).toEqual([true, 1]);
  });

  test("is told nothing once its answer was read", async () => {
    const { response, grant, revoke } = await answered(() => "whole");
    expect(await response.text()).toBe("whole");
    revoke();
    expect(grant.signal.aborted).toBe(false);
  });
});

test("on Node, a grant whose response is over is told nothing, and holds nothing", async () => {
  const { paywall, evil, revoke } = world();
  const grants: Grant[] = [];
  const server = createServer(
    paid(paywall, {}, (_, outgoing, grant) => {
      grants.push(grant);
      void grant.signal;
      outgoing.end("whole");
    }),
  );
  const host = await listening(server);
  onTestFinished(host.close);
  const { text } = await fetch(host.url, { headers: [[...present(evil.toString())]] }).then(
    async (response) => ({ text: await response.text() }),
  );
  expect(text).toBe("whole");
  await new Promise((resolve) => setImmediate(resolve));
  revoke();
  expect(grants.map(({ signal }) => signal.aborted)).toEqual([false]);
});

test("a grant of a credential that was revoked before its signal was asked for has an aborted one", async () => {
  const { paywall, evil, revoke } = world();
  const decision = await paywall.route({}).authorize({
    method: "GET",
    target: "/",
    authorization: present(evil.toString())[1],
    headers: () => new Headers(),
  });
  if (!decision.granted) throw new Error("refused");
  revoke();
  expect(decision.grant.signal.aborted).toBe(true);
});
