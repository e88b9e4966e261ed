/** A `fetch` over Node's `http` and `https`, with options for addresses and certificates. */
import type { IncomingMessage, RequestOptions } from "node:http";
import type { LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { builtin } from "./builtin.ts";
import { decoded } from "./content-encoding.ts";
import { UnreadableAnswer } from "./ending.ts";
import { keepLines } from "./field-lines.ts";

export interface NodeFetchOptions {
  readonly lookup?: LookupFunction;
  /** The only certificates that are trusted, as PEM. */
  readonly ca?: string;
  /** A Unix socket to connect to, in place of the URL's host and port. */
  readonly socketPath?: string;
}

/** Responses to requests that were sent a second time. */
const repeated = new WeakSet<Response>();

/**
 * Whether the connection of a first try was closed without an answer: the server may have served
 * that one.
 */
export const isOfRepeated = (response: Response): boolean => repeated.has(response);

// A Request that is garbage-collected no longer feeds its signal, and would never time out.
const underWay = new Set<Request>();

/** Redirects are not followed. With `ca`, connections are kept for the next request. */
export function nodeFetch({ lookup, ca, socketPath }: NodeFetchOptions): typeof fetch {
  const http = builtin<typeof import("node:http")>("node:http");
  const https = builtin<typeof import("node:https")>("node:https");
  const agent = ca === undefined ? undefined : new https.Agent({ ca, keepAlive: true });
  return async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const isPlain = url.protocol === "http:";
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
    const options: RequestOptions = {
      method: request.method,
      headers: fieldsOf(request, body),
      signal: request.signal,
      ...(lookup !== undefined && { lookup }),
      ...(socketPath !== undefined && { socketPath }),
      ...(agent !== undefined && !isPlain && { agent }),
    };
    // Another kept connection may be closed as well.
    const anew = { ...options, agent: false as const, ...(ca !== undefined && { ca }) };
    let isAgain = false;
    const send = (mayRepeat: boolean, how: RequestOptions = options): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        let isOver = false;
        const outgoing = (isPlain ? http : https).request(url, how, (incoming) => {
          isOver = true;
          resolve(incoming);
        });
        underWay.add(request);
        outgoing.once("close", () => underWay.delete(request));
        // Without a listener, the request would neither succeed nor fail.
        outgoing.once("upgrade", (_, socket) => {
          socket.destroy();
          reject(new UnreadableAnswer("The server switched to another protocol."));
        });
        outgoing.on("error", (error: NodeJS.ErrnoException) => {
          // After the head, the body tells of an error: the request was served, and is not sent
          // again.
          if (isOver) return;
          isOver = true;
          // The other end closed an idle connection while this request was on its way to it.
          const wasIdle = outgoing.reusedSocket && CLOSED.has(error.code);
          if (wasIdle && mayRepeat) {
            isAgain = true;
            resolve(send(false, anew));
          } else reject(error);
        });
        outgoing.end(body);
      });
    const incoming = await send(isRepeatable(request));
    const response = await responseOf(incoming, request.method);
    if (response.status === 402) keepLines(response, incoming.rawHeaders);
    if (isAgain) repeated.add(response);
    return response;
  };
}

/**
 * The fields of a request, with the length of its body. Node writes none for methods that seldom
 * have a body, such as DELETE: the server would read the body as the next request on a connection
 * that other agents share.
 */
function fieldsOf(
  { headers, method }: Request,
  body: Uint8Array | undefined,
): Record<string, string> {
  const fields = { "accept-encoding": "identity", ...Object.fromEntries(headers) };
  const {
    "transfer-encoding": _,
    "content-length": __,
    ...rest
  } = fields as Record<string, string>;
  const hasLength = body !== undefined || WITH_BODY.has(method);
  return hasLength ? { ...rest, "content-length": String(body?.length ?? 0) } : rest;
}

/** Methods whose requests say a length also if there is no body (RFC 9110 §8.6). */
const WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

const CLOSED: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE"]);
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** Whether a request may be sent twice without being asked for (RFC 9110 §9.2.2). */
const isRepeatable = ({ method, headers }: Request): boolean =>
  IDEMPOTENT.has(method) || headers.has("idempotency-key");

const BODILESS = new Set([204, 205, 304]);

/**
 * The response with its body decoded. One in an encoding that cannot be decoded here is returned as
 * it is, with the field that names it: it may have been paid for.
 */
async function responseOf(incoming: IncomingMessage, method: string): Promise<Response> {
  const headers = new Headers();
  const status = incoming.statusCode ?? 502;
  try {
    for (let at = 0; at < incoming.rawHeaders.length; at += 2)
      headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
    new Response(null, { status });
  } catch (cause) {
    incoming.destroy();
    throw new UnreadableAnswer("The answer has a status or a field that HTTP does not have.", {
      cause,
    });
  }
  const stream = builtin<typeof import("node:stream")>("node:stream");
  if (BODILESS.has(status) || method === "HEAD") {
    incoming.resume();
    return new Response(null, { status, headers });
  }
  let body: Readable | undefined;
  try {
    body = await decoded(incoming, headers.get("content-encoding"));
  } catch (error) {
    // The head has arrived, and so the answer has begun.
    return new Response(broken(error), { status, headers });
  }
  if (body !== undefined && body !== incoming) {
    headers.delete("content-encoding");
    headers.delete("content-length");
  }
  const read = body ?? incoming;
  // Node 20 makes no body of a stream that has ended.
  if (read.readableEnded) return new Response(null, { status, headers });
  const web = stream.Readable.toWeb(read);
  return new Response(web as ReadableStream<Uint8Array<ArrayBuffer>>, { status, headers });
}

const broken = (error: unknown): ReadableStream =>
  new ReadableStream({ start: (controller) => controller.error(error) });
