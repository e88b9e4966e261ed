/**
 * `Expect: 100-continue` (RFC 9110 §10.1.1). By itself Node asks for every body before the request
 * is judged, so an unpaid upload would be told to go on, and then 402. spec/3-challenge.md §5.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Http2Server } from "node:http2";
import type { Readable } from "node:stream";
import { streamOf } from "./call.ts";

type Listening = Pick<Server, "emit" | "listenerCount" | "on">;
type Listening2 = Pick<Http2Server, "emit" | "listenerCount" | "on">;

const held = new WeakSet<object>();

/**
 * Makes a server send `100 Continue` when a handler begins to read the body, and not before: a
 * request that is refused without its body gets the refusal alone. `paid` does it at the first
 * refusal of a server; called before, it holds for that one too. `serve` does it by itself. A
 * server with a listener of `checkContinue` is left as it is.
 *
 * @example
 * const server = createServer(app);
 * holdContinue(server);
 */
export function holdContinue(given: Listening | Listening2): void {
  // A server of HTTP/2 emits the same events, with requests of the same members.
  const server = given as Listening;
  if (held.has(server)) return;
  held.add(server);
  if (server.listenerCount("checkContinue") > 0) return;
  const hold: RequestListener = (incoming, outgoing) => {
    continueOnRead(incoming, outgoing);
    server.emit("request", incoming, outgoing);
  };
  server.on("checkContinue", hold);
}

/** {@link holdContinue} for the server of a request. */
export function holdContinueFor({ socket }: IncomingMessage): void {
  const { server } = (socket ?? {}) as { server?: Server };
  if (typeof server?.listenerCount === "function") holdContinue(server);
}

const waiting = new WeakSet<IncomingMessage>();

function continueOnRead(incoming: IncomingMessage, outgoing: ServerResponse): void {
  waiting.add(incoming);
  // Over HTTP/2 the body is that of the stream, which a handler may read past the request.
  const source = (streamOf(outgoing) as Readable | undefined) ?? incoming;
  const { _read: read } = source;
  // Every way to consume a stream ends here, and nothing else does.
  source._read = (size) => {
    if (waiting.delete(incoming) && !outgoing.headersSent) outgoing.writeContinue();
    read.call(source, size);
  };
}

/**
 * The request is refused: its client is not to send the body, no matter who reads what is left of
 * it.
 */
export const refuseContinue = (incoming: IncomingMessage): boolean => waiting.delete(incoming);
