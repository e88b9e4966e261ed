/** The paywall before upgrades: a WebSocket is judged, and never open. spec/3-challenge.md §5. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, expect, test, vi } from "vitest";
import { paid as paidExpress } from "../middleware/express.ts";
import { paid as paidFastify } from "../middleware/fastify.ts";
import { listening } from "../middleware/fixtures/listening.ts";
import { newPaywall, present } from "../middleware/fixtures/paywall.ts";
import { paid as paidHono } from "../middleware/hono.ts";
import type { Paywall, Terms } from "../service/index.ts";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange, open } from "../testing/raw-http.ts";
import { paid, paidUpgrade } from "./index.ts";

const logged = vi.spyOn(console, "error").mockImplementation(() => {});
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  logged.mockClear();
});

const UPGRADE = [
  ["upgrade", "websocket"],
  ["connection", "upgrade"],
] as const;
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";

/** A server whose `upgrade` listener is behind the paywall. */
async function world(handle: (socket: Duplex) => void, terms: Terms = { price: "1 sat" }) {
  const invoicer = new FakeInvoicer();
  const paywall = newPaywall({ invoicer });
  const listener = vi.fn((_: unknown, socket: Duplex) => handle(socket));
  const server = createServer(paid(paywall, terms, (_, outgoing) => void outgoing.end("plain")));
  server.on("upgrade", paidUpgrade(paywall, terms, listener));
  const host = await listening(server);
  closers.push(host.close);
  const ask = (credential?: string) =>
    exchange(host.url, {
      target: "/live",
      fields: [...UPGRADE, ...(credential === undefined ? [] : [present(credential)])],
    });
  return { host, invoicer, listener, ask };
}

test("an unpaid upgrade is answered 402 with a challenge, and reaches no listener", async () => {
  const { ask, listener, invoicer } = await world(() => {});
  const asked = await ask();
  expect([asked.status, asked.lines("www-authenticate").length]).toEqual([402, 2]);
  expect(JSON.parse(asked.body).code).toBe("ERR_TOKEN_MISSING");
  for (const bad of ["AAAA:00", `${"A".repeat(60)}:${"00".repeat(32)}`])
    expect((await ask(bad)).status).toBe(401);
  expect([listener.mock.calls.length, invoicer.requests.length]).toEqual([0, 1]);
});

test("a paid upgrade is served once, with its grant, and its bytes go both ways", async () => {
  const { host, ask, invoicer, listener } = await world((socket) => {
    socket.write(SWITCHING);
    socket.on("data", (sent: Buffer) => socket.end(`you said ${sent}`));
  });
  const credential = invoicer.buy((await ask()).lines("www-authenticate"));
  const fields = [...UPGRADE, present(credential)];
  const socket = open(host.url, { target: "/live", fields });
  const [first] = (await once(socket, "data")) as [Buffer];
  expect(first.toString()).toBe(SWITCHING);
  // While it is open, the use is taken.
  expect((await ask(credential)).status).toBe(402);
  socket.write("hello");
  const [second] = (await once(socket, "data")) as [Buffer];
  expect(second.toString()).toBe("you said hello");
  socket.destroy();
  expect((await ask(credential)).status).toBe(402);
  expect(listener.mock.calls[0]!.at(-1)).toMatchObject({ price: { unit: "msat", value: 1000n } });
});

test.each<[string, (socket: Duplex) => void]>([
  ["refuses", (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["closes the connection", (socket) => void socket.destroy()],
  [
    "throws",
    () => {
      throw new Error("boom");
    },
  ],
])("a listener that %s gives the use back", async (_, handle) => {
  let isBroken = true;
  const { ask, invoicer } = await world((socket) => {
    if (isBroken) handle(socket);
    else socket.end(SWITCHING);
  });
  const credential = invoicer.buy((await ask()).lines("www-authenticate"));
  await ask(credential);
  isBroken = false;
  expect((await ask(credential)).status).toBe(101);
  expect((await ask(credential)).status).toBe(402);
});

test("a client that resets the connection while it is judged ends nothing else", async () => {
  const { host, ask } = await world(() => {}, {
    price: () => new Promise((resolve) => setTimeout(() => resolve("1 sat"), 20)),
  });
  const socket = open(host.url, { target: "/live", fields: UPGRADE });
  await once(socket, "connect");
  socket.resetAndDestroy();
  expect((await ask()).status).toBe(402);
});

const SERVERS: Readonly<Record<string, (paywall: Paywall) => Server | Promise<Server>>> = {
  "l8nt/node": (paywall) =>
    createServer(paid(paywall, { price: "1 sat" }, (_, outgoing) => void outgoing.end())),
  "l8nt/express": (paywall) =>
    createServer(express().use(paidExpress(paywall, { price: "1 sat" })) as RequestListener),
  "l8nt/fastify": async (paywall) => {
    const app = fastify();
    app.addHook("onRequest", paidFastify(paywall, { price: "1 sat" }));
    app.get("/", async () => "");
    await app.ready();
    return app.server;
  },
  "l8nt/hono": (paywall) =>
    createAdaptorServer(new Hono().get("/", paidHono(paywall, { price: "1 sat" }))) as Server,
};

test.each(Object.entries(SERVERS))(
  "%s: a listener of `upgrade` that no paywall stands before is reported once",
  async (_, start) => {
    for (const [before, times] of [
      [undefined, 0],
      [() => () => {}, 1],
      [(paywall: Paywall) => paidUpgrade(paywall, { price: "1 sat" }, () => {}), 0],
    ] as const) {
      const paywall = newPaywall();
      const server = await start(paywall);
      if (before !== undefined) server.on("upgrade", before(paywall));
      const host = await listening(server);
      closers.push(host.close);
      for (let at = 0; at < 3; at++) expect((await exchange(host.url)).status).toBe(402);
      expect(logged.mock.calls.filter(([text]) => /paidUpgrade/.test(text))).toHaveLength(times);
      logged.mockClear();
    }
  },
);
