/** A body that is read before the handler is there for the handler too. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import http2 from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { peekBody } from "./peek.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** How a handler reads the body, in the ways that body parsers do. */
const READERS: Readonly<Record<string, (incoming: IncomingMessage) => Promise<string>>> = {
  "by events": (incoming) =>
    new Promise((resolve, reject) => {
      let text = "";
      incoming.setEncoding("latin1");
      incoming.on("data", (part: string) => {
        text += part;
      });
      incoming.on("end", () => resolve(text)).on("error", reject);
    }),
  "by iteration": async (incoming) => {
    let text = "";
    for await (const part of incoming) text += (part as Buffer).toString("latin1");
    return text;
  },
};

/** What was peeked, and what the handler read after it; undefined if the request broke off. */
function peeking(read: (incoming: IncomingMessage) => Promise<string>) {
  const seen = vi.fn<(peeked: string, body: string) => void>();
  const handle = async (incoming: IncomingMessage): Promise<void> => {
    const once = await peekBody(incoming).then(
      (body) => Buffer.from(body).toString("latin1"),
      (error: { code: string }) => error.code,
    );
    const twice = await peekBody(incoming).then(
      (body) => Buffer.from(body).toString("latin1"),
      (error: { code: string }) => error.code,
    );
    expect(twice).toBe(once);
    // The handler may begin much later.
    await new Promise((resolve) => setImmediate(resolve));
    seen(once, await read(incoming).catch(() => "broken"));
  };
  return { seen, handle };
}

async function listening(handle: (incoming: IncomingMessage) => Promise<void>): Promise<number> {
  const server = createServer((incoming, outgoing) => {
    void handle(incoming).then(() => outgoing.end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const MIB = 1024 * 1024;

for (const [how, read] of Object.entries(READERS))
  for (const isChunked of [false, true])
    test(`a ${isChunked ? "chunked body" : "body with a length"} is read twice, the second time ${how}`, async () => {
      const { seen, handle } = peeking(read);
      const port = await listening(handle);
      for (const size of [0, 1, 70_000, MIB, MIB + 1, 3 * MIB]) {
        const body = "0123456789".repeat(size / 10 + 1).slice(0, size);
        const outgoing = request({
          ...{ port, method: "POST" },
          headers: isChunked ? { "transfer-encoding": "chunked" } : { "content-length": size },
        });
        for (let at = 0; at < size; at += 50_000) outgoing.write(body.slice(at, at + 50_000));
        outgoing.end();
        const [response] = (await once(outgoing, "response")) as [IncomingMessage];
        response.resume();
        await once(response, "end");
        const [peeked, read] = seen.mock.lastCall!;
        expect(peeked.length).toBe(size > MIB ? "ERR_TOO_LARGE".length : size);
        expect(peeked === (size > MIB ? "ERR_TOO_LARGE" : body)).toBe(true);
        expect(read === body).toBe(true);
      }
    });

test("a body that breaks off is no body", async () => {
  const { seen, handle } = peeking(async () => "gone");
  const socket = connect(await listening(handle), "127.0.0.1");
  await once(socket, "connect");
  socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf");
  setImmediate(() => setImmediate(() => socket.destroy()));
  await vi.waitFor(() => expect(seen).toHaveBeenCalled());
  expect(seen).toHaveBeenCalledExactlyOnceWith("ERR_REQUEST", "gone");
});

test("a body that something has read before is no body", async () => {
  const { seen, handle } = peeking(async () => "gone");
  const port = await listening(async (incoming) => {
    await READERS["by iteration"]!(incoming);
    await handle(incoming);
  });
  await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "sunny" });
  expect(seen).toHaveBeenCalledExactlyOnceWith("ERR_PRICE_FUNCTION", "gone");
});

test("a body over HTTP/2, which needs no length, is read twice", async () => {
  const { seen, handle } = peeking(READERS["by events"]!);
  const server = http2.createServer((incoming, outgoing) => {
    void handle(incoming as unknown as IncomingMessage).then(() => outgoing.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closers.push(() => {
    session.destroy();
    server.close();
  });
  for (const body of ["sunny", "x".repeat(200_000), ""]) {
    const stream = session.request({ ":method": "POST", ":path": "/" });
    stream.end(body);
    stream.resume();
    await once(stream, "end");
    expect(seen.mock.lastCall).toEqual([body, body]);
  }
  const bodiless = session.request({ ":path": "/" });
  bodiless.resume();
  await once(bodiless, "end");
  expect(seen.mock.lastCall).toEqual(["", ""]);
});
