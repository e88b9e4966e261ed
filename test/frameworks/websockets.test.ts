/**
 * WebSockets of @fastify/websocket and @hono/node-ws, in every way that they register a route: each
 * upgrade is judged as any request of its route, and none is open. spec/3-challenge.md §5.
 */
import { once } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import websocket from "@fastify/websocket";
import { serve } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import Fastify, { type FastifyInstance } from "fastify";
import { Hono } from "hono";
import { paid as paidFastify } from "l8nt/fastify";
import { paid as paidHono } from "l8nt/hono";
import { Paywall, type Terms } from "l8nt/service";
import { afterEach, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { FakeInvoicer } from "../../packages/l8nt/src/testing/fake-invoicer.ts";

const logged = vi.spyOn(console, "error").mockImplementation(() => {});
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  logged.mockClear();
});

interface Opened {
  send(text: string): void;
}
/** Called with each WebSocket that was opened, and what its handler sees of the request. */
type Greet = (socket: Opened, seen: object) => void;
type Start = (paywall: Paywall, greet: Greet, terms: Terms) => Promise<string>;

const onFastify =
  (
    register: (app: FastifyInstance, paywall: Paywall, greet: Greet, terms: Terms) => unknown,
  ): Start =>
  async (paywall, greet, terms) => {
    const app = Fastify();
    await app.register(websocket);
    await register(app, paywall, greet, terms);
    closers.push(() => app.close());
    return app.listen({ host: "127.0.0.1", port: 0 });
  };

interface Upgrading {
  readonly app: Hono;
  readonly upgrade: ReturnType<typeof createNodeWebSocket>["upgradeWebSocket"];
}

const onHono =
  (
    register: (upgrading: Upgrading, paywall: Paywall, greet: Greet, terms: Terms) => unknown,
  ): Start =>
  async (paywall, greet, terms) => {
    const app = new Hono();
    const { injectWebSocket, upgradeWebSocket } = createNodeWebSocket({ app });
    register({ app, upgrade: upgradeWebSocket }, paywall, greet, terms);
    const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }) as Server;
    injectWebSocket(server);
    closers.push(() => {
      server.close();
      server.closeAllConnections();
    });
    if (!server.listening) await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

const rawOf = ({ headers, rawHeaders }: IncomingMessage) => ({ headers, rawHeaders });

const WAYS: Readonly<Record<string, Start>> = {
  "@fastify/websocket, a route of WebSockets alone": onFastify((app, paywall, greet, terms) => {
    const onRequest = paidFastify(paywall, terms);
    app.get("/live", { websocket: true, onRequest }, (socket, request) => {
      greet(socket, [request.headers, rawOf(request.raw)]);
    });
  }),
  "@fastify/websocket, a list of hooks": onFastify((app, paywall, greet, terms) => {
    const onRequest = [
      (_: unknown, __: unknown, done: () => void) => done(),
      paidFastify(paywall, terms),
    ];
    app.get("/live", { websocket: true, onRequest }, (socket, request) => {
      greet(socket, [request.headers, rawOf(request.raw)]);
    });
  }),
  "@fastify/websocket, a later hook": onFastify((app, paywall, greet, terms) => {
    const preHandler = paidFastify(paywall, terms);
    app.get("/live", { websocket: true, preHandler }, (socket, request) => {
      greet(socket, [request.headers, rawOf(request.raw)]);
    });
  }),
  "@fastify/websocket, a route with a handler and a `wsHandler`": onFastify(
    (app, paywall, greet, terms) => {
      app.route({
        method: "GET",
        url: "/live",
        onRequest: paidFastify(paywall, terms),
        handler: async () => "plain",
        wsHandler: (socket, request) => greet(socket, [request.headers, rawOf(request.raw)]),
      });
    },
  ),
  "@fastify/websocket, a hook of the app": onFastify((app, paywall, greet, terms) => {
    app.addHook("onRequest", paidFastify(paywall, terms));
    app.get("/live", { websocket: true }, (socket, request) => {
      greet(socket, [request.headers, rawOf(request.raw)]);
    });
  }),
  "@fastify/websocket, a hook of a plugin with a prefix": onFastify((app, paywall, greet, terms) =>
    app.register(
      async (scope) => {
        scope.addHook("onRequest", paidFastify(paywall, terms));
        scope.get("/", { websocket: true }, (socket, request) => {
          greet(socket, [request.headers, rawOf(request.raw)]);
        });
      },
      { prefix: "/live" },
    ),
  ),
  "@hono/node-ws, middleware of the route": onHono(({ app, upgrade }, paywall, greet, terms) => {
    const live = upgrade((c) => ({
      onOpen: (_, socket) => greet(socket, [c.req.header(), rawOf(c.env.incoming)]),
    }));
    app.get("/live", paidHono(paywall, terms), live);
  }),
  "@hono/node-ws, around the handler": onHono(({ app, upgrade }, paywall, greet, terms) => {
    const live = upgrade((c) => ({
      onOpen: (_, socket) => greet(socket, [c.req.header(), rawOf(c.env.incoming)]),
    }));
    app.get(
      "/live",
      paidHono(paywall, terms, (c) => live(c as never, async () => {}) as Promise<Response>),
    );
  }),
  "@hono/node-ws, middleware of the app": onHono(({ app, upgrade }, paywall, greet, terms) => {
    app.use(paidHono(paywall, terms));
    const live = upgrade((c) => ({
      onOpen: (_, socket) => greet(socket, [c.req.header(), rawOf(c.env.incoming)]),
    }));
    app.get("/live", live);
  }),
  "@hono/node-ws, in an app that another one routes to": onHono(
    ({ app, upgrade }, paywall, greet, terms) => {
      const inner = new Hono().use(paidHono(paywall, terms));
      const live = upgrade((c) => ({
        onOpen: (_, socket) => greet(socket, [c.req.header(), rawOf(c.env.incoming)]),
      }));
      inner.get("/", live);
      app.route("/live", inner);
    },
  ),
};

describe.each(Object.entries(WAYS))("%s", (framework, start) => {
  async function world(terms: Terms = { price: "1 sat" }) {
    const invoicer = new FakeInvoicer();
    const paywall = new Paywall({
      secret: "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8",
      location: "https://api.example",
      invoicer,
    });
    const seen: string[] = [];
    const url = await start(
      paywall,
      (socket, request) => {
        seen.push(JSON.stringify(request));
        socket.send("sunny");
      },
      terms,
    );
    /** The first message, or the status of the refusal with its challenges. */
    const open = (credential?: string, path = "/live") =>
      new Promise<{ status: number; text?: string; challenges: string }>((resolve, reject) => {
        const socket = new WebSocket(url.replace("http", "ws") + path, {
          headers: credential === undefined ? {} : { authorization: `L402 ${credential}` },
        });
        closers.unshift(() => socket.terminate());
        socket.on("message", (data) => {
          socket.once("close", () => resolve({ status: 101, text: String(data), challenges: "" }));
          socket.close();
        });
        socket.on("unexpected-response", (_request, { statusCode = 0, headers }) => {
          resolve({ status: statusCode, challenges: String(headers["www-authenticate"] ?? "") });
          socket.on("error", () => {});
          socket.terminate();
        });
        socket.on("error", reject);
      });
    return { invoicer, open, seen, url };
  }

  test("an unpaid upgrade is refused with a challenge, and a paid one is opened once", async () => {
    const { invoicer, open, seen } = await world();
    const asked = await open();
    expect([asked.status, seen]).toEqual([402, []]);
    const credential = invoicer.buy(asked.challenges);
    expect(await open(credential)).toMatchObject({ status: 101, text: "sunny" });
    expect((await open(credential)).status).toBe(402);
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toMatch(/L402|authorization/i);
  });

  test("a bad credential, another path and a plain request open nothing", async () => {
    const { open, seen, url } = await world();
    expect((await open("AAAA:00")).status).toBe(401);
    for (const path of ["//127.0.0.1/live", "/x/../live", "/%6cive", "/live/", "/LIVE", "/live?a"])
      expect([path, (await open(undefined, path)).status]).not.toEqual([path, 101]);
    expect((await fetch(`${url}/live`)).status).toBe(402);
    expect(seen).toEqual([]);
  });

  test("a price by path is the price of the route that is opened", async () => {
    const price: Terms["price"] = ({ url }) => (url.pathname === "/live" ? "100 sat" : "1 sat");
    const { invoicer, open, seen } = await world({ price });
    for (const path of ["/live", "//127.0.0.1/live", "//a/live", "/%6cive", "/live/", "/LIVE"]) {
      const asked = await open(undefined, path);
      if (asked.status !== 402) continue;
      const credential = invoicer.buy(asked.challenges);
      const { status } = await open(credential, path);
      const sats = Number(invoicer.requests.at(-1)!.amountMsat) / 1000;
      if (path === "/live") expect([status, sats]).toEqual([101, 100]);
      else if (status === 101) expect([path, sats]).toEqual([path, 100]);
    }
    expect(seen.length).toBeGreaterThan(0);
  });

  test("the paywall does not say that these upgrades pass by it", async () => {
    const { open, url } = await world();
    if (framework.startsWith("@fastify")) await fetch(`${url}/live`);
    await open();
    await fetch(`${url}/live`);
    expect(logged).not.toHaveBeenCalled();
  });
});
