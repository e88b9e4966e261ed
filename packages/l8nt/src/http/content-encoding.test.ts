/** Answers in an encoding that was not asked for are decoded, or passed on as they are. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import zlib from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { relayed } from "./hop.ts";
import { nodeFetch } from "./node-fetch.ts";
import { send } from "./outbound.ts";

const TEXT = "sunny, ".repeat(2000);
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A service that answers with this body, or breaks off after the head, in this encoding. */
async function serving(encoding: string, body: Uint8Array | undefined): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-encoding": encoding });
    if (body !== undefined) response.end(body);
    else {
      response.flushHeaders();
      setImmediate(() => response.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Asks as a treasury does, and passes the answer on. */
const relay = async (url: string, maxBytes = 1_000_000): Promise<Response> =>
  relayed(
    await send(
      nodeFetch({}),
      { method: "GET", url: new URL(url), headers: [] },
      {},
      {
        headSeconds: 10,
        body: { maxBytes, idleSeconds: 10, totalSeconds: 10 },
      },
    ),
  );

/** Node 20 does not have it. */
const hasZstd = "zstdCompressSync" in zlib;
const zstd = hasZstd ? ["zstd"] : [];
const plain = Buffer.from(TEXT);
const encoded: readonly (readonly [encoding: string, body: Uint8Array])[] = [
  ["gzip", zlib.gzipSync(plain)],
  ["x-gzip", zlib.gzipSync(plain)],
  ["GZIP", zlib.gzipSync(plain)],
  ["deflate", zlib.deflateSync(plain)],
  ["deflate", zlib.deflateRawSync(plain)],
  ["br", zlib.brotliCompressSync(plain)],
  ...(hasZstd ? [["zstd", zlib.zstdCompressSync(plain)] as const] : []),
  ["identity", plain],
  ["", plain],
  ["deflate, gzip", zlib.gzipSync(zlib.deflateSync(plain))],
  ["deflate, br", zlib.brotliCompressSync(zlib.deflateRawSync(plain))],
];

test.each(encoded)("an answer in %j is decoded", async (encoding, body) => {
  const url = await serving(encoding, body);
  const response = await nodeFetch({})(url);
  expect([response.status, await response.text()]).toEqual([200, TEXT]);
  const passedOn = await relay(url);
  expect(passedOn.headers.get("content-encoding")).toBeNull();
  expect(await passedOn.text()).toBe(TEXT);
});

test.each([["aes128gcm"], ["gzip, aes128gcm"], ["aes128gcm, gzip"], ["gzip, gzip, gzip, gzip"]])(
  "an answer in %j, which nobody here decodes, is passed on as it is, with its field",
  async (encoding) => {
    const bytes = zlib.gzipSync(plain);
    const passedOn = await relay(await serving(encoding, bytes));
    expect(passedOn.status).toBe(200);
    expect(passedOn.headers.get("content-encoding")).toBe(encoding);
    expect(Buffer.from(await passedOn.arrayBuffer()).equals(bytes)).toBe(true);
  },
);

describe("a body of zeroes that is small only while it is encoded", () => {
  const bomb = Buffer.alloc(64 * 1024 * 1024);
  const bombs: readonly (readonly [encoding: string, body: Buffer])[] = [
    ["gzip", zlib.gzipSync(bomb)],
    ["deflate", zlib.deflateRawSync(bomb)],
    ["br", zlib.brotliCompressSync(bomb, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } })],
    ...(hasZstd ? [["zstd", zlib.zstdCompressSync(bomb)] as const] : []),
    ["gzip, gzip", zlib.gzipSync(zlib.gzipSync(bomb))],
  ];
  test.each(bombs)("ends at the limit of decoded bytes, in %s", async (encoding, body) => {
    expect(body.length).toBeLessThan(100_000);
    const response = await relay(await serving(encoding, body), 100_000);
    await expect(response.arrayBuffer()).rejects.toMatchObject({ code: "ERR_TOO_LARGE" });
  });
});

test.each(["gzip", "deflate", "br", ...zstd])(
  "an answer that is cut inside of %s does not look complete",
  async (encoding) => {
    const [, body] = encoded.find(([name]) => name === encoding)!;
    const response = await nodeFetch({})(await serving(encoding, body.subarray(0, -4)));
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  },
);

test.each(["gzip", "deflate", "br", ...zstd, "aes128gcm", ""])(
  "an answer in %j that is cut before its first byte does not look empty",
  async (encoding) => {
    const response = await nodeFetch({})(await serving(encoding, undefined));
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  },
);

test.each(["gzip", "deflate", "br", ...zstd])(
  "an empty answer in %s is empty",
  async (encoding) => {
    const response = await nodeFetch({})(await serving(encoding, new Uint8Array()));
    expect(await response.text()).toBe("");
  },
);
