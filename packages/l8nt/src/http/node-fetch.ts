/** A `fetch` over Node's `http` and `https`, with options for addresses and certificates. */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { builtin } from "./builtin.ts";
import { decoded } from "./content-encoding.ts";
import { UnreadableAnswer } from "./ending.ts";
import { keepLines } from "./field-lines.ts";
import { readableSource } from "./readable-source.ts";
import { noteRepeated } from "./repeated.ts";
import { type Body, bodyToSend } from "./request-body.ts";
import { aborted, Sockets, type SocketsOptions } from "./sockets.ts";
import { streamOf } from "./source.ts";

// A Request that is garbage-collected no longer feeds its signal, and would never time out.
const underWay = new Set<Request>();

/** Redirects are not followed. Connections are kept for the next request, in a pool of its own. */
export function nodeFetch(options: SocketsOptions): typeof fetch {
  const sockets = new Sockets(options);
  return async (input, init) => {
    const outbound = await outboundOf(input, init);
    const { url, method, headers, body, signal } = outbound;
    const isPlain = url.protocol === "http:";
    const fields = fieldsOf(headers, method, body);
    const isWhole = "bytes" in body;
    const mayRepeat = isWhole && (IDEMPOTENT.has(method) || headers.has("idempotency-key"));
    const ask = async (anew: boolean): Promise<Exchange> => {
      const release = await sockets.take(url.origin, signal);
      const { agent, options: how } = sockets.route(isPlain, anew, signal);
      return sent({ ...outbound, isPlain, fields, how: { ...how, agent }, release });
    };
    let isAgain = false;
    let exchange: Exchange;
    try {
      // A body that cannot be sent again does not meet a connection that may be closed already.
      // Neither does a request over a Unix socket: a new connection costs next to nothing there.
      exchange = await ask(!isWhole || options.socketPath !== undefined);
    } catch (error) {
      if (!(error instanceof ClosedWhileIdle)) throw error;
      if (!mayRepeat) throw error.cause;
      isAgain = true;
      // Another kept connection may be closed as well.
      exchange = await ask(true);
    }
    const response = await responseOf(exchange, method);
    if (response.status === 402) keepLines(response, exchange.incoming.rawHeaders);
    if (isAgain) noteRepeated(response);
    return response;
  };
}

interface Outbound {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Body;
  readonly signal: AbortSignal | undefined;
  /** Feeds the signal, and so must live as long. */
  readonly request?: Request;
}

const NO_BODY: Body = { bytes: undefined };

async function outboundOf(input: string | URL | Request, init?: RequestInit): Promise<Outbound> {
  const { body, signal } = init ?? {};
  const bytes = bytesOf(body);
  const method = (init?.method ?? "GET").toUpperCase();
  const isUsual = USUAL.has(method) && (bytes === undefined || WITH_BODY.has(method));
  if (!(input instanceof Request) && isUsual && bytes !== STREAM) {
    const url = new URL(input);
    // `Request` has the error that `fetch` throws.
    if (url.username !== "" || url.password !== "") new Request(url);
    const headers = new Headers(init?.headers);
    if (typeof body === "string" && !headers.has("content-type"))
      headers.set("content-type", "text/plain;charset=UTF-8");
    return { url, method, headers, body: { bytes }, signal: signal ?? undefined };
  }
  const request = new Request(input, { duplex: "half", ...init } as RequestInit);
  const { url, headers } = request;
  const read = request.body === null ? NO_BODY : await bodyToSend(request.body);
  const isSized = body instanceof Blob && "parts" in read;
  return {
    url: new URL(url),
    method: request.method,
    headers,
    body: isSized ? { ...read, length: body.size } : read,
    signal: request.signal,
    request,
  };
}

const STREAM = Symbol("a body that has to be read");

/** The bytes of a body, if it is one that has them. */
function bytesOf(body: BodyInit | null | undefined): Uint8Array | undefined | typeof STREAM {
  if (body === undefined || body === null) return undefined;
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  return STREAM;
}

/** Methods that `fetch` takes in any case. A `Request` is made for the others. */
const USUAL: ReadonlySet<string> = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);

/**
 * The fields of a request, with the length of its body. Node writes none for methods that seldom
 * have a body, such as DELETE: the server would read the body as the next request on a connection
 * that other agents share.
 */
function fieldsOf(headers: Headers, method: string, body: Body): Record<string, string> {
  const fields: Record<string, string> = { "accept-encoding": "identity" };
  for (const [name, value] of headers) fields[name] = value;
  delete fields["transfer-encoding"];
  delete fields["content-length"];
  const length = "bytes" in body ? body.bytes?.length : body.length;
  if (length !== undefined) fields["content-length"] = String(length);
  else if ("parts" in body) fields["transfer-encoding"] = "chunked";
  else if (WITH_BODY.has(method)) fields["content-length"] = "0";
  return fields;
}

/** Methods whose requests say a length also if there is no body (RFC 9110 §8.6). */
const WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

const CLOSED: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE"]);
/** Methods that may be sent twice without being asked for (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** A kept connection was closed, and no answer to this request has come over it. */
class ClosedWhileIdle extends Error {}

/** Answers before the answer, such as 103. More of them are a flood. */
const MAX_INFORMATION = 32;

interface Exchange {
  readonly incoming: IncomingMessage;
  /** The answer is whole: an abort must not end a connection that is another request's by then. */
  readonly leave: () => void;
}

interface Sending extends Outbound {
  readonly isPlain: boolean;
  readonly fields: Record<string, string>;
  readonly how: import("node:https").RequestOptions;
  /** Gives the place of the socket to the next request. */
  readonly release: () => void;
}

/** Sends a request, and waits for the head of its answer. */
function sent(sending: Sending): Promise<Exchange> {
  const { url, method, fields, body, signal, request, isPlain, how, release } = sending;
  const http = builtin<typeof import("node:http")>("node:http");
  const https = builtin<typeof import("node:https")>("node:https");
  return new Promise((resolve, reject) => {
    let incoming: IncomingMessage | undefined;
    let outgoing: ClientRequest;
    try {
      // While it waited for its socket.
      if (signal?.aborted) throw aborted();
      const options = { ...how, method, headers: fields };
      outgoing = (isPlain ? http : https).request(url, options);
    } catch (error) {
      release();
      return reject(error);
    }
    const abort = () => {
      const error = aborted();
      reject(error);
      incoming?.destroy(error);
      outgoing.destroy(error);
    };
    const leave = () => signal?.removeEventListener("abort", abort);
    signal?.addEventListener("abort", abort, { once: true });
    if (request !== undefined) underWay.add(request);
    outgoing.once("close", () => {
      release();
      leave();
      if ("parts" in body) body.cancel();
      if (request !== undefined) underWay.delete(request);
    });
    outgoing.once("response", (response) => {
      incoming = response;
      resolve({ incoming, leave });
    });
    // Without a listener, the request would neither succeed nor fail.
    outgoing.once("upgrade", (_, socket) => {
      socket.destroy();
      reject(new UnreadableAnswer("The server switched to another protocol."));
    });
    let information = 0;
    outgoing.on("information", () => {
      if (++information > MAX_INFORMATION)
        outgoing.destroy(new UnreadableAnswer("The server does not come to its answer."));
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      // After the head, the body tells of an error: the request was served, and is not sent again.
      if (incoming !== undefined) return;
      // The other end closed an idle connection while this request was on its way to it.
      const wasIdle = outgoing.reusedSocket && CLOSED.has(error.code);
      reject(wasIdle ? new ClosedWhileIdle("closed while idle", { cause: error }) : error);
    });
    if ("bytes" in body) return void outgoing.end(body.bytes);
    const { Readable, pipeline } = builtin<typeof import("node:stream")>("node:stream");
    pipeline(Readable.from(body.parts, { objectMode: false }), outgoing, (error) => {
      if (error && incoming === undefined) reject(error);
    });
  });
}

const BODILESS = new Set([204, 304]);

/**
 * The response with its body decoded. One in an encoding that cannot be decoded here is returned as
 * it is, with the field that names it: it may have been paid for.
 */
async function responseOf({ incoming, leave }: Exchange, method: string): Promise<Response> {
  const headers = new Headers();
  const status = incoming.statusCode ?? 502;
  try {
    for (let at = 0; at < incoming.rawHeaders.length; at += 2)
      headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
    if (status < 200 || status > 599) throw new RangeError("the status is not one of HTTP");
  } catch (cause) {
    incoming.destroy();
    throw new UnreadableAnswer("The answer has a status or a field that HTTP does not have.", {
      cause,
    });
  }
  if (BODILESS.has(status) || method === "HEAD") {
    leave();
    incoming.resume();
    return new Response(null, { status, headers });
  }
  // It has no content (RFC 9110 §15.3.6), but a server may send some, without an end.
  if (status === 205) {
    if (headers.get("content-length") === "0") incoming.resume();
    else incoming.destroy();
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
  const known =
    read === incoming
      ? { length: lengthIn(headers), isComplete: () => incoming.complete }
      : undefined;
  return new Response(streamOf(readableSource(read, known)), { status, headers });
}

/** The parser ends the body there, and breaks it if the connection is closed before. */
function lengthIn(headers: Headers): number | undefined {
  const field = headers.get("content-length") ?? "";
  return /^[0-9]{1,15}$/.test(field) && !headers.has("transfer-encoding")
    ? Number(field)
    : undefined;
}

const broken = (error: unknown): ReadableStream =>
  new ReadableStream({ start: (controller) => controller.error(error) });
