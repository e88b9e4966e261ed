/** Settling a grant: exactly one `finish`, whatever the handler does. spec/5-ledger.md §5. */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { EXPOSE_FIELD, exposed, withListed } from "../http/exposed.ts";
import type { Granted } from "../service/index.ts";
import { USE_FIELD } from "../wire/consumption.ts";
import { settleCall, streamOf } from "./call.ts";
import { capture } from "./capture.ts";
import { isUpgrade } from "./facts.ts";
import { type GivenFields, takenFrom } from "./given-fields.ts";

/**
 * Settles, and never rejects. The claim is durable: a use that cannot be settled now stays counted,
 * and the answer goes out as it is.
 *
 * @param status of the response; undefined if no head is sent
 */
export const settle = (granted: Granted, status: number | undefined): Promise<void> =>
  granted.finish(status).then(
    () => {},
    (error: unknown) => console.error(error),
  );

/**
 * Responses whose head was made and not sent: over HTTP/1.1 it waits for the first byte of the
 * body, or for the end.
 */
const unsent = new WeakSet<ServerResponse>();

/** The status of the head that was sent, by the response or past it; undefined if none was. */
export function sentStatus(outgoing: ServerResponse): number | undefined {
  const stream = streamOf(outgoing);
  if (stream?.headersSent === true) return Number(stream.sentHeaders[":status"]);
  return outgoing.headersSent && !unsent.has(outgoing) ? outgoing.statusCode : undefined;
}

/**
 * Settles when the head of a Node response is sent, before a client can read a 500 and repeat the
 * request. A connection that closes before the head gives the use back, whether the client or the
 * handler closed it: nothing was delivered. One that closes after the head changes nothing. A gRPC
 * call over HTTP/2 is settled by its status, and a metered request when its connection or its
 * response has ended.
 */
export function settleBy(outgoing: ServerResponse, granted: Granted): void {
  // Let go of when it is settled, and held by nothing else of the response: Node keeps responses
  // that were sent until a full collection, and each would keep its whole request.
  let open: Granted | undefined = granted;
  const settleOnce = (status: number | undefined): void => {
    if (open === undefined) return;
    const settled = open;
    open = undefined;
    void settle(settled, status);
  };
  const writeHead = outgoing.writeHead as (status: number, ...rest: unknown[]) => ServerResponse;
  outgoing.writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    const declared = open?.declared();
    if (declared !== undefined && !outgoing.headersSent) {
      const given = rest.at(-1);
      // Given with the head, a list of the service's own would replace this one.
      if (typeof given === "object" && given !== null)
        rest[rest.length - 1] = takenFrom(outgoing, given as GivenFields, isAboutUse);
      outgoing.setHeader(USE_FIELD, declared);
      for (const [name, value] of exposed([[USE_FIELD, declared]]))
        outgoing.setHeader(name, withListed(outgoing.getHeader(name), value));
    }
    // A field that HTTP does not have makes it throw, and another head may follow.
    writeHead.call(outgoing, status, ...rest);
    if (open) unsent.add(outgoing);
    return outgoing;
  };
  const stream = streamOf(outgoing);
  if (granted.endsBy === "trailers" && stream !== undefined) {
    settleCall(stream, settleOnce);
    return;
  }
  const isByHead = granted.endsBy !== "end";
  for (const name of ["write", "end", "flushHeaders"] as const) {
    const send = outgoing[name] as (...given: unknown[]) => unknown;
    (outgoing as unknown as Record<string, typeof send>)[name] = (...given) => {
      const wasGone = outgoing.destroyed;
      const result = send.apply(outgoing, given);
      const isSent = name !== "write" || !isEmpty(given[0]);
      if (open && isSent && !wasGone && outgoing.headersSent) {
        unsent.delete(outgoing);
        if (isByHead) settleOnce(sentStatus(outgoing));
      }
      return result;
    };
  }
  if (stream !== undefined) {
    const respond = stream.respond;
    stream.respond = (...given: unknown[]): void => {
      respond.apply(stream, given);
      if (isByHead) settleOnce(sentStatus(outgoing));
    };
  }
  // A framework that routes upgrades opens them past the response: its 101 goes to the socket.
  let switched: number | undefined;
  if (isUpgrade(outgoing.req) && outgoing.socket)
    onFirstStatus(outgoing.socket, (status) => {
      switched = status;
      if (isByHead) settleOnce(status);
    });
  // `respondWithFile` knows its status only after it has opened the file.
  outgoing.once("close", () => settleOnce(switched ?? sentStatus(outgoing)));
}

/** Calls `settle` with the status of the line that is sent first. */
export function onFirstStatus(socket: Duplex, settle: (status: number) => void): void {
  let isOpen = true;
  for (const name of ["write", "end"] as const) {
    const send = socket[name] as (...given: unknown[]) => unknown;
    (socket as unknown as Record<string, typeof send>)[name] = (...given) => {
      const isGone = socket.destroyed;
      const result = send.apply(socket, given);
      const status = isOpen && !isGone ? statusIn(given[0]) : undefined;
      if (status !== undefined) {
        isOpen = false;
        settle(status);
      }
      return result;
    };
  }
}

/** The status of the line that a chunk begins with. */
function statusIn(chunk: unknown): number | undefined {
  if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return undefined;
  const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("latin1", 0, 16);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
  return status === undefined ? undefined : Number(status);
}

const isAboutUse = (name: string): boolean => ABOUT_USE.has(name.toLowerCase());
const ABOUT_USE: ReadonlySet<string> = new Set([USE_FIELD, EXPOSE_FIELD]);

/** Node sends nothing for such a chunk, not even the head. */
const isEmpty = (chunk: unknown): boolean => (chunk as { length?: number })?.length === 0;

/** Settles by a Node response, and keeps what it sends for a repeated request. */
export function settleAndKeepBy(outgoing: ServerResponse, granted: Granted): void {
  const keep = granted.keeper();
  // First, so that it sees the fields that `settleBy` sets.
  if (keep !== undefined) capture(outgoing, keep);
  settleBy(outgoing, granted);
}
