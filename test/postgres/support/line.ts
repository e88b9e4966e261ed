/** The way to Postgres, which can be cut, and can fall silent. */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { PASSWORD } from "./server.ts";

export class Line {
  readonly #socketPath: string;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  #state: "open" | "cut" | "silent" = "open";
  /** What waits while it is silent. */
  readonly #held: (() => void)[] = [];
  url = "";
  /** How often something went to the database after an answer of its. */
  ways = 0;

  private constructor(directUrl: string) {
    const host = new URLSearchParams(directUrl.split("?")[1]).get("host")!;
    this.#socketPath = join(host, ".s.PGSQL.5432");
    this.#server = createServer((client) => this.#join(client));
  }

  /** @param database of the server at `directUrl` */
  static async open(directUrl: string, database: string): Promise<Line> {
    const line = new Line(directUrl);
    await new Promise<void>((done) => line.#server.listen(0, "127.0.0.1", done));
    const { port } = line.#server.address() as { port: number };
    line.url = `postgres://sigil:${PASSWORD}@127.0.0.1:${port}/${database}`;
    return line;
  }

  /** Breaks every connection, and takes no new one. */
  cut(): void {
    this.#state = "cut";
    this.#breakAll();
  }

  /** Takes everything, and passes on nothing. */
  silence(): void {
    this.#state = "silent";
  }

  /** Passes on what it has held. */
  mend(): void {
    this.#state = "open";
    for (const pass of this.#held.splice(0)) pass();
  }

  async close(): Promise<void> {
    this.#state = "cut";
    this.#breakAll();
    await new Promise((done) => this.#server.close(done));
  }

  #breakAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  #pass(bytes: () => void): void {
    if (this.#state === "silent") this.#held.push(bytes);
    else bytes();
  }

  #join(client: Socket): void {
    if (this.#state === "cut") {
      client.destroy();
      return;
    }
    const server = createConnection(this.#socketPath);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    let isAnswered = true;
    client.on("data", () => {
      if (isAnswered) this.ways++;
      isAnswered = false;
    });
    server.on("data", () => {
      isAnswered = true;
    });
    for (const [from, to] of [pair, [server, client] as const]) {
      from.on("error", () => {});
      from.on("data", (bytes) => this.#pass(() => to.write(bytes)));
      from.on("close", () => {
        this.#pairs.delete(pair);
        this.#pass(() => to.destroy());
      });
    }
  }
}
