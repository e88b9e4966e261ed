/**
 * Reads an answer that the vendor has encoded though it was asked not to (RFC 9110 §8.4.1), so that
 * what is hidden in answers is looked for in what the client would read.
 */
import type { Transform } from "node:stream";
import zlib from "node:zlib";
import { type Lines, valuesOf, without } from "./fields.ts";

/** Lacks Zstandard on Node before 22.15. */
const DECODERS: Readonly<Record<string, (() => Transform) | undefined>> = {
  gzip: zlib.createGunzip,
  "x-gzip": zlib.createGunzip,
  deflate: zlib.createInflate,
  br: zlib.createBrotliDecompress,
  zstd: (zlib as { createZstdDecompress?: () => Transform }).createZstdDecompress,
};

/** The codings of an answer, in lower case and in the order in which they were applied. */
export function codingsOf(lines: Lines): readonly string[] {
  const values = [...valuesOf(lines, "content-encoding"), ...valuesOf(lines, "transfer-encoding")];
  if (values.length === 0) return values;
  return values
    .flatMap((value) => value.split(","))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity" && coding !== "chunked");
}

const OF_THE_CODING: ReadonlySet<string> = new Set([
  ...["content-encoding", "content-length", "content-md5", "content-digest"],
]);

/** The lines without what was said of the encoded bytes. */
export const decodedLines = (lines: Lines): string[] =>
  without(lines, (name) => OF_THE_CODING.has(name));

/** What becomes of the bytes. */
export interface Reading {
  readonly part: (bytes: Buffer) => void;
  readonly ended: () => void;
  readonly failed: (error: Error) => void;
}

/** Whether the bytes go on, or wait until their reader has room. */
export interface Flow {
  pause(): void;
  resume(): void;
}

export class Decoding implements Flow {
  readonly #stream: Transform;
  readonly #source: Flow;

  private constructor(stream: Transform, source: Flow, reading: Reading) {
    this.#stream = stream;
    this.#source = source;
    stream.on("data", reading.part).on("end", reading.ended).on("error", reading.failed);
    stream.on("drain", () => source.resume());
  }

  /** Undefined for more than one coding, and for one that is not known. */
  static of(codings: readonly string[], source: Flow, reading: Reading): Decoding | undefined {
    const [coding = "", ...more] = codings;
    const decoder = more.length === 0 && Object.hasOwn(DECODERS, coding) && DECODERS[coding];
    return decoder ? new Decoding(decoder(), source, reading) : undefined;
  }

  write(bytes: Buffer): void {
    if (!this.#stream.write(bytes)) this.#source.pause();
  }

  end(): void {
    this.#stream.end();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Nothing of it is read any more. */
  stop(): void {
    this.#stream.removeAllListeners().on("error", () => undefined);
    this.#stream.destroy();
  }
}
