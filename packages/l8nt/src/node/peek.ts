/** Reads the body of a Node request before its handler, which reads it again. */
import type { IncomingMessage } from "node:http";
import { AdapterError } from "../errors.ts";
import { concat } from "../internal/bytes.ts";

/** What a request over HTTP/2 has besides. */
interface Http2Stream {
  readonly endAfterHeaders: boolean;
  readonly readableEnded: boolean;
}

const MAX_BODY_BYTES = 1024 * 1024;

const peeked = new WeakMap<IncomingMessage, Promise<Uint8Array>>();

/**
 * The whole body, which stays in the stream.
 *
 * @throws AdapterError `ERR_TOO_LARGE` for more than 1 MiB, `ERR_REQUEST` for a body that breaks
 * off, `ERR_PRICE_FUNCTION` for one that was read already
 */
export function peekBody(incoming: IncomingMessage): Promise<Uint8Array> {
  let body = peeked.get(incoming);
  if (body === undefined) {
    body = peek(incoming);
    peeked.set(incoming, body);
  }
  return body;
}

/** Whether a body follows the head. It may be empty. */
export function hasBody(incoming: IncomingMessage): boolean {
  const { headers } = incoming;
  const { stream } = incoming as { stream?: Http2Stream };
  // HTTP/2 needs no field for it.
  if (stream !== undefined) return !stream.endAfterHeaders;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

async function peek(incoming: IncomingMessage): Promise<Uint8Array> {
  const length = Number(incoming.headers["content-length"] ?? Number.NaN);
  if (length > MAX_BODY_BYTES) throw tooLarge();
  if (!hasBody(incoming)) return new Uint8Array();
  const { stream } = incoming as { stream?: Http2Stream };
  const isComplete = (): boolean => incoming.complete || stream?.readableEnded === true;
  if (incoming.readableEnded || incoming.readableDidRead) throw unknownBody();
  // A body that came with the head is there after this turn. One that is empty must not be asked
  // for, because the stream would end before the handler listens.
  await new Promise((resolve) => setImmediate(resolve));
  if (isComplete() && incoming.readableLength === 0) return new Uint8Array();
  const parts: Buffer[] = [];
  let size = 0;
  // In the very turn in which they were read: a stream that is empty at the end of a turn has
  // ended, and takes nothing back.
  const giveBack = (): void => {
    for (const part of parts.toReversed()) incoming.unshift(part);
  };
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      incoming.off("readable", read).off("close", gone).off("error", gone);
      act();
    };
    const gone = (): void => settle(() => reject(broken()));
    const read = (): void => {
      while (incoming.readableLength > 0) {
        const part = incoming.read() as Buffer;
        parts.push(part);
        size += part.length;
      }
      if (size > MAX_BODY_BYTES) {
        giveBack();
        settle(() => reject(tooLarge()));
      } else if (size === length || isComplete()) {
        giveBack();
        settle(() => resolve(concat(...parts)));
      }
    };
    incoming.on("readable", read).on("close", gone).on("error", gone);
  });
}

const tooLarge = (): AdapterError =>
  new AdapterError("ERR_TOO_LARGE", `The body is larger than ${MAX_BODY_BYTES} bytes.`);

const broken = (): AdapterError => new AdapterError("ERR_REQUEST", "The body broke off.");

/** The error of a body that something has read before the paywall. The caller cannot mend that. */
const unknownBody = (): AdapterError =>
  new AdapterError(
    "ERR_PRICE_FUNCTION",
    "The body was read before the paywall, so it is not known. Put paid() before the body parser.",
  );
