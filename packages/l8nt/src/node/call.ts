/** What ends the claim of a gRPC call over HTTP/2. spec/5-ledger.md §5. */
import type { ServerResponse } from "node:http";
import type { OutgoingHttpHeaders } from "node:http2";
import { grpcType, OK, STATUS_FIELD } from "../wire/grpc.ts";

type Send = (...given: unknown[]) => unknown;

/** What a response over HTTP/2 has besides: a handler may write to it past the response. */
export interface Http2Stream {
  readonly headersSent: boolean;
  readonly sentHeaders: OutgoingHttpHeaders;
  readonly writableFinished: boolean;
  readonly rstCode: number;
  respond: Send;
  respondWithFile: Send;
  respondWithFD: Send;
  write: Send;
  end: Send;
  sendTrailers: Send;
  once(event: "close", listener: () => void): unknown;
}

export const streamOf = (outgoing: ServerResponse): Http2Stream | undefined =>
  (outgoing as { stream?: Http2Stream }).stream;

/**
 * Settles by the first message, which a client may keep and then reset the stream; without one by
 * the status, in trailers or in a head. A stream that breaks without a message gives the use back.
 * An answer that is not gRPC's, by its type or because it ends without a status, is settled by its
 * head: the type of a request is the client's word, and would give back what was answered without
 * a body.
 *
 * @param settle does nothing when it is called again
 */
export function settleCall(
  stream: Http2Stream,
  settle: (status: number | undefined) => void,
): void {
  const after = (name: Sending, then: Send): void => {
    const send = stream[name];
    stream[name] = (...given) => {
      const result = send.apply(stream, given);
      then(...given);
      return result;
    };
  };
  const sent = (name: string) => valueIn(stream.sentHeaders, name);
  const byMessage: Send = (chunk) => {
    if (isMessage(chunk)) settle(200);
  };
  const byHead = (): void => settle(Number(sent(":status")));
  const byEnd: Send = (trailers) => {
    const status = valueIn(trailers, STATUS_FIELD) ?? sent(STATUS_FIELD);
    if (status === undefined) byHead();
    else settle(status === OK ? 200 : undefined);
  };
  let isFile = false;
  const byFile = (): void => {
    isFile = true;
  };
  after("respond", (_, options) => {
    if ((options as { endStream?: boolean } | undefined)?.endStream === true) byEnd();
    else if (grpcType(sent("content-type")) === undefined && sent(STATUS_FIELD) === undefined)
      byHead();
  });
  // They send a head of their own when the file was opened, and then the file.
  after("respondWithFile", byFile);
  after("respondWithFD", byFile);
  after("write", byMessage);
  after("end", byMessage);
  after("sendTrailers", (trailers) => {
    if (isFile) byHead();
    byEnd(trailers);
  });
  stream.once("close", () => {
    if (stream.headersSent && isFile) byHead();
    // A stream that is reset is ended, too.
    if (stream.headersSent && stream.writableFinished && stream.rstCode === 0) byEnd();
    settle(undefined);
  });
}

type Sending = "respond" | "respondWithFile" | "respondWithFD" | "write" | "end" | "sendTrailers";

const isMessage = (chunk: unknown): boolean =>
  ArrayBuffer.isView(chunk) ? chunk.byteLength > 0 : typeof chunk === "string" && chunk !== "";

/** The value of a field among fields, which are an object or a list. */
function valueIn(fields: unknown, name: string): string | undefined {
  const entries = Array.isArray(fields)
    ? fields.flatMap((each: unknown, at) => (at % 2 === 0 ? [[each, fields[at + 1]]] : []))
    : Object.entries(Object(fields));
  const found = entries.find(([each]) => String(each).toLowerCase() === name);
  return found && String(found[1]);
}
