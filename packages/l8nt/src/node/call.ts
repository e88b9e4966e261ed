/** What ends the claim of a gRPC call over HTTP/2. spec/5-ledger.md §5. */
import type { ServerResponse } from "node:http";
import type { OutgoingHttpHeaders } from "node:http2";
import { grpcType, OK, STATUS_FIELD } from "../wire/grpc.ts";

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
 * the use back. An answer that is not gRPC's is settled by its head: the type of a request is the
 * client's word, and would give back what was answered without a body.
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
    const status = valueIn(fields, STATUS_FIELD);
    if (status !== undefined) settle(status === OK ? 200 : undefined);
  };
  const byHead = (): void => {
    const { sentHeaders } = stream;
    if (grpcType(valueIn(sentHeaders, "content-type")) === undefined)
      settle(Number(sentHeaders[":status"]));
  };
  after("respond", (fields) => {
    byStatus(fields);
    byHead();
  });
  after("write", byMessage);
  after("end", byMessage);
  after("sendTrailers", byStatus);
  stream.once("close", () => {
    // `respondWithFile` has a head of its own.
    if (stream.headersSent) byHead();
    settle(undefined);
  });
}

const isMessage = (chunk: unknown): boolean =>
  (typeof chunk === "string" || chunk instanceof Uint8Array) && chunk.length > 0;

/** The value of a field among fields, which are an object or a list. */
function valueIn(fields: unknown, name: string): string | undefined {
  const entries = Array.isArray(fields)
    ? fields.flatMap((each: unknown, at) => (at % 2 === 0 ? [[each, fields[at + 1]]] : []))
    : Object.entries(Object(fields));
  const found = entries.find(([each]) => String(each).toLowerCase() === name);
  return found && String(found[1]);
}
