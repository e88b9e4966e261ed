/** Clients and vendors that break off, stop reading, or write what is not quite a stream. */
import { once } from "node:events";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Bodies } from "./core/body.ts";
import { answers, completion, town } from "./fixtures/town.ts";
import { EventReader } from "./meter/events.ts";

const request = (path: string, key: string, body = "") =>
  `${body === "" ? "GET" : "POST"} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const CHAT = '{"model":"gpt-test","max_tokens":9,"stream":true,"messages":[]}';

async function leave(url: string, text: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(text);
  await new Promise((resolve) => setImmediate(resolve));
  socket.resetAndDestroy();
}

test.each([
  ["free", "/v1/models", "", 300],
  ["metered", "/v1/chat/completions", CHAT, 60],
])(
  "clients that reset at once (%s) hold nothing, and others are served",
  async (_what, path, body, times) => {
    const world = await town({ play: answers(completion(1, 1)) });
    const key = world.mint();
    await Promise.all(
      Array.from({ length: times }, () => leave(world.url, request(path, key.toKey(), body))),
    );
    expect((await world.chat(key)).status).toBe(200);
    await expect.poll(async () => (await world.usage(key))[0]![1]).toBe(0n);
    expect(world.bodies.held).toBe(0);
  },
);

test("what follows a request that was refused with 400 is no request", async () => {
  const world = await town();
  const socket = connect(Number(new URL(world.url).port), "127.0.0.1");
  const key = world.mint().toKey();
  socket.write(`TRACE / HTTP/1.1\r\nHost: x\r\n\r\n${request("/v1/chat/completions", key, CHAT)}`);
  let text = "";
  for await (const part of socket) text += part;
  expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  expect(world.seen).toEqual([]);
});

// RFC 9112 §6.1: such framing is faulty, and the connection closes.
test.each([
  ["1.0", "Transfer-Encoding: chunked", "0\r\n\r\n"],
  ["1.0", "Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"],
  ["2.0", "Transfer-Encoding: chunked", "0\r\n\r\n"],
  ["2.0", "Content-Length: 2", "{}"],
])("HTTP/%s with %j is refused, and nothing behind it is read", async (version, framing, body) => {
  const { text, seen } = await twoRequests(version, framing, body);
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 400"]);
  expect(seen).toEqual([]);
});

test.each([
  ["1.0", "Content-Length: 2", "{}"],
  ["1.1", "Content-Length: 2", "{}"],
  ["1.1", "Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n"],
])("HTTP/%s with %j is served, and so is the next request", async (version, framing, body) => {
  const { text, seen } = await twoRequests(version, framing, body);
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200"]);
  expect(seen.map((request) => request.body)).toEqual(["{}", ""]);
});

/** What a connection is answered that sends a request with a body, and another behind it. */
async function twoRequests(version: string, framing: string, body: string) {
  const world = await town({
    preset: "generic",
    price: "free",
    // By its length, because a client of HTTP/1.0 reads any other answer to the connection's end.
    play: (_request, answer) => answer.writeHead(200, { "content-length": "2" }).end("{}"),
  });
  const key = world.mint().toKey();
  const socket = connect(Number(new URL(world.url).port), "127.0.0.1");
  const fields = `Host: x\r\nAuthorization: Bearer ${key}\r\nConnection:`;
  socket.write(
    `POST /a HTTP/${version}\r\n${fields} keep-alive\r\n${framing}\r\n\r\n${body}GET /b HTTP/${version}\r\n${fields} close\r\n\r\n`,
  );
  let text = "";
  for await (const part of socket) text += part;
  return { text, seen: world.seen };
}

test("one key's bodies leave room for others", async () => {
  const bodies = new Bodies({ each: 10, total: 40 });
  const incoming = async function* () {
    yield Buffer.alloc(8);
  };
  const { Readable } = await import("node:stream");
  const read = (holder: string) =>
    bodies.read(
      Object.assign(Readable.from(incoming()), { rawHeaders: [], headers: {} }) as never,
      holder,
    );
  const first = await read("a");
  await expect(read("a")).rejects.toMatchObject({ status: 503 });
  await read("b");
  first.release();
  await read("a");
  expect(bodies.held).toBe(16);
});

test.each(["expired", "revoked"])("the body of a key that is %s is not read", async (how) => {
  const world = await town();
  const ended = { expiresIn: undefined, expiresAt: new Date(1_800_000_000_000) };
  const key = world.mint(how === "expired" ? (ended as object) : {});
  if (how === "revoked")
    await world.service.paywall.revoke(
      world.service.paywall.authority.verifier.authenticate(key).node.id,
    );
  const socket = connect(Number(new URL(world.url).port), "127.0.0.1");
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key.toKey()}\r\nContent-Length: 9000000\r\n\r\n{`,
  );
  const [head] = (await once(socket, "data")) as [Buffer];
  expect(head.toString()).toMatch(/^HTTP\/1\.1 403 /);
  socket.destroy();
});

describe("a stream", () => {
  const usage =
    'data: {"model":"gpt-test","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20}}';
  const stream = async (bytes: string | Buffer, fields: object = {}) => {
    const world = await town({
      play: (_request, answer) =>
        answer.writeHead(200, { "content-type": "text/event-stream", ...fields }).end(bytes),
    });
    const response = await world.chat(world.mint(), {
      stream: true,
      stream_options: { include_usage: true },
    });
    const text = Buffer.from(await response.arrayBuffer());
    return { text, row: world.rows[0]! };
  };

  test.each([
    ["without a last line break", `${usage}\n\ndata: [DONE]`],
    ["whose usage has no line break behind it", usage],
    ["with CR alone", `${usage}\r\rdata: [DONE]\r\r`],
  ])("%s is read to its end, and nothing is glued to it", async (_what, text) => {
    const { text: got, row } = await stream(text);
    expect(row).toMatchObject({ spent: 210n, isEstimated: false });
    expect(got.toString().startsWith(text)).toBe(true);
    if (!/[\r\n]{2}$/.test(text)) expect(got.toString()).toBe(text);
  });

  test("that is compressed, though nobody asked, is read as it was before", async () => {
    const { text, row } = await stream(gzipSync(`${usage}\n\n`), { "content-encoding": "gzip" });
    expect(text.toString().startsWith(`${usage}\n\n: sigil-budget `)).toBe(true);
    expect(row).toMatchObject({ spent: 210n, isEstimated: false });
  });

  test("whose usage comes before its answer is not charged by that alone", async () => {
    const words = `data: {"choices":[{"delta":{"content":"${"x".repeat(3000)}"}}]}\n\n`;
    const { row } = await stream(`${usage.replace("20}", "0}")}\n\n${words}data: [DONE]\n\n`);
    expect(row.isEstimated).toBe(true);
    expect(row.spent).toBe(row.reserved);
  });
});

test("an event in parts of one byte is put together once", () => {
  const reader = new EventReader("sse");
  const bytes = Buffer.from(`data: ${"x".repeat(200_000)}\n\n`);
  const events = [...bytes].flatMap((byte) => reader.take(Buffer.from([byte])));
  expect(events.map(({ data }) => data?.length)).toEqual([200_000]);
  expect(Buffer.concat(events.map((event) => event.bytes)).equals(bytes)).toBe(true);
});

test("a key for some models asks nothing about others where the body is not read", async () => {
  const world = await town({ preset: "anthropic", play: answers('{"input_tokens":1}') });
  const ask = (key: ReturnType<typeof world.mint>) =>
    fetch(`${world.url}/v1/messages/count_tokens`, {
      method: "POST",
      headers: { "x-api-key": key.toKey() },
      body: '{"model":"claude-opus","messages":[]}',
    });
  expect((await ask(world.mint({ models: ["claude-test"] }))).status).toBe(403);
  expect((await ask(world.mint())).status).toBe(200);
});
