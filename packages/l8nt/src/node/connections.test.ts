/** A stranger's connections to `serve`: how many, in which order, and what they leave to others. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Handler, type ServeOptions, serve } from "./listener.ts";

async function served(handler: Handler, options: ServeOptions = {}) {
  const server = await serve(handler, options);
  onTestFinished(() => server.close());
  const { hostname, port } = new URL(server.url);
  return async (text = ""): Promise<Connection> => {
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(text);
    return new Connection(socket);
  };
}

class Connection {
  readonly socket: Socket;
  text = "";

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (data) => (this.text += data));
  }

  /** The bodies that have arrived. */
  get bodies(): readonly string[] {
    return this.text.split("HTTP/1.1 ").flatMap((one) => one.split("\r\n\r\n").slice(1, 2));
  }
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`;
const respond: Handler = (request) =>
  new Response(new URL(request.url).pathname, { headers: { "content-length": "2" } });

test("requests that are pipelined are answered in order, each after the one before it", async () => {
  const events: string[] = [];
  const releases: (() => void)[] = [];
  const open = await served(async (request) => {
    const { pathname } = new URL(request.url);
    events.push(`begin ${pathname}`);
    await new Promise<void>((resolve) => releases.push(resolve));
    return respond(request, { address: undefined });
  });
  const connection = await open(get("/1") + get("/2") + get("/3"));
  await vi.waitUntil(() => releases.length === 1);
  await nextTurn();
  expect(events).toEqual(["begin /1"]);
  for (const expected of [2, 3]) {
    releases.shift()!();
    await vi.waitUntil(() => releases.length === 1);
    expect(events).toHaveLength(expected);
  }
  releases.shift()!();
  await vi.waitUntil(() => connection.bodies.length === 3);
  expect(connection.bodies).toEqual(["/1", "/2", "/3"]);
});

test("17 pipelined requests are answered, and a connection with more of them is closed", async () => {
  let begun = 0;
  const open = await served((request, peer) => {
    begun++;
    return respond(request, peer);
  });
  const decent = await open(get("/a").repeat(17));
  await vi.waitUntil(() => decent.bodies.length === 17);
  begun = 0;
  const flood = await open(get("/a").repeat(1000));
  await once(flood.socket, "close");
  expect(begun).toBeLessThanOrEqual(1);
});

test("a client that does not read its answer gives way when connections are short", async () => {
  // More than the buffers of two sockets hold.
  const large = "x".repeat(16 * 2 ** 20);
  let written = 0;
  const open = await served(
    (request) => {
      if (!request.url.endsWith("/large")) return respond(request, { address: undefined });
      written++;
      return new Response(large);
    },
    { maxConnections: 4 },
  );
  for (let at = 0; at < 4; at++) {
    const { socket } = await open(get("/large"));
    socket.pause();
  }
  await vi.waitUntil(() => written === 4);
  const connection = await open(get("/s"));
  await vi.waitUntil(() => connection.bodies.length === 1);
  expect(connection.bodies).toEqual(["/s"]);
});

test("if every connection has a request under way, a new one is closed and none of them", async () => {
  const releases: (() => void)[] = [];
  const open = await served(
    async () => {
      await new Promise<void>((resolve) => releases.push(resolve));
      return new Response("served");
    },
    { maxConnections: 4 },
  );
  const held: Connection[] = [];
  for (let at = 0; at < 4; at++) {
    held.push(await open(get("/held")));
    await vi.waitUntil(() => releases.length === at + 1);
  }
  const late = await open(get("/late"));
  await once(late.socket, "close");
  for (const release of releases) release();
  for (const connection of held) await vi.waitUntil(() => connection.bodies.length === 1);
});
