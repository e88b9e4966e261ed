/** The source of a stream of Node's, without a stream of the platform in between. */
import type { Readable } from "node:stream";
import type { Bytes } from "../internal/bytes.ts";
import { aborted } from "./sockets.ts";
import type { Source } from "./source.ts";

interface Known {
  /** The bytes of the whole body. */
  readonly length?: number | undefined;
  /** Whether the stream has all of them, which is known before it has ended. */
  readonly isComplete?: () => boolean;
}

/** Gives all that has arrived at each read, and asks for more only then. */
export function readableSource(
  readable: Readable,
  { length, isComplete = () => false }: Known = {},
): Source {
  let isWatched = false;
  let wake = () => {};
  // Without a listener an error would end the process. The reader meets it.
  readable.on("error", () => {});

  /** Whether nothing comes after what was read. */
  const isOver = (): boolean =>
    readable.readableEnded || (readable.readableLength === 0 && isComplete());

  const part = (): Bytes | undefined => {
    const chunk = readable.read() as Buffer<ArrayBuffer> | null;
    return chunk === null
      ? undefined
      : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  };

  async function arriving(): Promise<Bytes | undefined> {
    if (!isWatched)
      for (const event of ["readable", "end", "error", "close"] as const)
        readable.on(event, () => wake());
    isWatched = true;
    for (;;) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      const read = part();
      if (read !== undefined || isOver()) return read;
      if (readable.destroyed) throw readable.errored ?? aborted();
    }
  }

  return {
    ...(length !== undefined && { length }),
    read() {
      const read = part();
      if (read !== undefined || isOver()) return read;
      if (readable.destroyed) throw readable.errored ?? aborted();
      return arriving();
    },
    async freed() {
      if (!readable.readableEnded && !readable.destroyed)
        await new Promise<void>((resolve) => {
          for (const event of ["end", "close"] as const) readable.once(event, () => resolve());
        });
    },
    cancel() {
      if (!isOver()) readable.destroy();
    },
  };
}
