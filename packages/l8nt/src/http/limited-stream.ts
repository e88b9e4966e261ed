/** A body that is passed on as it comes, up to a size and a time. [case 79] */
import { AdapterError } from "../errors.ts";
import { later } from "../internal/timers.ts";

export interface StreamLimits {
  readonly maxBytes: number;
  /** The longest pause between two bytes. */
  readonly idleSeconds: number;
  readonly totalSeconds: number;
}

/**
 * Bounds a body. It ends at both ends if either the sender or the reader goes away.
 *
 * @param abort ends the request that the body answers
 */
export function limited(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  { maxBytes, idleSeconds, totalSeconds }: StreamLimits,
  abort: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  let bytes = 0;
  let isOver = false;
  let sink: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  // Also while nothing is read: a reader that stops reading must not hold the sender's connection.
  const fail = (why: unknown) => {
    if (isOver) return;
    end();
    sink?.error(why);
    void reader.cancel().catch(() => {});
  };
  const total = later(totalSeconds * 1000, () => fail(tooLong(`${totalSeconds} s in all`)));
  const end = () => {
    isOver = true;
    clearTimeout(total);
    abort();
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        sink = controller;
      },
      async pull(controller) {
        const idle = later(idleSeconds * 1000, () =>
          fail(tooLong(`${idleSeconds} s without a byte`)),
        );
        try {
          const { done, value } = await reader.read();
          if (isOver) return;
          if (done) {
            clearTimeout(total);
            controller.close();
            return;
          }
          bytes += value.length;
          if (bytes > maxBytes)
            throw new AdapterError(
              "ERR_TOO_LARGE",
              `The response has more than ${maxBytes} bytes.`,
            );
          controller.enqueue(value);
        } catch (error) {
          fail(error);
        } finally {
          clearTimeout(idle);
        }
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason).catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

const tooLong = (what: string): AdapterError =>
  new AdapterError("ERR_SERVICE_UNREACHABLE", `The response took longer than allowed: ${what}.`);
