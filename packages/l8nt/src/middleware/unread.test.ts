/**
 * An unpaid upload is not read to its end, and its 402 arrives at the client. spec/3-challenge.md
 * §5.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test, vi } from "vitest";
import { listener, paid as paidNode } from "../node/index.ts";
import type { Paywall } from "../service/index.ts";
import { paid as paidExpress } from "./express.ts";
import { paid as paidFastify } from "./fastify.ts";
import { listening } from "./fixtures/listening.ts";
import { newPaywall } from "./fixtures/paywall.ts";
import { paid as paidHono } from "./hono.ts";
import { paid as paidNext } from "./next.ts";

const TERMS = { price: "1 sat" } as const;
const SIZE = 30 * 1024 * 1024;
/** The limit of what is dropped, and what the kernel holds for both sides. */
const MOST_READ = 8 * 1024 * 1024;

const SERVERS: Readonly<Record<string, (paywall: Paywall) => Server | Promise<Server>>> = {
  "l8nt/node": (paywall) =>
    createServer(paidNode(paywall, TERMS, (_, outgoing) => void outgoing.end())),
  "l8nt/express": (paywall) =>
    createServer(express().use(paidExpress(paywall, TERMS)) as RequestListener),
  "l8nt/fastify": async (paywall) => {
    const app = fastify({ bodyLimit: 2 * SIZE });
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    app.post("/", { onRequest: paidFastify(paywall, TERMS) }, async () => "");
    await app.ready();
    return app.server;
  },
  "l8nt/hono": (paywall) =>
    createAdaptorServer(new Hono().post("/", paidHono(paywall, TERMS))) as Server,
  "l8nt/next in a listener": (paywall) => {
    const POST = paidNext(paywall, TERMS, () => new Response());
    return createServer(listener((request) => POST(request, {})));
  },
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function world(start: (paywall: Paywall) => Server | Promise<Server>) {
  const server = await start(newPaywall({ challengesPerMinute: { perClient: 1000 } }));
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  const host = await listening(server);
  closers.push(host.close);
  const read = () => sockets.reduce((total, { bytesRead }) => total + bytesRead, 0);
  return { url: host.url, port: Number(new URL(host.url).port), sockets, read };
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.on("error", () => {});
  child.stdin.end(Buffer.alloc(SIZE, 97));
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  await once(child, "close");
  return printed.trim();
}

/** Sends the request's head, and then calls `body`; returns what was received until the end. */
async function raw(port: number, length: number, body: (socket: Socket) => void): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
  });
  socket.write(`POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: ${length}\r\n\r\n`);
  body(socket);
  await new Promise((resolve) => socket.once("close", resolve).once("end", resolve));
  socket.destroy();
  return received;
}

describe.each(Object.entries(SERVERS))("%s", (_, start) => {
  test("a program that sends 30 MB and then reads has the 402", async () => {
    const { port, read, sockets } = await world(start);
    const received = await raw(port, SIZE, (socket) => void socket.write(Buffer.alloc(SIZE, 97)));
    expect(received).toMatch(/^HTTP\/1\.1 402 [\s\S]*connection: close[\s\S]*ERR_TOKEN_MISSING/i);
    expect(read()).toBeLessThan(MOST_READ);
    await vi.waitFor(() => expect(sockets.every(({ destroyed }) => destroyed)).toBe(true), 5000);
  });

  test("a program that is still sending is not reset before it can have read the 402", async () => {
    const { port, read, sockets } = await world(start);
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const errors: Error[] = [];
    socket.on("error", (error) => errors.push(error));
    socket.write(`POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: ${SIZE}\r\n\r\n`);
    socket.write(Buffer.alloc(SIZE, 97));
    // The answer is read only after the server has dropped all that it drops.
    await vi.waitFor(() => expect(read()).toBeGreaterThan(1024 * 1024), 5000);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false]);
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
    });
    await once(socket, "end");
    expect(received).toMatch(/^HTTP\/1\.1 402 [\s\S]*ERR_TOKEN_MISSING/);
    expect(errors).toEqual([]);
    expect(read()).toBeLessThan(MOST_READ);
    socket.destroy();
    await vi.waitFor(() => expect(sockets.every(({ destroyed }) => destroyed)).toBe(true), 5000);
  });

  test("a slow program has the 402 after its first byte", async () => {
    const { port, sockets } = await world(start);
    const received = await raw(port, SIZE, (socket) => void socket.write("a"));
    expect(received).toMatch(/^HTTP\/1\.1 402 [\s\S]*ERR_TOKEN_MISSING/);
    await vi.waitFor(() => expect(sockets.every(({ destroyed }) => destroyed)).toBe(true), 5000);
  });

  test("fetch has the 402 of a stream", async () => {
    const { url, read } = await world(start);
    const chunk = Buffer.alloc(65_536, 97);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += chunk.length;
        if (sent > SIZE) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const response = await fetch(url, { method: "POST", body, duplex: "half" } as RequestInit);
    expect(response.status).toBe(402);
    expect(((await response.json()) as { code: string }).code).toBe("ERR_TOKEN_MISSING");
    expect(read()).toBeLessThan(MOST_READ);
  });

  test("curl has the 402, of a body with a length and of one without", async () => {
    const { url, read } = await world(start);
    const common = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "expect:", url];
    for (const args of [
      ["--data-binary", "@-"],
      ["-X", "POST", "-T", "-"],
    ])
      expect(await run("curl", [...args, ...common])).toBe("402");
    expect(read()).toBeLessThan(2 * MOST_READ);
  });

  test("a small body leaves the connection to the next request", async () => {
    const { port, sockets } = await world(start);
    const socket = connect({ port, host: "127.0.0.1" });
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    for (let at = 0; at < 3; at++) {
      socket.write("POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 5\r\n\r\nsm");
      await vi.waitFor(() => expect(received.match(/HTTP\/1\.1 402 /g)).toHaveLength(at + 1));
      socket.write("all");
    }
    socket.destroy();
    expect(sockets).toHaveLength(1);
  });
});
