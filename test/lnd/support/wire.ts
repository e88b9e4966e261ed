/**
 * A TCP connection to a node that can be cut: refused, or broken off once what was asked has been
 * done.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class Wire {
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #lose: (() => Promise<void>) | undefined;

  constructor(to: number) {
    this.#to = to;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    this.#server = createServer((near) => this.#join(near)).listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    server?.close();
    if (server !== undefined) await once(server, "close");
  }

  /**
   * The next request is passed on; what answers it is not, and the connection breaks off once it is
   * `done`.
   */
  loseNextAnswer(done: () => Promise<void>): void {
    this.#lose = done;
  }

  #join(near: Socket): void {
    const far = connect(this.#to, "127.0.0.1");
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    let isHeld = false;
    near.on("data", (bytes) => {
      far.write(bytes);
      const done = this.#lose;
      // TLS: a connection begins with a handshake record; what comes after it brings the request,
      // at once or soon.
      if (done === undefined || bytes[0] === 0x16) return;
      this.#lose = undefined;
      isHeld = true;
      void done().finally(() => near.destroy());
    });
    far.on("data", (bytes) => {
      if (!isHeld) near.write(bytes);
    });
  }
}
