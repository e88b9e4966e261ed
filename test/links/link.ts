/**
 * An HTTP proxy that breaks when it is told to: it stands before a treasury, and before the
 * Lightning network. Input 02.
 */
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  request as send,
} from "node:http";
import type { AddressInfo } from "node:net";

export interface Answer {
  readonly status: number;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

type Rule = (exchange: Exchange) => Promise<void>;

/** One request that arrived, and what the proxy does with it. */
export class Exchange {
  readonly method: string;
  readonly target: string;
  readonly body: Buffer;
  /** Whether it presents a credential. */
  readonly isPaid: boolean;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #upstream: string;
  #sent: ClientRequest | undefined;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer, upstream: string) {
    this.method = incoming.method ?? "";
    this.target = incoming.url ?? "";
    this.body = body;
    this.isPaid = incoming.headers.authorization !== undefined;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#upstream = upstream;
  }

  /**
   * Sends the request on. Undefined if the other side gave no whole answer.
   *
   * @param outlives whether it goes on although the client is gone, because its bytes have left
   */
  forward({ outlives = false } = {}): Promise<Answer | undefined> {
    const { method, target, body } = this;
    return new Promise((resolve) => {
      const sent = send(this.#upstream + target, {
        method,
        headers: this.#incoming.rawHeaders.length > 0 ? headersOf(this.#incoming) : {},
        agent: false,
      });
      this.#sent = sent;
      // An agent that hangs up is heard at the other side.
      this.#outgoing.once("close", () => {
        if (!outlives && !this.#outgoing.writableFinished) sent.destroy();
      });
      sent.once("error", () => resolve(undefined));
      sent.once("response", (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.once("error", () => resolve(undefined));
        response.once("close", () =>
          resolve(
            response.complete
              ? {
                  status: response.statusCode ?? 0,
                  rawHeaders: response.rawHeaders,
                  body: Buffer.concat(parts),
                }
              : undefined,
          ),
        );
      });
      sent.end(body);
    });
  }

  /** Resolves once the answer was given to the system. */
  pass({ status, rawHeaders, body }: Answer): Promise<void> {
    return this.#end(
      status,
      [...withoutFraming(rawHeaders), "content-length", `${body.length}`],
      body,
    );
  }

  /** Answers as a gateway does that gave up. The request that was sent on goes on. */
  reply(status: number): Promise<void> {
    const body = Buffer.from(`<html><h1>${status}</h1></html>`);
    return this.#end(
      status,
      ["content-type", "text/html", "content-length", `${body.length}`],
      body,
    );
  }

  #end(status: number, headers: string[], body: Buffer): Promise<void> {
    const outgoing = this.#outgoing;
    return new Promise((resolve) => {
      if (outgoing.destroyed) return resolve();
      outgoing.once("close", resolve);
      outgoing.writeHead(status, headers);
      outgoing.end(body, resolve);
    });
  }

  /**
   * Sends a part of the answer, up to the middle of its head, to the end of that, or to the middle
   * of the body, and closes the connection.
   *
   * @param by FIN, because a reset may take away what the other side has not read; the kernel of
   * the other side keeps what came before a reset over loopback
   */
  cut(
    { status, rawHeaders, body }: Answer,
    where: "head" | "after the head" | "body",
    by: "FIN" | "RST" = "FIN",
  ): Promise<void> {
    const head = [
      `HTTP/1.1 ${status} OK`,
      ...pairs([...withoutFraming(rawHeaders), "content-length", `${body.length}`]),
      "",
      "",
    ].join("\r\n");
    const part =
      where === "head"
        ? head.slice(0, head.length / 2)
        : Buffer.concat([
            Buffer.from(head, "latin1"),
            body.subarray(0, where === "body" ? body.length / 2 : 0),
          ]);
    const { socket } = this.#incoming;
    return new Promise((resolve) => {
      if (socket.destroyed) return resolve();
      if (by === "FIN") return void socket.end(part, () => resolve());
      socket.write(part, () => {
        socket.resetAndDestroy();
        resolve();
      });
    });
  }

  /** Resets the connections at both sides. */
  reset(): void {
    this.#sent?.destroy();
    if (!this.#incoming.socket.destroyed) this.#incoming.socket.resetAndDestroy();
  }
}

function* pairs(raw: readonly string[]): Iterable<string> {
  for (let at = 0; at < raw.length; at += 2) yield `${raw[at]}: ${raw[at + 1]}`;
}

const HOP = new Set(["connection", "keep-alive", "transfer-encoding", "content-length"]);

function withoutFraming(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2)
    if (!HOP.has(raw[at]!.toLowerCase())) kept.push(raw[at]!, raw[at + 1]!);
  return kept;
}

function headersOf({ rawHeaders }: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string[]> = {};
  const kept = withoutFraming(rawHeaders);
  for (let at = 0; at < kept.length; at += 2) {
    headers[kept[at]!.toLowerCase()] ??= [];
    headers[kept[at]!.toLowerCase()]!.push(kept[at + 1]!);
  }
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [
      name,
      values.length === 1 ? values[0]! : values,
    ]),
  );
}

export class Link {
  readonly url: string;
  /** What it stands before. */
  upstream = "";
  /** Requests wait for this before they are sent on. */
  ready: Promise<void> = Promise.resolve();
  readonly #server: Server;
  readonly #counts: (exchange: Exchange) => boolean;
  #next: Rule | undefined;
  #arrived: (() => void)[] = [];
  /** Awaited before an answer that broke off is passed on as a reset. */
  onLost: () => Promise<void> = async () => {};
  /** Called with each request that counts. */
  onArrival: (exchange: Exchange) => void = () => {};

  private constructor(server: Server, counts: (exchange: Exchange) => boolean) {
    this.#server = server;
    this.#counts = counts;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (incoming, outgoing) => void this.#take(incoming, outgoing));
  }

  /** @param counts the requests that rules and arrivals are about */
  static async open(counts: (exchange: Exchange) => boolean): Promise<Link> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Link(server, counts);
  }

  /** The rule of the next request that counts. */
  next(rule: Rule): void {
    this.#next = rule;
  }

  /** Resolves at the next arrival of a request that counts. */
  arrival(): Promise<void> {
    return new Promise((resolve) => this.#arrived.push(resolve));
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    incoming.on("error", () => {});
    outgoing.on("error", () => {});
    const parts: Buffer[] = [];
    try {
      for await (const part of incoming) parts.push(part as Buffer);
    } catch {
      return;
    }
    await this.ready;
    const exchange = new Exchange(incoming, outgoing, Buffer.concat(parts), this.upstream);
    if (!this.#counts(exchange)) return this.#plainly(exchange);
    this.onArrival(exchange);
    for (const arrived of this.#arrived.splice(0)) arrived();
    const rule = this.#next;
    this.#next = undefined;
    await (rule === undefined ? this.#plainly(exchange) : rule(exchange));
  }

  async #plainly(exchange: Exchange): Promise<void> {
    const answer = await exchange.forward();
    if (answer !== undefined) return exchange.pass(answer);
    await this.onLost();
    exchange.reset();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
