/**
 * A body on its way through one process: parts, read one after another. A stream of the platform
 * costs a promise and a queue for each part at each party that passes it on, so parties of this
 * process find the source of a stream and read that.
 */
import type { Bytes } from "../internal/bytes.ts";

export interface Source {
  /** The bytes of the whole body, if they are known. */
  readonly length?: number;
  /**
   * The next part; undefined at the end. At once, and not as a promise, if it is there already: so
   * a body that is whole can be told from one that comes by and by. What it throws or rejects with
   * broke the body.
   */
  read(): Bytes | undefined | Promise<Bytes | undefined>;
  /** Nobody reads on. After the end, and once the body is broken, it does nothing. */
  cancel(): void;
  /**
   * Resolves, after the end, when the connection that the body came by is free for the next
   * request.
   */
  readonly freed?: () => Promise<void>;
  /** Calls `listener` if the body breaks while nobody reads. */
  onBroken?(listener: (why: unknown) => void): void;
}

const sources = new WeakMap<ReadableStream, Source>();

/** A stream of what a source gives, read only as it is read. {@link sourceOf} finds the source. */
export function streamOf(source: Source): ReadableStream<Bytes> {
  const stream: ReadableStream<Bytes> = new ReadableStream<Bytes>(
    {
      start: (controller) => source.onBroken?.((why) => controller.error(why)),
      async pull(controller) {
        const part = await source.read();
        if (part !== undefined) return controller.enqueue(part);
        await source.freed?.();
        controller.close();
      },
      cancel() {
        sources.delete(stream);
        source.cancel();
      },
    },
    { highWaterMark: 0 },
  );
  sources.set(stream, source);
  return stream;
}

/** What a stream gives, from where it is read to. The stream is locked from then on. */
export function sourceOf(stream: ReadableStream): Source {
  // Also where its source is read past it, so that nobody else reads it.
  const reader = (stream as ReadableStream<Bytes>).getReader();
  const source = sources.get(stream);
  sources.delete(stream);
  if (source !== undefined) return source;
  return {
    async read() {
      return (await reader.read()).value;
    },
    cancel: () => void reader.cancel().catch(() => {}),
    onBroken: (listener) => void reader.closed.catch(listener),
  };
}
