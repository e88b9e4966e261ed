/** Answers that a vendor encodes though it was asked not to: no key is in what they come to. */

import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Decoding } from "./core/decoding.ts";
import { completion, type TownOptions, town, VENDOR_KEY } from "./fixtures/town.ts";

const CODINGS: Readonly<Record<string, (text: string) => Buffer>> = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  GZIP: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  identity: Buffer.from,
};
const STARS = "*".repeat(VENDOR_KEY.length);

const encoded = (coding: string, bytes: Buffer, status = 200, type = "application/json") =>
  ({
    play: (_request, answer) => {
      answer.writeHead(status, {
        ...{ "content-type": type, "content-encoding": coding, "content-length": bytes.length },
        ...{ "content-digest": "sha-256=:AAAA:", etag: '"a"' },
      });
      answer.end(bytes);
    },
  }) satisfies TownOptions;

describe.each(Object.entries(CODINGS))("an answer in %s", (coding, encode) => {
  test("of a free route is decoded, and has stars for the key", async () => {
    const bytes = encode(JSON.stringify({ seen: `Bearer ${VENDOR_KEY}` }));
    const world = await town(encoded(coding, bytes));
    const response = await world.chat(world.mint(), {}, { path: "/v1/models", method: "GET" });
    expect(await response.json()).toEqual({ seen: `Bearer ${STARS}` });
    const isEncoded = coding !== "identity";
    expect(response.headers.has("content-encoding")).toBe(!isEncoded);
    expect(response.headers.has("content-digest")).toBe(!isEncoded);
    expect(response.headers.get("etag")).toBe('"a"');
  });

  test("of a metered route is charged by its usage", async () => {
    const world = await town(
      encoded(coding, encode(completion(10, 20).replace("Hello", VENDOR_KEY))),
    );
    const response = await world.chat(world.mint());
    expect(await response.text()).toBe(completion(10, 20).replace("Hello", STARS));
    expect(world.rows).toMatchObject([{ spent: 210n, isEstimated: false }]);
  });

  test("that is an error is shown without the key", async () => {
    const world = await town(encoded(coding, encode(`{"error":"bad key ${VENDOR_KEY}"}`), 400));
    const response = await world.chat(world.mint());
    expect([response.status, await response.text()]).toEqual([400, `{"error":"bad key ${STARS}"}`]);
    expect(world.rows).toMatchObject([{ spent: 0n }]);
  });

  test("that refuses the gateway's key is not shown", async () => {
    const world = await town(encoded(coding, encode(`{"error":"bad key ${VENDOR_KEY}"}`), 401));
    const response = await world.chat(world.mint());
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("upstream_refused");
  });
});

describe.each([
  ["a coding that is not known", "snappy"],
  ["two codings", "gzip, gzip"],
  ["a coding by the name of a member", "constructor"],
])("an answer in %s is withheld", (_what, coding) => {
  const bytes = gzipSync(completion(10, 20));

  test("and what the vendor may bill of it is charged", async () => {
    const world = await town(encoded(coding, bytes));
    const response = await world.chat(world.mint());
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("was charged");
    const [row] = world.rows;
    expect(row).toMatchObject({ spent: row!.reserved, isEstimated: true });
  });

  test("and nothing is charged of an error", async () => {
    const world = await town(encoded(coding, bytes, 500));
    expect((await world.chat(world.mint())).status).toBe(502);
    expect(world.rows).toMatchObject([{ spent: 0n }]);
  });
});

test("an answer that is encoded for its transfer is decoded too", async () => {
  const bytes = gzipSync(`{"key":"${VENDOR_KEY}"}`);
  const world = await town({
    play: (_request, _answer, incoming) => {
      const { socket } = incoming;
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
      socket.write(`${bytes.length.toString(16)}\r\n`);
      socket.end(Buffer.concat([bytes, Buffer.from("\r\n0\r\n\r\n")]));
    },
  });
  const response = await world.chat(world.mint(), {}, { path: "/v1/models", method: "GET" });
  expect(await response.text()).toBe(`{"key":"${STARS}"}`);
});

test.each(["HEAD", "GET"])("what has no content is not decoded: %s", async (method) => {
  const world = await town({
    preset: "generic",
    price: "free",
    play: (_request, answer) =>
      answer.writeHead(method === "HEAD" ? 200 : 304, { "content-encoding": "gzip" }).end(),
  });
  const headers = { authorization: `Bearer ${world.mint().toKey()}` };
  const response = await fetch(`${world.url}/a`, { method, headers });
  expect(response.status).toBe(method === "HEAD" ? 200 : 304);
  expect(response.headers.get("content-encoding")).toBe("gzip");
});

test.each([
  ["is cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 12)],
  ["is none", () => Buffer.from("plain text")],
])("an answer whose coding %s never ends quietly", async (_what, damage) => {
  const bytes = damage(gzipSync(`{"data":"${"x".repeat(100)}"}`));
  const world = await town(encoded("gzip", bytes));
  const response = await world
    .chat(world.mint(), {}, { path: "/v1/models", method: "GET" })
    .then(async (one) => [one.status, await one.text()])
    .catch(() => "broken off");
  expect(response).toBe("broken off");
  expect(world.rows).toMatchObject([{ end: "broken" }]);
});

test("an answer that becomes much larger waits for its reader", async () => {
  const size = (1 << 25) + (1 << 20);
  // Much from a little, and behind it what is as long as it was.
  const bytes = Buffer.concat([
    gzipSync(Buffer.alloc(1 << 25)),
    gzipSync(Buffer.alloc(1 << 20), { level: 0 }),
  ]);
  const calls: string[] = [];
  const source = { pause: () => calls.push("pause"), resume: () => calls.push("resume") };
  let read = 0;
  let begun!: () => void;
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let decoding: Decoding | undefined;
  const ended = new Promise<void>((resolve, reject) => {
    decoding = Decoding.of(["gzip"], source, {
      part: (bytes) => {
        if (read === 0) decoding!.pause();
        read += bytes.length;
        begun();
      },
      ended: resolve,
      failed: reject,
    });
  });
  decoding!.write(bytes);
  decoding!.end();
  await hasBegun;
  for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(read).toBeLessThan(1 << 18);
  expect(calls).toEqual(["pause"]);
  decoding!.resume();
  await ended;
  expect(read).toBe(size);
});

test("an answer that is encoded is passed on as it comes where no key is sent", async () => {
  const bytes = gzipSync("hello");
  const world = await town({
    preset: "generic",
    rules: [
      {
        ...{ methods: ["GET"], path: "/a", access: "free", isKeyed: false },
        ...{ price: undefined, capability: undefined, freePerDay: undefined },
      },
    ],
    play: encoded("gzip", bytes).play,
  });
  const response = await fetch(`${world.url}/a`, { headers: { "accept-encoding": "gzip" } });
  expect(response.headers.get("content-encoding")).toBe("gzip");
  expect(await response.text()).toBe("hello");
});
