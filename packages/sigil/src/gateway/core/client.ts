/** The client of an answer: whether it is still there, the same over HTTP/1.1 and HTTP/2. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

/** Undefined over HTTP/1.1. */
const streamOf = (message: IncomingMessage | ServerResponse): ServerHttp2Stream | undefined =>
  (message as { stream?: ServerHttp2Stream }).stream;

/** Also of an answer that waits behind another one. Node takes it away from one that is sent. */
const socketOf = ({ req }: ServerResponse): Socket | null | undefined => req.socket;

/**
 * Whether nothing that is written reaches the client any more: it has left, or it has the whole
 * answer. Over HTTP/2 the answer itself does not say so, and of an answer to HEAD that was reset it
 * never does. Over HTTP/1.1 one that waits behind another one on its connection does not.
 */
export function isOver(outgoing: ServerResponse): boolean {
  const stream = streamOf(outgoing);
  if (stream !== undefined) return stream.closed || stream.destroyed;
  return outgoing.destroyed || outgoing.closed || socketOf(outgoing)?.destroyed === true;
}

/** Calls once, when `isOver` becomes true. Returns what stops waiting. */
export function whenOver(outgoing: ServerResponse, call: () => void): () => void {
  const stream = streamOf(outgoing);
  const socket = stream === undefined ? socketOf(outgoing) : undefined;
  const stop = (): void => {
    outgoing.off("close", over);
    stream?.off("aborted", over).off("close", over);
    socket?.off("close", over);
  };
  const over = (): void => {
    stop();
    call();
  };
  if (stream === undefined) {
    outgoing.once("close", over);
    // A client may send any number of requests on one connection.
    socket?.setMaxListeners(0).once("close", over);
  }
  // Before the end of its body is told, which then was none.
  else stream.once("aborted", over).once("close", over);
  return stop;
}

/** Whether the client has left, with its answer not yet ended. */
export const hasLeft = (outgoing: ServerResponse): boolean =>
  !outgoing.writableEnded && isOver(outgoing);

/** Calls once, when the client leaves before its answer was ended. Returns what stops waiting. */
export const whenLeft = (outgoing: ServerResponse, call: () => void): (() => void) =>
  whenOver(outgoing, () => {
    if (hasLeft(outgoing)) call();
  });

/**
 * Calls once if the body of a request breaks off. Over HTTP/2 such a body ends, too, as if it were
 * whole: only before its end is it said that it is not.
 */
export function whenBodyBreaks(incoming: IncomingMessage, call: () => void): void {
  const stream = streamOf(incoming);
  if (stream?.aborted ?? (incoming.destroyed && !incoming.readableEnded)) call();
  else if (stream !== undefined) stream.once("aborted", call);
  else
    incoming.once("close", () => {
      if (!incoming.readableEnded) call();
    });
}

/** Bytes that were written and not yet sent. */
export const unreadOf = (outgoing: ServerResponse): number =>
  (streamOf(outgoing) ?? outgoing).writableLength;

/**
 * Calls when nothing of what was written has gone to the client for so long; 0 ends that. Node
 * counts what the system takes of one large write, too.
 */
export function whenStuck(outgoing: ServerResponse, ms: number, call: () => void): void {
  const stream = streamOf(outgoing);
  if (stream !== undefined) {
    stream.setTimeout(ms, call);
    return;
  }
  outgoing.off("timeout", call);
  if (ms > 0) outgoing.on("timeout", call);
  // An answer that waits behind another one begins once it has the connection.
  outgoing.setTimeout(ms);
}

/** Breaks an answer off, so that it does not look complete. */
export function breakOff(outgoing: ServerResponse): void {
  const stream = streamOf(outgoing);
  if (stream === undefined) outgoing.destroy();
  else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
}
