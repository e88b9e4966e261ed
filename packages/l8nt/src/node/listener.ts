/** A Web-standard handler on `node:http`: `Request` in, `Response` out, both bodies streamed. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { readableSource } from "../http/readable-source.ts";
import { type Source, streamOf } from "../http/source.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { guardOf, leaveGuard } from "../service/guard.ts";
import { boundConnections, inTurn } from "./connections.ts";
import { holdContinue } from "./continue.ts";
import { hasSeveralHosts, headersOf, targetOf } from "./facts.ts";
import { hasBody } from "./peek.ts";
import { problem, writeFailure, writeResponse } from "./response.ts";
import { closeUnread } from "./unread.ts";

/** The client of a request, by its socket. */
export interface Peer {
  readonly address: string | undefined;
}

/** A Web-standard handler of requests. */
export type Handler = (request: Request, client: Peer) => Response | Promise<Response>;

/** Options of {@link listener}. */
export interface ListenerOptions {
  /** The origin of the URLs that the handler sees. A `Host` header never is. */
  readonly origin?: string;
}

const LISTENER = { origin: true } satisfies Keys<ListenerOptions>;

/**
 * A listener for `node:http` from a handler. A handler that throws answers 500 without the reason;
 * a client that hangs up aborts `request.signal`.
 *
 * @example
 * const handler = (request: Request) => Response.json({ path: new URL(request.url).pathname });
 * createServer(listener(handler)).listen(8080);
 */
export function listener(handler: Handler, options: ListenerOptions = {}): RequestListener {
  checkKeys(options, LISTENER, "a listener");
  const { origin = "http://localhost" } = options;
  return (incoming, outgoing) => {
    void answer(incoming, outgoing, origin, handler);
  };
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  origin: string,
  handler: Handler,
): Promise<void> {
  const signal = goneSignal(outgoing);
  const request = requestOf(incoming, origin, { signal });
  if (request === undefined) return writeResponse(outgoing, problem(400, "Bad request"));
  try {
    const response = await handler(request, { address: incoming.socket.remoteAddress });
    if (response.status >= 400 && !incoming.readableDidRead) closeUnread(outgoing);
    await writeResponse(outgoing, response);
  } catch (error) {
    // After the client has gone, an abort is no fault and needs no answer.
    if (!signal.aborted) await writeFailure(outgoing, error);
  }
}

/** Aborts when a client hangs up. */
export function goneSignal(outgoing: ServerResponse): AbortSignal {
  const abort = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) abort.abort();
  });
  return abort.signal;
}

interface RequestOptions {
  readonly signal?: AbortSignal;
  /** Instead of the stream, if it was read already. */
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * The request with its body. Undefined for a target that `URL` would read as another path (dot
 * segments, backslashes) or that names a host: a router that reads the URL and a paywall that reads
 * the raw target would see two requests; and for a request with two `Host` fields. [case 30]
 */
export function requestOf(
  incoming: IncomingMessage,
  origin: string,
  { signal, body }: RequestOptions = {},
): Request | undefined {
  const { method = "" } = incoming;
  const target = targetOf(incoming);
  const url = origin + target;
  const isBodiless = method === "GET" || method === "HEAD";
  // Two parties on the way may believe different ones (RFC 9112 §3.2).
  if (hasSeveralHosts(incoming.rawHeaders)) return undefined;
  const content = isBodiless ? null : (body ?? bodyOf(incoming));
  try {
    const request = new Request(url, {
      method,
      headers: headersOf(incoming.rawHeaders),
      body: content,
      duplex: "half",
      ...(signal !== undefined && { signal }),
    } as RequestInit);
    leaveGuard(request, guardOf(incoming));
    return target.startsWith("/") &&
      !target.includes("#") &&
      (request.url === url || samePath(request.url, target))
      ? request
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads nothing until it is read: a body that nobody asks for is not asked of the client, and its
 * connection is not ended if that is cancelled.
 */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> | null {
  if (!hasBody(incoming)) return null;
  // Over HTTP/2, a request that was aborted counts as complete.
  const isComplete = () => incoming.httpVersionMajor === 1 && incoming.complete;
  let source: Source | undefined;
  const begun = (): Source => {
    source ??= readableSource(incoming, { isComplete });
    return source;
  };
  return streamOf({ read: () => begun().read(), cancel: () => source?.cancel() });
}

/** `URL` may rewrite a query, which does not change the path. */
const samePath = (url: string, target: string): boolean =>
  new URL(url).pathname === target.split("?", 1)[0];

/** Options of {@link serve}. */
export interface ServeOptions {
  /** @default 0, which chooses a free port */
  readonly port?: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** Listens on a Unix socket at this path instead, for this user alone. */
  readonly socket?: string;
  /**
   * The origin of the URLs that the handler sees, behind a proxy or on a Unix socket.
   *
   * @default the address that it listens at
   */
  readonly origin?: string;
  /**
   * Connections at one time. If there are as many, the one that has waited longest without a
   * request is closed for a new one.
   *
   * @default 10000
   */
  readonly maxConnections?: number;
}

const SERVE = {
  port: true,
  host: true,
  socket: true,
  origin: true,
  maxConnections: true,
} satisfies Keys<ServeOptions>;

/** A running server. */
export interface Served {
  /** The origin that it listens at: `http://127.0.0.1:8402`. */
  readonly url: string;
  /** Accepts no more requests, and waits up to 5 s for those being answered. */
  close(): Promise<void>;
}

/** Slow and idle clients are disconnected, and headers are capped. [case 115] */
const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 5_000,
  insecureHTTPParser: false,
} as const;
const MAX_CONNECTIONS = 10_000;
const GRACE_MS = 5_000;

/** The umask holds when the socket is made, so that it is never open to others. [case 101] */
function listenPrivately(server: Server, socket: string, done: () => void): void {
  const before = process.umask(0o177);
  try {
    server.listen(socket, done);
  } finally {
    process.umask(before);
  }
}

/**
 * Serves a handler until it is closed.
 *
 * @example
 * const { url, close } = await serve(() => new Response("hello"), { port: 8402 });
 */
export async function serve(handler: Handler, options: ServeOptions = {}): Promise<Served> {
  checkKeys(options, SERVE, "serve");
  const { port = 0, host = "127.0.0.1", socket, origin } = options;
  const { maxConnections = MAX_CONNECTIONS } = options;
  const server = createServer(LIMITS);
  holdContinue(server);
  boundConnections(server, maxConnections);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (socket === undefined) server.listen(port, host, resolve);
    else listenPrivately(server, socket, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  const url =
    socket === undefined
      ? `http://${host.includes(":") ? `[${host}]` : host}:${bound}`
      : `unix:${socket}`;
  server.on(
    "request",
    inTurn(
      listener(handler, { origin: origin ?? (socket === undefined ? url : "http://localhost") }),
    ),
  );
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
      }),
  };
}
