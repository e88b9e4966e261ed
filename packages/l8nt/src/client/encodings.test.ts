/** Encodings that nobody asked for: paid once, and answered. RFC 9110 §8.4. */

import * as zlib from "node:zlib";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { Client } from "../index.ts";
import { ask402, challenger, site, type Town, town } from "../testing/fixtures/town.ts";

const ENCODINGS = {
  gzip: gzipSync("plain"),
  br: brotliCompressSync("plain"),
  // Node 20 has none.
  zstd: "zstdCompressSync" in zlib ? zlib.zstdCompressSync("plain") : undefined,
  aes128gcm: Buffer.from("sealed"),
} as const;

const WAYS = {
  "own wallet": (world: Town) =>
    new Client({
      wallet: world.network.account("treasury").url,
      treasury: { alarm: (what) => world.alarms.push(what) },
      clock: world.clock,
    }),
  "handed over": (world: Town) => world.connect(world.mint()),
  relayed: (world: Town) => world.connect(world.mint({ maxUses: 1000 })),
} as const;

const CELLS = Object.entries(ENCODINGS).flatMap(([encoding, body]) =>
  body === undefined
    ? []
    : Object.entries(WAYS).map(([way, clientOf]) => [encoding, way, body, clientOf] as const),
);

test.each(CELLS)("%s: %s", async (encoding, _way, body, clientOf) => {
  const world = await town();
  const shop = await site(async (request, response, url) => {
    if (request.headers.authorization === undefined)
      ask402(response, await challenger(world, url).demand());
    else response.writeHead(200, { "content-encoding": encoding }).end(body);
  });
  const response = await clientOf(world).get(`${shop.url}/a`);
  const text = Buffer.from(await response.arrayBuffer());
  // What this runtime cannot decode arrives as it was sent, and the field says so.
  const isDecoded = text.equals(Buffer.from("plain"));
  expect(isDecoded || text.equals(body)).toBe(true);
  if (!isDecoded) expect(response.headers.get("content-encoding")).toBe(encoding);
  expect([response.status, world.paid().count, world.alarms]).toEqual([200, 1, []]);
});
