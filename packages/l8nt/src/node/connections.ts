/** What strangers may make of a server's connections: how many, and how much at one time. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Requests that wait on a connection for the answer to the one before them. */
const MAX_PIPELINED = 16;
/** Connections that are accepted beyond the most, for the moment until another one is closed. */
const SPARE_CONNECTIONS = 16;
/** How long requests are begun in one turn of the event loop, which others have to wait for. */
const TURN_MS = 10;

/**
 * Connections that send nothing, or half a head, or do not read their answer, must not keep others
 * out. So half of them are for connections with a request under way, and the one that has waited
 * longest is closed for a new one, or one that does not read; if there is none, the new one.
 */
export function boundConnections(server: Server, most: number): void {
  server.maxConnections = most + SPARE_CONNECTIONS;
  /** Without a request under way, the oldest first. */
  const waiting = new Set<Socket>();
  /** With requests under way, and how many: the oldest first. */
  const underWay = new Map<Socket, number>();
  server.on("connection", (socket: Socket) => {
    const isFull = waiting.size + underWay.size >= most;
    waiting.add(socket);
    socket.once("close", () => {
      waiting.delete(socket);
      underWay.delete(socket);
    });
    if (!isFull && waiting.size <= most / 2) return;
    const [oldest = socket] = waiting;
    const last = oldest === socket ? (unread(underWay.keys()) ?? socket) : oldest;
    waiting.delete(last);
    underWay.delete(last);
    last.destroy();
  });
  server.on("request", ({ socket }: IncomingMessage, outgoing: ServerResponse) => {
    waiting.delete(socket);
    underWay.set(socket, (underWay.get(socket) ?? 0) + 1);
    outgoing.once("close", () => {
      if (socket.destroyed) return;
      const left = underWay.get(socket)! - 1;
      if (left > 0) return void underWay.set(socket, left);
      underWay.delete(socket);
      waiting.add(socket);
    });
  });
}

/** The first of these sockets whose client has not read what was written to it. */
function unread(sockets: Iterable<Socket>): Socket | undefined {
  for (const socket of sockets) if (socket.writableNeedDrain) return socket;
  return undefined;
}

/**
 * A listener whose requests begin in turn: on each connection one after another, because a client
 * that pipelines requests and reads no answer would fill the memory with answers; and in all for a
 * few milliseconds before the event loop goes on, so that other servers of this process are not
 * kept waiting by many connections.
 */
export function inTurn(listen: RequestListener): RequestListener {
  const queue = new Queue();
  /** Of connections with a request under way: the requests behind it. */
  const behind = new WeakMap<Socket, Begin[]>();
  const begin = (socket: Socket, start: Begin): void => {
    queue.add(() => {
      if (!socket.destroyed) start();
    });
  };
  return (incoming, outgoing) => {
    const { socket } = incoming;
    const start = () => {
      outgoing.once("close", () => {
        const next = behind.get(socket)?.shift();
        if (next === undefined) behind.delete(socket);
        else begin(socket, next);
      });
      listen(incoming, outgoing);
    };
    const line = behind.get(socket);
    if (line === undefined) {
      behind.set(socket, []);
      begin(socket, start);
    } else if (line.length < MAX_PIPELINED) line.push(start);
    else socket.destroy();
  };
}

type Begin = () => void;

/** Begins work at once, until it has taken long enough in this turn; the rest begins later. */
class Queue {
  readonly #rest: Begin[] = [];
  #isRunning = false;
  #turnEnds: number | undefined;

  add(begin: Begin): void {
    this.#rest.push(begin);
    if (!this.#isRunning) this.#run();
  }

  #run(): void {
    this.#turnEnds ??= this.#turn();
    this.#isRunning = true;
    while (this.#rest.length > 0 && performance.now() < this.#turnEnds) this.#rest.shift()!();
    this.#isRunning = false;
  }

  #turn(): number {
    setImmediate(() => {
      this.#turnEnds = undefined;
      if (this.#rest.length > 0) this.#run();
    });
    return performance.now() + TURN_MS;
  }
}
