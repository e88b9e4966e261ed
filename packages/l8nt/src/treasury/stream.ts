/** A relayed body: passed on as it comes, up to a size and a time, and ended at both ends when either one goes. [case 79] */
import { AdapterError } from "../errors.ts";

export interface StreamLimits {
  readonly maxBytes: number;
  /** Without a byte in between. */
  readonly idleSeconds: number;
  readonly totalSeconds: number;
}

/** @param abort ends the request at the service */
export function limited(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  { maxBytes, idleSeconds, totalSeconds }: StreamLimits,
  abort: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  let bytes = 0;
  let fail: (why: AdapterError) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  const total = later(totalSeconds, () => fail(tooLong(`${totalSeconds} s in all`)));
  const end = () => {
    clearTimeout(total);
    abort();
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const idle = later(idleSeconds, () => fail(tooLong(`${idleSeconds} s without a byte`)));
        try {
          const { done, value } = await Promise.race([reader.read(), failed]);
          if (done) {
            clearTimeout(total);
            controller.close();
            return;
          }
          bytes += value.length;
          if (bytes > maxBytes)
            throw new AdapterError("ERR_TOO_LARGE", `The service's answer has more than ${maxBytes} bytes.`);
          controller.enqueue(value);
        } catch (error) {
          end();
          controller.error(error);
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

function later(seconds: number, act: () => void): ReturnType<typeof setTimeout> {
  const timer = setTimeout(act, seconds * 1000);
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

const tooLong = (what: string): AdapterError =>
  new AdapterError("ERR_SERVICE_UNREACHABLE", `The service's answer took longer than it may: ${what}.`);
