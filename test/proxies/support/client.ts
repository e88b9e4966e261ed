/** Clients that choose every byte: HTTP/1.1 over TLS, and HTTP/2. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

export type Fields = readonly (readonly [name: string, value: string])[];

export interface Asked {
  readonly method?: string;
  readonly target?: string;
  /** Sent in order, with duplicates, after `Host`. */
  readonly fields?: Fields;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly fields: Fields;
  readonly body: string;
  /** The values of every line of a field. */
  lines(name: string): readonly string[];
}

/** The head as it is sent. */
export function headOf({ method = "GET", target = "/", fields = [], body }: Asked): string {
  const sent: Fields = [
    ["Host", "api.example"],
    ...fields,
    ...(body === undefined ? [] : ([["Content-Length", String(Buffer.byteLength(body))]] as const)),
  ];
  return `${method} ${target} HTTP/1.1\r\n${sent.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/** One connection to the proxy, over which requests go one after the other. */
export class Connection {
  readonly socket: TLSSocket;
  readonly #parts: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(port: number) {
    this.socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    this.socket.on("error", () => {});
    this.#parts = this.socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async ask(asked: Asked): Promise<Answer> {
    this.socket.write(headOf(asked) + (asked.body ?? ""), "latin1");
    return this.answer(asked.method);
  }

  /** Reads an answer, an interim one left out. */
  async answer(method = "GET"): Promise<Answer> {
    const text = (await this.#until("\r\n\r\n")).toString("latin1");
    const [line = "", ...rest] = text.split("\r\n");
    const status = Number(line.split(" ")[1]);
    if (status === 100) return this.answer(method);
    const fields = rest.map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    });
    const lines = (name: string) => fields.flatMap(([one, value]) => (one === name ? [value] : []));
    const isBodiless = method === "HEAD" || status === 101 || status === 204;
    const body = isBodiless ? "" : await this.#body(lines);
    return { status, fields, body, lines };
  }

  async some(length: number): Promise<string> {
    while (this.#held.length < length && (await this.#more()));
    return this.#take(length).toString("latin1");
  }

  /** Sends a body no faster than it is taken. Resolves with what was taken until it ended. */
  async upload(length: number): Promise<number> {
    const part = Buffer.alloc(64 * 1024);
    let sent = 0;
    while (sent < length && this.socket.writable) {
      sent += part.length;
      if (!this.socket.write(part))
        await Promise.race([once(this.socket, "drain"), once(this.socket, "close")]).catch(
          () => {},
        );
    }
    return sent;
  }

  end(): void {
    this.socket.destroy();
  }

  async #body(lines: (name: string) => readonly string[]): Promise<string> {
    const [length] = lines("content-length");
    if (length !== undefined) return this.some(Number(length));
    if (lines("transfer-encoding").length === 0) {
      while (await this.#more());
      return this.#take(this.#held.length).toString("latin1");
    }
    let body = "";
    for (;;) {
      const size = Number.parseInt((await this.#until("\r\n")).toString("latin1"), 16);
      body += (await this.some(size + 2)).slice(0, size);
      if (size === 0) return body;
    }
  }

  async #until(end: string): Promise<Buffer> {
    for (;;) {
      const at = this.#held.indexOf(end);
      if (at >= 0) return this.#take(at + end.length).subarray(0, at);
      if (!(await this.#more())) throw new Error("the proxy closed the connection");
    }
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#parts.next();
    if (!done) this.#held = Buffer.concat([this.#held, value]);
    return !done;
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }
}

/** One request on a connection of its own. */
export async function ask(port: number, asked: Asked): Promise<Answer> {
  const connection = new Connection(port);
  try {
    return await connection.ask(asked);
  } finally {
    connection.end();
  }
}

/** Requests at once on one connection of HTTP/2. */
export async function askHttp2(port: number, all: readonly Asked[]): Promise<readonly number[]> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  try {
    return await Promise.all(
      all.map(async ({ method = "GET", target = "/", fields = [], body }) => {
        const stream = session.request({
          ":method": method,
          ":path": target,
          ...Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value])),
        });
        stream.end(body);
        const [head] = (await once(stream, "response")) as [Record<string, unknown>];
        stream.resume();
        await once(stream, "end");
        return Number(head[":status"]);
      }),
    );
  } finally {
    session.close();
  }
}

/**
 * Takes TLS off, for clients of plain HTTP that would not trust the certificate of a test. It
 * passes on every byte as it is.
 */
export async function openPlain(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const there = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    for (const one of [socket, there]) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        socket.destroy();
        there.destroy();
      });
    }
    socket.pipe(there).pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/**
 * Resolves once a proxy serves what it is to serve: some listen before they have read all of their
 * configuration. @throws Error once `isOver` says that it never will
 */
export async function answering(port: number, isOver: () => string | undefined): Promise<void> {
  for (;;) {
    const answer = await ask(port, { target: "/.well-known/l402" }).catch(() => undefined);
    if (answer?.status === 200) return;
    const over = isOver();
    if (over !== undefined) throw new Error(over);
    await new Promise((turn) => setTimeout(turn, 20));
  }
}
