/** The line to a service or a treasury of the town: it notes what arrives, and breaks when told. */
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
  request as send,
} from "node:http";
import type { AddressInfo } from "node:net";

/** What goes wrong with the next requests that it applies to. */
export interface Fault {
  /**
   * `cut`: the connection ends before the request is passed on. `lost`: the request is answered,
   * and the connection ends without the answer. `half`: it ends in the middle of the answer's body.
   * `hold`: the request waits for `release` before it is passed on. `hold-answer`: it is passed on
   * at once, and its answer waits. `answer`: `status`, `headers` and `body` are the answer, and
   * nothing is passed on.
   */
  readonly kind: "cut" | "lost" | "half" | "hold" | "hold-answer" | "answer";
  /** Requests that present a credential, or those that do not. @default both */
  readonly of?: "paid" | "unpaid";
  readonly method?: string;
  /** What the path and query begin with. */
  readonly path?: string;
  /** How many requests; 0 for all. @default 1 */
  readonly times?: number;
  readonly status?: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

/** A request, as it arrived. */
export interface Arrived {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Bytes as latin1. */
  body: string;
}

const CREDENTIALS = ["authorization", "macaroon", "grpc-metadata-macaroon", "x-api-key"];
const HOP = new Set(["connection", "keep-alive", "transfer-encoding"]);

export class Line {
  readonly url: string;
  /** Where requests are passed on to; undefined for a site whose faults answer everything. */
  upstream: string | undefined;
  readonly arrived: Arrived[] = [];
  readonly #server: Server;
  #faults: { readonly fault: Fault; left: number }[] = [];
  #held: (() => void)[] = [];
  #isReleased = false;
  #waiting: { readonly count: number; readonly done: () => void }[] = [];

  private constructor(server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#server = server;
    server.on("request", (incoming, outgoing) => void this.#take(incoming, outgoing));
  }

  static async open(): Promise<Line> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Line(server);
  }

  fault(fault: Fault): void {
    const times = fault.times ?? 1;
    this.#faults.push({ fault, left: times === 0 ? Number.POSITIVE_INFINITY : times });
  }

  clearFaults(): void {
    this.#faults = [];
  }

  /** Lets everything go on that waits; if nothing does yet, the next that would wait. */
  release(): void {
    const held = this.#held.splice(0);
    this.#isReleased = held.length === 0;
    for (const go of held) go();
  }

  /** Resolves once `count` requests have arrived since the town was opened. */
  arrival(count: number): Promise<void> {
    if (this.arrived.length >= count) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ count, done }));
  }

  async close(): Promise<void> {
    this.release();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #faultOf(incoming: IncomingMessage): Fault | undefined {
    const isPaid = CREDENTIALS.some((name) => incoming.headers[name] !== undefined);
    const at = this.#faults.findIndex(
      ({ fault: { of, method, path = "" } }) =>
        (of === undefined || (of === "paid") === isPaid) &&
        (method ?? incoming.method) === incoming.method &&
        (incoming.url ?? "").startsWith(path),
    );
    const entry = this.#faults[at];
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.#faults.splice(at, 1);
    return entry.fault;
  }

  #note(incoming: IncomingMessage): void {
    const { method = "", url: target = "" } = incoming;
    const noted = { method, target, headers: pairsOf(incoming.rawHeaders), body: "" };
    this.arrived.push(noted);
    incoming.on("data", (part: Buffer) => {
      noted.body += part.toString("latin1");
    });
    const isReached = ({ count }: { readonly count: number }) => this.arrived.length >= count;
    for (const { done } of this.#waiting.filter(isReached)) done();
    this.#waiting = this.#waiting.filter((one) => !isReached(one));
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    incoming.on("error", () => {});
    outgoing.on("error", () => {});
    // The machine's date is far from the town's clock.
    outgoing.sendDate = false;
    const fault = this.#faultOf(incoming);
    this.#note(incoming);
    if (fault?.kind === "cut") return void incoming.socket.destroy();
    if (fault?.kind === "answer") {
      const { status = 200, headers = [], body = "" } = fault;
      outgoing.writeHead(status, headers.flat());
      return void outgoing.end(Buffer.from(body, "latin1"));
    }
    if (this.upstream === undefined) return void outgoing.writeHead(404).end();
    const parts: Buffer[] = [];
    // The listener of `data` above has made the body flow, so it is kept from the first part on.
    const body = new Promise<Buffer>((resolve) => {
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.once("end", () => resolve(Buffer.concat(parts)));
    });
    if (fault?.kind === "hold") await this.#released();
    this.#pass(incoming, outgoing, await body, fault?.kind);
  }

  #released(): Promise<void> {
    if (!this.#isReleased) return new Promise((go) => this.#held.push(go));
    this.#isReleased = false;
    return Promise.resolve();
  }

  #pass(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Buffer,
    kind: Fault["kind"] | undefined,
  ): void {
    const sent = send(this.upstream + (incoming.url ?? ""), {
      method: incoming.method,
      headers: passedOn(incoming.rawHeaders) as unknown as OutgoingHttpHeaders,
      agent: false,
    });
    const broken = () => void incoming.socket.destroy();
    outgoing.once("close", () => {
      if (!outgoing.writableFinished && kind !== "lost") sent.destroy();
    });
    sent.once("error", broken);
    sent.once("response", async (response) => {
      response.once("error", broken);
      if (kind === "lost" || kind === "half") {
        const answer: Buffer[] = [];
        for await (const part of response) answer.push(part as Buffer);
        const whole = Buffer.concat(answer);
        if (kind === "lost") return broken();
        outgoing.writeHead(response.statusCode ?? 502, passedOn(response.rawHeaders));
        return void outgoing.write(whole.subarray(0, Math.floor(whole.length / 2)), broken);
      }
      if (kind === "hold-answer") await this.#released();
      outgoing.writeHead(response.statusCode ?? 502, passedOn(response.rawHeaders));
      outgoing.flushHeaders();
      response.pipe(outgoing);
    });
    sent.end(body);
  }
}

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) pairs.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return pairs;
}

const passedOn = (raw: readonly string[]): string[] =>
  pairsOf(raw)
    .filter(([name]) => !HOP.has(name.toLowerCase()))
    .flat();
