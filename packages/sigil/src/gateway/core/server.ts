/** Listens for agents: HTTP/1.1, and with a certificate HTTP/2 too, on one port. */
import { setMaxListeners } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse,
} from "node:http";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { holdContinue } from "l8nt/node";

export interface ListenOptions {
  /** @default 0, which chooses a free port */
  readonly port?: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** The path of a socket of Unix, instead of a port and a host. */
  readonly socket?: string;
  /** PEM. With it the gateway serves TLS, and HTTP/2 to clients that speak it. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** The connection of a request for a WebSocket. */
export interface Upgrade {
  readonly socket: Socket;
  /** What the client sent behind its request. */
  readonly head: Buffer;
  /** Aborts when the gateway stops. */
  readonly ending: AbortSignal;
}

export interface Listening {
  /**
   * From now on serves requests for a WebSocket as such, or not. If not, as it begins, they are
   * served as if they asked for none.
   */
  serveWebSockets(isServed: boolean): void;
  /** Serves new connections with another certificate. Only if it serves TLS. */
  serveCertificate(tls: NonNullable<ListenOptions["tls"]>): void;
  /** The origin that it listens at, or `unix:` and the path. */
  readonly url: string;
  /** Accepts no more requests, and waits for those that are served, at most `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** A key and its fields fit; a request that has not arrived after a minute is ended. */
const LIMITS = {
  maxHeaderSize: 32_768,
  headersTimeout: 15_000,
  requestTimeout: 300_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  insecureHTTPParser: false,
} as const;

export type Serve = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  upgrade?: Upgrade,
) => Promise<void>;

export const isWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === "GET" && headers.upgrade?.toLowerCase() === "websocket";

export async function listen(serve: Serve, options: ListenOptions = {}): Promise<Listening> {
  const { port = 0, host = "127.0.0.1", socket: path, tls } = options;
  // Other protocols are not offered, so a request that asks for one is served without.
  const shouldUpgradeCallback = (incoming: IncomingMessage): boolean =>
    server.listenerCount("upgrade") > 0 && isWebSocket(incoming);
  const limits = { ...LIMITS, shouldUpgradeCallback };
  const latest = new WeakMap<Socket, ServerResponse>();
  const sessions = new Set<ServerHttp2Session>();
  let isClosing = false;
  const onRequest: RequestListener = (incoming, outgoing) => {
    const before = latest.get(incoming.socket);
    // Its connection closes after the answer before, behind which nothing is a request.
    if (before?.shouldKeepAlive === false) return;
    latest.set(incoming.socket, outgoing);
    // A connection that its client keeps open would hold up the end.
    outgoing.once("close", () => {
      if (isClosing) server.closeIdleConnections?.();
    });
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  };
  const server = (
    tls === undefined
      ? createServer(limits)
      : createSecureServer({ ...limits, ...tls, allowHTTP1: true })
  ) as Server;
  holdContinue(server);
  server.on("request", onRequest);
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const upgraded = new Set<Socket>();
  const onUpgrade = (incoming: IncomingMessage, socket: Socket, head: Buffer): void => {
    const before = latest.get(socket);
    socket.on("error", () => socket.destroy());
    // It is sent before the answer to another request, or behind one that ends the connection.
    if (before !== undefined && !(before.shouldKeepAlive && before.writableFinished)) {
      socket.destroy();
      return;
    }
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    const outgoing = new ServerResponse(incoming);
    outgoing.shouldKeepAlive = false;
    outgoing.assignSocket(socket);
    outgoing.once("finish", () => socket.destroySoon());
    serve(incoming, outgoing, { socket, head, ending: ending.signal }).catch(() =>
      socket.destroy(),
    );
  };
  // What is not HTTP as it is written may be read otherwise behind us: nothing more is read of it.
  server.on("clientError", (_error: Error, socket: Socket) => {
    const before = latest.get(socket);
    // What follows a request could be its body, so it gets no answer of its own.
    if (!socket.writable || before?.writableEnded === false) socket.destroy();
    else if (before !== undefined) socket.destroySoon();
    else socket.end(MALFORMED);
  });
  server.on("connect", (_incoming: IncomingMessage, socket: Socket) => socket.end(MALFORMED));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path === undefined ? { port, host } : { path }, resolve);
  });
  return {
    url: path === undefined ? originOf(server, host, tls !== undefined) : `unix:${path}`,
    serveWebSockets(isServed) {
      server.off("upgrade", onUpgrade);
      if (isServed) server.on("upgrade", onUpgrade);
    },
    serveCertificate: (given) => (server as unknown as TlsServer).setSecureContext(given),
    close: (graceMs) =>
      new Promise((resolve) => {
        const late = setTimeout(() => {
          server.closeAllConnections?.();
          for (const session of sessions) session.destroy();
          for (const socket of upgraded) socket.destroy();
        }, graceMs);
        isClosing = true;
        ending.abort();
        server.close(() => {
          clearTimeout(late);
          resolve();
        });
        server.closeIdleConnections?.();
        for (const session of sessions) session.close();
      }),
  };
}

function originOf(server: Server, host: string, isTls: boolean): string {
  const { port } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  return `${isTls ? "https" : "http"}://${name}:${port}`;
}

const MALFORMED = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
