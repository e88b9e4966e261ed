/** No answer keeps a socket, and no request waits for one without an end. */
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { guardedFetch } from "./guarded-fetch.ts";
import { send } from "./outbound.ts";

/** The sockets that this process opened, and has not closed. */
const mine = new Set<Socket>();
const seen = ({ socket }: { socket: Socket }) => {
  mine.add(socket);
  socket.once("close", () => mine.delete(socket));
};
const opened = channel("net.client.socket");
beforeEach(() => opened.subscribe(seen as never));
afterEach(() => {
  opened.unsubscribe(seen as never);
  mine.clear();
});

/** A server of raw bytes, which goes on writing after its first words until the socket is gone. */
async function shop(first: string, forever = "") {
  const open = new Set<Socket>();
  const paths: string[] = [];
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {}).once("close", () => open.delete(socket));
    const more = () => {
      if (forever === "" || socket.destroyed) return;
      if (socket.write(forever.repeat(64))) setImmediate(more);
      else socket.once("drain", more);
    };
    socket.on("data", (data) => {
      paths.push(data.toString().split(" ")[1]!);
      socket.write(first, more);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, open, paths };
}

const LIMITS = { headSeconds: 30, body: { maxBytes: 9, idleSeconds: 30, totalSeconds: 30 } };
const HEAD = (status: number | string, fields = "") => `HTTP/1.1 ${status} X\r\n${fields}\r\n`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const JUNK = "junk\r\n";

/** What a service sends, and what is read of it. */
const KINDS: readonly (readonly [what: string, first: string, forever: string, method: string])[] =
  [
    ["status 999", HEAD(999, "Content-Length: 2\r\n"), "", "GET"],
    ["status 999 and a body without an end", HEAD(999), JUNK, "GET"],
    ["status 600", HEAD(600, CHUNKED), "", "GET"],
    ["a field that HTTP does not have", HEAD(200, `A: \x01\r\n${CHUNKED}`), "", "GET"],
    ["205 with a body without an end", HEAD(205), JUNK, "GET"],
    ["205 with the begin of a body", HEAD(205, CHUNKED), "", "GET"],
    ["205 with a body that never comes", HEAD(205, "Content-Length: 5\r\n"), "", "GET"],
    ["204 with a body without an end", HEAD(204), JUNK, "GET"],
    ["304 with a body without an end", HEAD(304), JUNK, "GET"],
    ["a body without an end for HEAD", HEAD(200, "Content-Length: 5\r\n"), JUNK, "HEAD"],
    ["a body that is longer than allowed", HEAD(200, CHUNKED), "4\r\njunk\r\n", "GET"],
    ["early hints without an end", "", HEAD(103), "GET"],
    ["100 Continue without an end", "", HEAD(100), "GET"],
    ["a head without an end", "HTTP/1.1 200 X\r\n", "A: b\r\n", "GET"],
    ["a status line without an end", "HTTP/1.1 200 ", "XXXXXXXX", "GET"],
    ["101 Switching Protocols", HEAD(101, "Connection: upgrade\r\nUpgrade: ws\r\n"), JUNK, "GET"],
    ["bytes that are not HTTP", "hello\r\n\r\n", JUNK, "GET"],
  ];

test.each(KINDS)(
  "50 requests that are answered by %s leave no socket open",
  async (_what, first, forever, method) => {
    const { url, open } = await shop(first, forever);
    const fetcher = guardedFetch({ allowLoopback: true });
    const request = { method, url: new URL(url), headers: [] };
    const ask = async () => {
      const response = await send(fetcher, request, {}, LIMITS).catch(() => undefined);
      await response?.text().catch(() => {});
    };
    await Promise.all(Array.from({ length: 50 }, ask));
    await vi.waitFor(() => expect([mine.size, open.size]).toEqual([0, 0]), 10_000);
  },
  30_000,
);

test("a head that does not come ends with its time, and leaves no socket open", async () => {
  const { url, open } = await shop("HTTP/1.1 200 X\r\n");
  const fetcher = guardedFetch({ allowLoopback: true });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const request = { method: "GET", url: new URL(url), headers: [] };
  const asked = Array.from({ length: 50 }, () =>
    send(fetcher, request, {}, LIMITS).catch((error: Error) => error.message),
  );
  while (open.size < 50) await new Promise(setImmediate);
  vi.advanceTimersByTime(30_000);
  expect(new Set(await Promise.all(asked))).toEqual(
    new Set([`${url} did not answer within 30 s.`]),
  );
  vi.useRealTimers();
  await vi.waitFor(() => expect([mine.size, open.size]).toEqual([0, 0]), 10_000);
});

describe("whole answers keep their connection for the next request", () => {
  test.each([
    ["with a body", `${HEAD(200, "Content-Length: 4\r\n")}fine`, "GET"],
    ["without content", HEAD(204), "GET"],
    ["not modified", HEAD(304), "GET"],
    ["to HEAD", HEAD(200, "Content-Length: 5\r\n"), "HEAD"],
    ["after early hints", `${HEAD(103) + HEAD(200, "Content-Length: 4\r\n")}fine`, "GET"],
  ])("%s", async (_what, answer, method) => {
    const { url, open, paths } = await shop(answer);
    const fetcher = guardedFetch({ allowLoopback: true });
    const request = { method, url: new URL(url), headers: [] };
    for (let times = 0; times < 5; times++) {
      const response = await send(fetcher, request, {}, LIMITS);
      await response.text();
      // The connection is free when its last event has been heard.
      await new Promise(setImmediate);
    }
    expect([open.size, paths.length]).toEqual([1, 5]);
  });
});

test("bytes that nobody asked for end a kept connection: they are not the next answer", async () => {
  const { url, open, paths } = await shop(`${HEAD(200, "Content-Length: 4\r\n")}fine`);
  const fetcher = guardedFetch({ allowLoopback: true });
  await (await fetcher(url)).text();
  const [socket] = open;
  socket!.write(`${HEAD(200, "Content-Length: 4\r\n")}evil`);
  await once(socket!, "close");
  expect(await (await fetcher(`${url}/next`)).text()).toBe("fine");
  expect(paths).toEqual(["/", "/next"]);
});

describe("sockets have a limit", () => {
  const SILENT = "";

  test("in all and for one origin, and others are served beside one that is full", async () => {
    const [full, other] = [await shop(SILENT), await shop(`${HEAD(204)}`)];
    const fetcher = guardedFetch({ allowLoopback: true, maxSockets: 8 });
    const ending = new AbortController();
    const waiting = Array.from({ length: 9 }, () => fetcher(full.url, { signal: ending.signal }));
    for (const one of waiting) one.catch(() => {});
    while (full.paths.length < 6) await new Promise(setImmediate);
    expect((await fetcher(other.url)).status).toBe(204);
    expect(full.open.size).toBe(6);
    ending.abort();
    await Promise.allSettled(waiting);
    await vi.waitFor(() => expect(full.open.size).toBe(0));
  });

  test("and a request that waits for one ends when its caller gives up", async () => {
    const { url, open, paths } = await shop(SILENT);
    const fetcher = guardedFetch({ allowLoopback: true, maxSockets: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const holds = fetcher(url, { signal: first.signal });
    const waits = fetcher(url, { signal: second.signal });
    while (paths.length < 1) await new Promise(setImmediate);
    second.abort();
    await expect(waits).rejects.toMatchObject({ name: "AbortError" });
    const next = fetcher(url);
    first.abort();
    await expect(holds).rejects.toMatchObject({ name: "AbortError" });
    while (paths.length < 2) await new Promise(setImmediate);
    for (const socket of open) socket.end(HEAD(204));
    expect((await next).status).toBe(204);
  });

  test("and idle ones make room", async () => {
    const shops = await Promise.all(Array.from({ length: 6 }, () => shop(HEAD(204))));
    const fetcher = guardedFetch({ allowLoopback: true, maxSockets: 4 });
    for (const { url } of shops) {
      expect((await fetcher(url)).status).toBe(204);
      await new Promise(setImmediate);
      await vi.waitFor(() => expect(mine.size).toBeLessThanOrEqual(4));
    }
  });

  test("and what waits without an end is bounded", async () => {
    const { url } = await shop(SILENT);
    const fetcher = guardedFetch({ allowLoopback: true, maxSockets: 1 });
    const ending = new AbortController();
    const waiting = Array.from({ length: 5 }, () => fetcher(url, { signal: ending.signal }));
    for (const one of waiting) one.catch(() => {});
    await expect(fetcher(url)).rejects.toMatchObject({ code: "ERR_SERVICE_UNREACHABLE" });
    ending.abort();
    await Promise.allSettled(waiting);
  });
});
