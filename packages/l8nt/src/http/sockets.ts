/** The sockets of one `fetch`: its own, bounded in number, judged before they are written to. */
import type { Agent, RequestOptions } from "node:http";
import type { LookupFunction, Socket } from "node:net";
import { AdapterError } from "../errors.ts";
import { builtin } from "./builtin.ts";
import { NotPublic } from "./public-address.ts";

export interface SocketsOptions {
  readonly lookup?: LookupFunction;
  /** The only certificates that are trusted, as PEM. */
  readonly ca?: string;
  /** A Unix socket to connect to, in place of the URL's host and port. */
  readonly socketPath?: string;
  /** Judges the address that was connected to. Without it, every address may be. */
  readonly isAllowed?: (address: string) => boolean;
  /** The URL of a proxy that all requests are sent through. It looks names up. */
  readonly proxy?: string;
  /** Sockets in all, with those that wait for the next request. @default no limit */
  readonly maxSockets?: number;
}

/** How one request is sent. */
export interface Route {
  readonly agent: Agent;
  readonly options: RequestOptions;
}

/** An address that takes no connection is given up for the next one of its name after this. */
const ATTEMPT_MS = 1000;
const IDLE_MS = 4000;
const MAX_IDLE_PER_ORIGIN = 16;
/** One origin has at most this part of all sockets; one agent has half of a treasury's orders. */
const SHARE_OF_ORIGIN = 3 / 4;
/** Requests that may wait for a socket, for each socket. */
const WAITING_PER_SOCKET = 4;

interface Waiting {
  readonly origin: string;
  readonly go: () => void;
}

/** Passes an abort on to a connection that is being made. */
interface Connecting extends RequestOptions {
  readonly ended?: AbortSignal;
}

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #kept: ByProtocol;
  readonly #anew: ByProtocol;
  readonly #max: number;
  readonly #maxPerOrigin: number;
  /** Requests under way by origin. Each has one socket, or is about to. */
  readonly #underWay = new Map<string, number>();
  #count = 0;
  readonly #idle = new Set<Socket>();
  readonly #waiting = new Set<Waiting>();

  constructor(options: SocketsOptions) {
    const { maxSockets = Number.POSITIVE_INFINITY, proxy } = options;
    if (proxy !== undefined) checkProxy(proxy);
    this.#options = options;
    this.#max = maxSockets;
    this.#maxPerOrigin = Math.max(1, Math.floor(maxSockets * SHARE_OF_ORIGIN));
    this.#kept = this.#agents(true);
    this.#anew = this.#agents(false);
  }

  /**
   * Waits until a request to this origin may have a socket, and returns what ends that.
   *
   * @throws DOMException `AbortError`
   * @throws AdapterError `ERR_SERVICE_UNREACHABLE` if too many wait already
   */
  async take(origin: string, ended: AbortSignal | undefined): Promise<() => void> {
    if (ended?.aborted) throw aborted();
    if (!this.#hasRoom(origin)) {
      if (this.#waiting.size >= this.#max * WAITING_PER_SOCKET)
        throw new AdapterError(
          "ERR_SERVICE_UNREACHABLE",
          "Too many requests wait for a connection already. Try again later.",
        );
      await this.#turn(origin, ended);
    } else this.#begin(origin);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#end(origin);
    };
  }

  /** @param anew whether a kept connection will not do */
  route(isPlain: boolean, anew: boolean, ended: AbortSignal | undefined): Route {
    const { lookup, socketPath } = this.#options;
    const agents = anew ? this.#anew : this.#kept;
    const options: Connecting = {
      ...(lookup !== undefined && { lookup }),
      ...(socketPath !== undefined && { socketPath }),
      ...(ended !== undefined && { ended }),
    };
    return { agent: isPlain ? agents.http : agents.https, options };
  }

  #hasRoom(origin: string): boolean {
    return this.#count < this.#max && (this.#underWay.get(origin) ?? 0) < this.#maxPerOrigin;
  }

  #begin(origin: string): void {
    this.#count++;
    this.#underWay.set(origin, (this.#underWay.get(origin) ?? 0) + 1);
    this.#makeRoom();
  }

  #end(origin: string): void {
    this.#count--;
    const left = this.#underWay.get(origin)! - 1;
    if (left === 0) this.#underWay.delete(origin);
    else this.#underWay.set(origin, left);
    for (const next of this.#waiting) {
      if (this.#count >= this.#max) return;
      if (this.#hasRoom(next.origin)) next.go();
    }
  }

  #turn(origin: string, ended: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(waiting);
        ended?.removeEventListener("abort", cancel);
      };
      const cancel = () => {
        leave();
        reject(aborted());
      };
      const waiting: Waiting = {
        origin,
        go: () => {
          leave();
          this.#begin(origin);
          resolve();
        },
      };
      this.#waiting.add(waiting);
      ended?.addEventListener("abort", cancel);
    });
  }

  #agents(keepAlive: boolean): ByProtocol {
    const { ca, proxy, isAllowed } = this.#options;
    const http = builtin<typeof import("node:http")>("node:http");
    const https = builtin<typeof import("node:https")>("node:https");
    const options = {
      keepAlive,
      maxFreeSockets: MAX_IDLE_PER_ORIGIN,
      timeout: IDLE_MS,
      scheduling: "lifo" as const,
      autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
      ...(proxy !== undefined && { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
    };
    const agents = {
      http: new http.Agent(options),
      https: new https.Agent({ ...options, ...(ca !== undefined && { ca }) }),
    };
    for (const agent of Object.values(agents)) {
      // What a proxy connects to is not known here.
      if (proxy === undefined) judgeConnections(agent, isAllowed ?? (() => true));
      this.#watchIdle(agent);
    }
    return agents;
  }

  /** Knows the sockets that wait for a request, and ends one that is sent anything meanwhile. */
  #watchIdle(agent: Agent): void {
    const reuse = agent.reuseSocket;
    const idle = this.#idle;
    const known = new WeakSet<Socket>();
    function arrived(this: Socket) {
      if (idle.has(this)) this.destroy();
    }
    function gone(this: Socket) {
      idle.delete(this);
    }
    agent.on("free", (socket: Socket) => {
      if (socket.destroyed) return;
      // Once for all requests: a socket without a listener would be paused in between.
      if (!known.has(socket)) socket.on("data", arrived).once("close", gone);
      known.add(socket);
      idle.add(socket);
      this.#makeRoom();
    });
    agent.reuseSocket = (socket, request) => {
      idle.delete(socket as Socket);
      reuse.call(agent, socket, request);
    };
  }

  #makeRoom(): void {
    const [oldest] = this.#idle;
    if (this.#count + this.#idle.size > this.#max) oldest?.destroy();
  }
}

interface ByProtocol {
  readonly http: Agent;
  readonly https: Agent;
}

/**
 * Hands a connection over only when it is made, and only if its address is allowed, whatever
 * resolved the name. Before that, not a byte of a request is written, nor one of TLS.
 */
function judgeConnections(agent: Agent, isAllowed: (address: string) => boolean): void {
  const connect = agent.createConnection as (options: RequestOptions) => Socket;
  const judged = (
    options: Connecting,
    done: (error: Error | null, socket?: Socket) => void,
  ): undefined => {
    const socket = connect.call(agent, options);
    const { ended } = options;
    const cancel = () => socket.destroy(aborted());
    const over = (error: Error | null) => {
      ended?.removeEventListener("abort", cancel);
      socket.off("error", over);
      done(error, ...(error === null ? [socket] : []));
    };
    ended?.addEventListener("abort", cancel, { once: true });
    // Stays, because an error may come before the request listens to it.
    socket.on("error", () => {});
    socket.once("error", over);
    // Before the listener by which TLS begins.
    socket.prependOnceListener("connect", () => {
      const { remoteAddress } = socket;
      // A Unix socket has no address.
      const isUnix = options.socketPath !== undefined && options.socketPath !== null;
      if (!isUnix && (remoteAddress === undefined || !isAllowed(remoteAddress)))
        socket.destroy(new NotPublic());
    });
    const isSecure = "encrypted" in socket;
    socket.once(isSecure ? "secureConnect" : "connect", () => {
      if (!socket.destroyed) over(null);
    });
    return undefined;
  };
  Object.assign(agent, { createConnection: judged });
}

/** The error of a request that its caller ended. */
export const aborted = (): DOMException =>
  new DOMException("This operation was aborted", "AbortError");

/** From these on, an agent of Node sends requests through a proxy. */
const WITH_PROXY: Readonly<Record<number, number>> = { 22: 21, 24: 5 };

/** @throws TypeError for what cannot be a proxy, or cannot be used here */
function checkProxy(proxy: string): void {
  const url = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== "/")
    throw new TypeError("proxy must be the http or https URL of a proxy, without a path.");
  const [major, minor] = (process.versions.node ?? "0.0").split(".").map(Number);
  const isKnown = major! > 24 || (WITH_PROXY[major!] ?? Number.POSITIVE_INFINITY) <= minor!;
  // An older agent would ignore the proxy, and connect by itself.
  if (!isKnown || "Bun" in globalThis || "Deno" in globalThis)
    throw new TypeError("proxy needs Node 24.5 or newer, or 22.21.");
}
