/**
 * A proxy between a store and Postgres that can break a connection before or after a batch's
 * commit.
 */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { PASSWORD } from "./server.ts";

/** `before`: the batch never arrives. `after`: it is committed, and its answer never arrives. */
export type Cut = "before" | "after";

export class Wire {
  readonly #socketPath: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut: Cut | undefined;
  #onCut = () => {};
  #gate: Promise<void> = Promise.resolve();
  url = "";

  private constructor(directUrl: string) {
    this.#socketPath = join(
      new URLSearchParams(directUrl.split("?")[1]).get("host")!,
      ".s.PGSQL.5432",
    );
    this.#server = createServer((client) => void this.#join(client));
  }

  static async open(directUrl: string): Promise<Wire> {
    const wire = new Wire(directUrl);
    await new Promise<void>((done) => wire.#server.listen(0, "127.0.0.1", done));
    const { port } = wire.#server.address() as { port: number };
    const name = new URLSearchParams(directUrl.split("?")[1]).get("application_name");
    wire.url = `postgres://sigil:${PASSWORD}@127.0.0.1:${port}/postgres?application_name=${name}`;
    return wire;
  }

  /**
   * Breaks the connection of the next batch. Resolves when it is broken; new connections wait until
   * `gate` resolves.
   */
  cutNext(cut: Cut, gate: Promise<void> = Promise.resolve()): Promise<void> {
    this.#cut = cut;
    return new Promise((done) => {
      this.#onCut = () => {
        this.#cut = undefined;
        this.#gate = gate;
        done();
      };
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  async #join(client: Socket): Promise<void> {
    client.pause();
    client.on("error", () => {});
    this.#sockets.add(client);
    await this.#gate;
    const server = createConnection(this.#socketPath);
    server.on("error", () => {});
    this.#sockets.add(server);
    let isBatch = false;
    client.on("data", (chunk) => {
      isBatch ||= this.#cut !== undefined && chunk.includes("sigil_apply");
      if (isBatch && this.#cut === "before") {
        this.#onCut();
        client.destroy();
        server.destroy();
      } else server.write(chunk);
    });
    server.on("data", (chunk) => {
      // It answers a small batch in one piece, and only when it is committed.
      if (isBatch && this.#cut === "after") {
        this.#onCut();
        client.destroy();
        server.destroy();
      } else client.write(chunk);
    });
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    client.resume();
  }
}
