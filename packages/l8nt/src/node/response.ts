/** Writes a Web `Response` to a Node response, streaming, no faster than the client reads. */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { LIST_FIELDS, withListed } from "../http/exposed.ts";
import { type Source, sourceOf } from "../http/source.ts";
import { watchWritten } from "../http/written.ts";
import { type Answered, rendering } from "../service/answered.ts";
import { MESSAGE_FIELD, STATUS_FIELD } from "../wire/grpc.ts";
import type { Refused, Rendered } from "../wire/problem.ts";
import { streamOf } from "./call.ts";
import { closeUnread } from "./unread.ts";

/**
 * A handler's `Response` has joined the two lines of a challenge, because `Headers` cannot hold
 * two; the reference clients match each line. spec/3-challenge.md §1.
 */
const CHALLENGES = /, (?=(?:LSAT|L402) macaroon=")/;

/** The fields of a response, each challenge and each cookie on a line of its own. */
export function fieldsOf(headers: Headers): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  for (const [name, value] of headers) {
    if (name === "www-authenticate") fields[name] = value.split(CHALLENGES);
    else if (name !== "set-cookie") fields[name] = value;
  }
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) fields["set-cookie"] = cookies;
  return fields;
}

/** Fields as a list has them, each challenge and each cookie on a line of its own. */
export function fieldsOfPairs(pairs: Rendered["headers"]): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of pairs) {
    const before = fields[name];
    fields[name] = before === undefined ? value : [before, value].flat();
  }
  return fields;
}

/**
 * For a framework that writes the head of a refusal itself. Such a head does not end the stream,
 * and a gRPC client then reads the status from trailers.
 */
export function addCallTrailers(outgoing: ServerResponse, headers: Rendered["headers"]): void {
  if (streamOf(outgoing) === undefined || !headers.some(([name]) => name === STATUS_FIELD)) return;
  outgoing.addTrailers(
    fieldsOfPairs(headers.filter(([name]) => OF_CALLS.has(name))) as Record<string, string>,
  );
}

const OF_CALLS: ReadonlySet<string> = new Set([
  ...[STATUS_FIELD, MESSAGE_FIELD, "www-authenticate", "retry-after"],
]);

/** Writes what is sent for a request that is not granted, unless the client has left. */
export function writeUngranted(outgoing: ServerResponse, decision: Refused | Answered): void {
  if (outgoing.destroyed) return;
  closeUnread(outgoing);
  const { status, headers, body } = rendering(decision);
  const fields = fieldsOfPairs(headers);
  for (const name of LIST_FIELDS) {
    const listed = fields[name];
    if (typeof listed === "string") fields[name] = withListed(outgoing.getHeader(name), listed);
  }
  // Not by `writeHead`, which over HTTP/2 sends the head at once. A gRPC client reads the status
  // from a head that ends the stream.
  outgoing.statusCode = status;
  for (const [name, value] of Object.entries(fields)) outgoing.setHeader(name, value!);
  outgoing.end(body.length === 0 ? undefined : body);
}

/** Never rejects: if the client leaves or the body breaks, the connection ends. */
export async function writeResponse(outgoing: ServerResponse, response: Response): Promise<void> {
  const report = watchWritten(response);
  if (report !== undefined) {
    outgoing.once("finish", () => report(true));
    outgoing.once("close", () => report(outgoing.writableFinished));
  }
  if (outgoing.destroyed) {
    report?.(false);
    await response.body?.cancel().catch(() => {});
    return;
  }
  const { status, headers, body } = response;
  const isBodiless = outgoing.req.method === "HEAD" || status === 204 || status === 304;
  if (body === null || isBodiless) {
    outgoing.writeHead(status, fieldsOf(headers)).end();
    await body?.cancel().catch(() => {});
    return;
  }
  await writeBody(outgoing, response, sourceOf(body));
}

async function writeBody(
  outgoing: ServerResponse,
  { status, headers }: Response,
  source: Source,
): Promise<void> {
  let isOver = false;
  const next = (): ReturnType<Source["read"]> => {
    try {
      const part = source.read();
      isOver = part === undefined;
      return part;
    } catch (error) {
      isOver = true;
      return Promise.reject(error);
    }
  };
  const first = next();
  const second = first instanceof Promise || isOver ? undefined : next();
  if (isOver && !(first instanceof Promise)) {
    // The whole body is here: it leaves with its head, and with its length.
    outgoing.writeHead(status, withLength(fieldsOf(headers), first?.length ?? 0)).end(first);
    return;
  }
  outgoing.writeHead(status, withLength(fieldsOf(headers), source.length));
  // Wakes a write that waits for a client that has gone.
  let wake = (): void => {};
  outgoing.on("drain", () => wake());
  outgoing.on("close", () => {
    wake();
    if (!isOver) source.cancel();
    isOver = true;
  });
  source.onBroken?.(() => {
    if (isOver) return;
    isOver = true;
    breakOff(outgoing);
    wake();
  });
  const written = (part: Uint8Array): Promise<void> | undefined => {
    if (outgoing.write(part)) return undefined;
    return new Promise<void>((resolve) => {
      wake = resolve;
      if (outgoing.destroyed) resolve();
    });
  };
  try {
    let part = await first;
    if (!(first instanceof Promise)) {
      // It may break while the first part is written.
      Promise.resolve(second).catch(() => {});
      await written(first!);
      part = await second;
    }
    while (part !== undefined && !outgoing.destroyed) {
      await written(part);
      part = await next();
    }
    isOver ||= part === undefined;
    outgoing.end();
  } catch {
    isOver = true;
    breakOff(outgoing);
  }
}

/** The length of a body whose handler did not say it. */
function withLength(fields: OutgoingHttpHeaders, length: number | undefined): OutgoingHttpHeaders {
  if (length !== undefined && fields["transfer-encoding"] === undefined)
    fields["content-length"] ??= length;
  return fields;
}

/**
 * Ends the connection: a partial body must not look complete. The head goes out first, because a
 * paywall of Web requests has counted the use by it.
 */
export function breakOff(outgoing: ServerResponse): void {
  if (!outgoing.destroyed) outgoing.flushHeaders();
  // Over HTTP/2 there is no socket to end: other streams use it. A client that reads nothing would
  // keep what waits for it.
  if (outgoing.req.httpVersionMajor === 1 && !outgoing.writableNeedDrain)
    outgoing.socket?.destroySoon();
  else outgoing.destroy();
}

/** Answers 500. The error is logged for the operator, and not shown to the client. */
export async function writeFailure(outgoing: ServerResponse, error: unknown): Promise<void> {
  console.error(error);
  if (outgoing.headersSent) outgoing.destroy();
  else await writeResponse(outgoing, problem(500, "Internal server error"));
}

/** A problem document (RFC 9457) without a code of Sigil. */
export const problem = (status: number, title: string): Response =>
  new Response(JSON.stringify({ type: "about:blank", title, status }), {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store" },
  });
