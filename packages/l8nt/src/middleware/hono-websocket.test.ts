/** WebSockets that @hono/node-server opens in a route are judged as any request of the route. */
import { EventEmitter, once } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { serve, upgradeWebSocket, type WebSocketServerLike } from "@hono/node-server";
import { Hono } from "hono";
import { afterEach, expect, test, vi } from "vitest";
import { FakeInvoicer } from "../testing/fake-invoicer.ts";
import { exchange } from "../testing/raw-http.ts";
import { newPaywall, present } from "./fixtures/paywall.ts";
import { paid } from "./hono.ts";

vi.spyOn(console, "error").mockImplementation(() => {});

/** Opens each connection that it is handed, and ends it. */
class Sockets extends EventEmitter {
  readonly options = { noServer: true };
  readonly seen: string[] = [];

  handleUpgrade(incoming: IncomingMessage, socket: Duplex, _: Buffer, open: (ws: object) => void) {
    this.seen.push(JSON.stringify([incoming.headers, incoming.rawHeaders]));
    socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n");
    open(new EventEmitter());
  }

  close(): void {}
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

test.each(["middleware", "around the handler"])(
  "is refused unpaid, opened once when paid, and shows no credential: %s",
  async (form) => {
    const invoicer = new FakeInvoicer();
    const paywall = newPaywall({ invoicer });
    const upgrade = upgradeWebSocket(() => ({}));
    const app = new Hono();
    if (form === "middleware") app.get("/live", paid(paywall, { price: "1 sat" }), upgrade);
    else
      app.get(
        "/live",
        paid(paywall, { price: "1 sat" }, (c) => upgrade(c, async () => {}) as Promise<Response>),
      );
    const sockets = new Sockets();
    const server = serve({
      fetch: app.fetch,
      port: 0,
      hostname: "127.0.0.1",
      websocket: { server: sockets as unknown as WebSocketServerLike },
    }) as Server;
    closers.push(() => server.close().closeAllConnections());
    if (!server.listening) await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = (credential?: string) =>
      exchange(url, {
        target: "/live",
        fields: [
          ["upgrade", "websocket"],
          ["connection", "upgrade"],
          ...(credential === undefined ? [] : [present(credential)]),
        ],
      });
    const asked = await ask();
    expect(asked.status).toBe(402);
    expect(sockets.seen).toEqual([]);
    const credential = invoicer.buy(
      asked
        .lines("www-authenticate")
        .join(", ")
        .split(/, (?=L402 )/),
    );
    expect((await ask(credential)).status).toBe(101);
    expect((await ask(credential)).status).toBe(402);
    expect(sockets.seen).toHaveLength(1);
    expect(sockets.seen[0]).not.toMatch(/L402|authorization/i);
  },
);
