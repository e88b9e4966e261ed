/** What ends the claim of a gRPC call over HTTP/2. spec/5-ledger.md §5. */
import type { ServerResponse } from "node:http";
import type { OutgoingHttpHeaders } from "node:http2";
import { OK, STATUS_FIELD } from "../wire/grpc.ts";

type Send = (...given: unknown[]) => unknown;

/** What a response over HTTP/2 has besides: a handler may write to it past the response. */
export interface Http2Stream {
  readonly headersSent: boolean;
  readonly sentHeaders: OutgoingHttpHeaders;
  respond: Send;
  write: Send;
  end: Send;
  sendTrailers: Send;
  once(event: "close", listener: () => void): unknown;
}

export const streamOf = (outgoing: ServerResponse): Http2Stream | undefined =>
  (outgoing as { stream?: Http2Stream }).stream;

/**
 * Settles by the first message, which a client may keep and then reset the stream; without one by
 * the status, in trailers or in a head that ends the stream. A call that ends without either gives
 * the use back.
 *
 * @param settle does nothing when it is called again
 */
export function settleCall(
  stream: Http2Stream,
  settle: (status: number | undefined) => void,
): void {
  const after = (name: "respond" | "write" | "end" | "sendTrailers", then: Send): void => {
    const send = stream[name];
    stream[name] = (...given) => {
      const result = send.apply(stream, given);
      then(...given);
      return result;
    };
  };
  const byMessage: Send = (chunk) => {
    if (isMessage(chunk)) settle(200);
  };
  const byStatus: Send = (fields) => {
    const status = statusIn(fields);
    if (status !== undefined) settle(status === OK ? 200 : undefined);
  };
  after("respond", byStatus);
  after("write", byMessage);
  after("end", byMessage);
  after("sendTrailers", byStatus);
  stream.once("close", () => settle(undefined));
}

const isMessage = (chunk: unknown): boolean =>
  (typeof chunk === "string" || chunk instanceof Uint8Array) && chunk.length > 0;

/** The status among fields, which are an object or a list. */
function statusIn(fields: unknown): string | undefined {
  const entries = Array.isArray(fields)
    ? fields.flatMap((name: unknown, at) => (at % 2 === 0 ? [[name, fields[at + 1]]] : []))
    : Object.entries(Object(fields));
  const found = entries.find(([name]) => String(name).toLowerCase() === STATUS_FIELD);
  return found && String(found[1]);
}
