/** Notices that a client leaves before anything of its upgraded connection is read. */
import type { Duplex } from "node:stream";

/** The client left before its WebSocket was open. */
export class ClientLeft extends Error {
  override readonly name = "ClientLeft";

  constructor() {
    super("the client left");
  }
}

export class Leaving {
  readonly #socket: Duplex;
  readonly #left = new AbortController();

  /** Until `stop`, nothing else may read from the socket. */
  constructor(socket: Duplex) {
    this.#socket = socket;
    // Unread, a connection does not show its end. What the client sends meanwhile stays in the
    // socket's buffer, which is bounded.
    socket.on("readable", this.#peek).on("end", this.#leave).on("close", this.#leave);
    if (socket.destroyed || socket.readableEnded) this.#leave();
  }

  /** Aborts when the client has left. */
  get signal(): AbortSignal {
    return this.#left.signal;
  }

  stop(): void {
    this.#socket.off("readable", this.#peek).off("end", this.#leave).off("close", this.#leave);
  }

  readonly #peek = (): void => {
    if (this.#socket.readableLength === 0) this.#socket.read();
  };

  readonly #leave = (): void => this.#left.abort(new ClientLeft());
}
