/**
 * Ends the connection of a request that is refused before its body was read. A body of any size is
 * not read to its end, and the refusal arrives nevertheless: closing at once would reset the
 * connection, and a reset may overtake the answer. spec/3-challenge.md §5.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { holdContinueFor, refuseContinue } from "./continue.ts";

/** What is read and dropped of such a body. */
const MAX_DROPPED_BYTES = 1024 * 1024;
/** How long the client, or a proxy before it, has to read the answer. */
const MAX_LINGER_MS = 2_000;

/** Call it before the head of the refusal is written. */
export function closeUnread(outgoing: ServerResponse): void {
  const { req: incoming } = outgoing;
  // Of a client that waits to send its body, no next request can be told from the body.
  if (refuseContinue(incoming)) outgoing.shouldKeepAlive = false;
  holdContinueFor(incoming);
  // Over HTTP/2 a stream is refused by itself.
  if (incoming.httpVersionMajor !== 1 || incoming.complete || !mayBeLarge(incoming.headers)) return;
  const socket: Socket = incoming.socket;
  let left = MAX_DROPPED_BYTES;
  let isLingering = false;
  outgoing.shouldKeepAlive = false;
  incoming.on("data", ({ length }: Buffer) => {
    left -= length;
    // Not an end: a proxy that is still sending takes a reset for a failure of this server, and
    // answers 502. It sees the answer once its buffers are full.
    if (left <= 0) incoming.pause();
  });
  // Node calls it once the answer is written.
  const destroySoon = socket.destroySoon;
  socket.destroySoon = (): void => {
    if (isLingering || incoming.complete) {
      destroySoon.call(socket);
      return;
    }
    isLingering = true;
    socket.end();
    const late = setTimeout(() => socket.destroy(), MAX_LINGER_MS);
    incoming.once("end", () => socket.destroy());
    socket.once("close", () => clearTimeout(late));
  };
}

/** A body that says that it is small is read, and the connection serves the next request. */
const mayBeLarge = (headers: ServerResponse["req"]["headers"]): boolean =>
  headers["transfer-encoding"] !== undefined ||
  Number(headers["content-length"] ?? 0) > MAX_DROPPED_BYTES;
