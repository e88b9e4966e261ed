/** A body that is passed on as it comes, up to a size and a time. [case 79] */
import { AdapterError } from "../errors.ts";
import type { Bytes } from "../internal/bytes.ts";
import { later } from "../internal/timers.ts";
import { type Source, sourceOf, streamOf } from "./source.ts";

export interface StreamLimits {
  readonly maxBytes: number;
  /** The longest pause between two bytes. */
  readonly idleSeconds: number;
  readonly totalSeconds: number;
}

export interface StreamEnds {
  /** Breaks the body off, also while nobody reads. */
  readonly signal?: AbortSignal;
  /** Called once, when the body was read to its end or is broken. */
  readonly over?: () => void;
}

/**
 * Bounds a body. It ends at both ends if either the sender or the reader goes away.
 *
 * @param abort ends the request that the body answers
 */
export const limited = (
  body: ReadableStream<Bytes>,
  limits: StreamLimits,
  abort: () => void,
  ends: StreamEnds = {},
): ReadableStream<Bytes> => streamOf(bounded(sourceOf(body), limits, abort, ends));

function bounded(
  source: Source,
  { maxBytes, idleSeconds, totalSeconds }: StreamLimits,
  abort: () => void,
  { signal, over = () => {} }: StreamEnds,
): Source {
  let bytes = 0;
  let state: "open" | "whole" | "over" = "open";
  let fault: unknown;
  /** Rejects the read that waits for the sender. */
  let refuse: ((why: unknown) => void) | undefined;
  let tell: ((why: unknown) => void) | undefined;
  const cut = () => fail(signal?.reason);
  const leave = () => {
    clearTimeout(total);
    signal?.removeEventListener("abort", cut);
    over();
  };
  const end = () => {
    state = "over";
    leave();
    abort();
  };
  const fail = (why: unknown): void => {
    if (state !== "open") return;
    fault = why;
    end();
    tell?.(why);
    refuse?.(why);
    source.cancel();
  };
  // Also while nothing is read: a reader that stops reading must not hold the sender's connection.
  const total = later(totalSeconds * 1000, () => fail(tooLong(`${totalSeconds} s in all`)));

  function passed(part: Bytes | undefined): Bytes | undefined {
    if (part === undefined) {
      if (state !== "open") return undefined;
      state = "whole";
      leave();
      return undefined;
    }
    bytes += part.length;
    if (bytes <= maxBytes) return part;
    fail(new AdapterError("ERR_TOO_LARGE", `The response has more than ${maxBytes} bytes.`));
    throw fault;
  }

  const inTime = (arriving: Promise<Bytes | undefined>): Promise<Bytes | undefined> =>
    new Promise((resolve, reject) => {
      const late = () => fail(tooLong(`${idleSeconds} s without a byte`));
      const idle = later(idleSeconds * 1000, late);
      const settled = () => {
        clearTimeout(idle);
        refuse = undefined;
      };
      refuse = (why) => {
        settled();
        reject(why);
      };
      const arrived = (part: Bytes | undefined) => {
        settled();
        resolve(passed(part));
      };
      arriving.then(arrived).catch((error: unknown) => {
        fail(error);
        settled();
        reject(error);
      });
    });

  signal?.addEventListener("abort", cut, { once: true });
  if (signal?.aborted) cut();

  return {
    ...(source.length !== undefined && { length: source.length }),
    ...(source.freed !== undefined && { freed: source.freed }),
    read() {
      if (state === "over") throw fault;
      if (state === "whole") return undefined;
      let part: ReturnType<Source["read"]>;
      try {
        part = source.read();
      } catch (error) {
        fail(error);
        throw error;
      }
      return part instanceof Promise ? inTime(part) : passed(part);
    },
    cancel() {
      if (state !== "open") return;
      end();
      source.cancel();
    },
    onBroken(listener) {
      tell = listener;
    },
  };
}

const tooLong = (what: string): AdapterError =>
  new AdapterError("ERR_SERVICE_UNREACHABLE", `The response took longer than allowed: ${what}.`);
