/** Decodes the content encodings of a response: RFC 9110 §8.4. */
import type { IncomingMessage } from "node:http";
import type { Readable, Transform } from "node:stream";
import type * as Zlib from "node:zlib";
import { builtin } from "./builtin.ts";

/** A response may be encoded twice. More layers are not decoded: each may multiply the bytes. */
const MAX_LAYERS = 3;

/** Codings that every `fetch` decodes, although it leaves the field in place. */
const OF_EVERY_FETCH: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br"]);

/** The codings of a `Content-Encoding`, in the order in which they were applied. */
const codingsOf = (field: string | null): readonly string[] =>
  (field ?? "")
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding !== "identity");

/** Whether the body of a response is still encoded as its field says, whatever `fetch` gave it. */
export function isStillEncoded(field: string | null): boolean {
  const codings = codingsOf(field);
  return codings.length > MAX_LAYERS || codings.some((coding) => !OF_EVERY_FETCH.has(coding));
}

/** How a coding is decoded, from the first byte on; undefined if this runtime cannot decode it. */
function decoderOf(zlib: typeof Zlib, coding: string): ((first: number) => Transform) | undefined {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return () => zlib.createGunzip();
    case "deflate":
      // Servers mean two formats by this name. The first byte tells a zlib header.
      return (first) => ((first & 0x0f) === 8 ? zlib.createInflate() : zlib.createInflateRaw());
    case "br":
      return () => zlib.createBrotliDecompress();
    case "zstd":
      // Node 20 has no zstd.
      return "createZstdDecompress" in zlib ? () => zlib.createZstdDecompress() : undefined;
    default:
      return undefined;
  }
}

/**
 * The decoded body of a response; undefined if it has an encoding that this runtime cannot decode.
 * It is decoded no faster than it is read, so that a limit on what is read bounds the memory.
 *
 * @throws Error of a body that breaks off before its first byte
 */
export async function decoded(
  incoming: IncomingMessage,
  field: string | null,
): Promise<Readable | undefined> {
  const codings = codingsOf(field);
  if (codings.length === 0) return incoming;
  const zlib = builtin<typeof Zlib>("node:zlib");
  const { pipeline } = builtin<typeof import("node:stream")>("node:stream");
  const decoders = codings.map((coding) => decoderOf(zlib, coding)).reverse();
  if (codings.length > MAX_LAYERS || decoders.includes(undefined)) return undefined;
  let body: Readable = incoming;
  for (const decoder of decoders) {
    const first = await firstByte(body);
    // An empty body is empty in every encoding.
    if (first === undefined) return body;
    // The reader is told of an error by the last stream, which `pipeline` destroys.
    body = pipeline(body, decoder!(first), () => {});
  }
  return body;
}

/**
 * The first byte of a stream, which stays in it; undefined if it has none.
 *
 * @throws Error of a stream that fails
 */
async function firstByte(stream: Readable): Promise<number | undefined> {
  for (;;) {
    const chunk = stream.read() as Buffer | null;
    if (chunk !== null) {
      stream.unshift(chunk);
      return chunk[0];
    }
    if (stream.readableEnded) return undefined;
    if (stream.destroyed) throw stream.errored ?? new Error("the body broke off");
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        for (const event of EVENTS) stream.off(event, wake);
        resolve();
      };
      for (const event of EVENTS) stream.on(event, wake);
    });
  }
}

const EVENTS = ["readable", "end", "error", "close"] as const;
