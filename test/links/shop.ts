/**
 * The service of the table: a paywall before a route and before an MCP server, over connections
 * that it closes when it is told to. It writes down what it was asked, what it served, and what
 * really left it. A server on a pipe (pipe.ts) reports here. Input 01.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { authenticateFields, Challenge, presentedIn } from "l8nt/l402";
import { paidEndpoint } from "l8nt/mcp";
import { Paywall } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import type { Closing } from "./cells.ts";

export const PRICE = "10 sat";
/** What the agent of a cell buys, and what another agent buys. */
export const THING = "thing";
export const OTHER = "other";

/** What happened at the service, in the order of the whole cell. */
export interface ShopEvent {
  readonly seq: number;
  readonly what: /** It asked for payment, because no credential came. */
    | "challenged"
    /** A paid credential arrived. */
    | "presented"
    /** It did not accept what was presented. */
    | "refused"
    /** It counted the use. */
    | "consumed"
    /** It gave the use back. */
    | "released"
    /** It gave an answer that it had kept, or said that the first request still runs. */
    | "kept"
    /** An answer that was no refusal left whole, on a connection that was open. */
    | "answered"
    /** It closed the connection itself. */
    | "closed"
    /** The other side had closed the connection before the answer. */
    | "gone";
  readonly thing: string;
  readonly paymentHash: string | undefined;
}

/** One paid request that it was sent. */
export interface Visit {
  readonly thing: string;
  readonly paymentHash: string;
  /** Resolves once the other side has closed the connection. */
  readonly gone: Promise<void>;
}

export type Use = "consumed" | "released";

/** What the service does with one paid request. */
export interface Plan {
  /** Before the credential is looked at. */
  readonly arrived?: (visit: Visit) => Promise<void>;
  /** @default "consumed" */
  readonly use?: Use;
  /** After the credential was accepted, before the answer is made. */
  readonly serving?: (visit: Visit) => Promise<void>;
  /** After the use was counted, before anything is sent; returns how the connection is closed. */
  readonly answered?: (visit: Visit) => Promise<Closing | undefined>;
}

export interface ShopOptions {
  /** URL of an account that makes invoices. */
  readonly invoicer: string;
  readonly secret: string;
  /** Starts what stands before the service at this URL, and returns its own URL. */
  readonly before?: ((url: string) => Promise<string>) | undefined;
  /** Whether a repeated request with the same `Idempotency-Key` is the same use. */
  readonly keeps: boolean;
  readonly tick: () => number;
}

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** What is done with a request that is paid for. */
interface Work {
  readonly use: Use;
  readonly serving?: (() => Promise<void>) | undefined;
}

export class Shop {
  /** Where agents find it. */
  readonly url: string;
  readonly events: ShopEvent[] = [];
  plan: (visit: Visit) => Plan = () => ({});
  /**
   * Called before it asks for payment, with how often it has asked for this thing, this one too.
   */
  onChallenge: (thing: string, count: number) => Promise<void> = async () => {};
  readonly #options: ShopOptions;
  readonly #server: Server;
  readonly #paywall: Paywall;
  readonly #mcp: (request: Request) => Promise<Response>;
  readonly #works = new AsyncLocalStorage<Work>();
  readonly #challenges = new Map<string, number>();
  /** Of the call that the server on the pipe is at. */
  #piped: Promise<Plan> | undefined;
  #served = 0;

  private constructor(options: ShopOptions, url: string, server: Server) {
    this.#options = options;
    this.url = url;
    this.#server = server;
    const { secret, invoicer } = options;
    this.#paywall = new Paywall({
      secret,
      location: url,
      invoicer: devWallet(invoicer),
      price: PRICE,
      challengesPerMinute: { perClient: 100_000, total: 100_000 },
      alarm: () => {},
    });
    const tools = createMcpHandler(() => toolServer(() => this.#answer()));
    this.#mcp = paidEndpoint({ paywall: this.#paywall, price: PRICE }, async (request) => {
      const { use, serving } = this.#works.getStore() ?? {};
      await serving?.();
      return use === "released" ? new Response("busy", { status: 503 }) : tools.fetch(request);
    });
    server.on("request", (incoming, outgoing) => void this.#take(incoming, outgoing));
  }

  static async open(options: ShopOptions): Promise<Shop> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return new Shop(options, (await options.before?.(url)) ?? url, server);
  }

  async close(): Promise<void> {
    this.#paywall.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #note(what: ShopEvent["what"], thing: string, paymentHash: string | undefined): void {
    this.events.push({ seq: this.#options.tick(), what, thing, paymentHash });
  }

  #answer(): string {
    return `served ${++this.#served}. ${"It is what was paid for. ".repeat(8)}`;
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    incoming.on("error", () => {});
    outgoing.on("error", () => {});
    const gone = new Promise<void>((resolve) => outgoing.once("close", resolve));
    const parts: Buffer<ArrayBuffer>[] = [];
    try {
      for await (const part of incoming) parts.push(part as Buffer<ArrayBuffer>);
    } catch {
      return;
    }
    const body = Buffer.concat(parts);
    const target = incoming.url ?? "/";
    if (target.startsWith("/-/")) return this.#report(target.slice(3), body, gone, outgoing);
    const request = this.#requestOf(incoming, body);
    const thing = thingIn(target, body);
    if (thing === undefined) return write(outgoing, await read(await this.#mcp(request)));
    const paymentHash = this.#presented(request);
    if (paymentHash === undefined) {
      await this.#challenge(thing);
      const reply = await read(await this.#serve(target, request, { use: "consumed" }));
      this.#note("challenged", thing, hashIn(reply.headers.get("www-authenticate")));
      return write(outgoing, reply);
    }
    const visit = { thing, paymentHash, gone };
    const plan = await this.#arrive(visit);
    // What the other side no longer waits for is not served, as a handler finds out.
    const use = outgoing.destroyed ? "released" : (plan.use ?? "consumed");
    const serving = plan.serving && (() => plan.serving!(visit));
    const reply = await read(await this.#serve(target, request, { use, serving }));
    const isRefused = reply.status >= 400 && reply.status < 500 && reply.status !== 409;
    if (reply.status === 409) this.#note("kept", thing, paymentHash);
    else if (isRefused) this.#note("refused", thing, paymentHash);
    else if (this.#hasConsumed(paymentHash)) this.#note("kept", thing, paymentHash);
    else this.#note(reply.status < 300 ? "consumed" : "released", thing, paymentHash);
    const closing = await plan.answered?.(visit);
    if (outgoing.destroyed) return this.#note("gone", thing, paymentHash);
    if (closing !== undefined) this.#note("closed", thing, paymentHash);
    else if (!isRefused) this.#note("answered", thing, paymentHash);
    if (closing === undefined) return write(outgoing, reply);
    return closeBy(closing, incoming, reply);
  }

  async #challenge(thing: string): Promise<void> {
    const count = (this.#challenges.get(thing) ?? 0) + 1;
    this.#challenges.set(thing, count);
    await this.onChallenge(thing, count);
  }

  async #arrive(visit: Visit): Promise<Plan> {
    this.#note("presented", visit.thing, visit.paymentHash);
    const plan = this.plan(visit);
    await plan.arrived?.(visit);
    return plan;
  }

  #hasConsumed(paymentHash: string): boolean {
    return this.events.some((one) => one.what === "consumed" && one.paymentHash === paymentHash);
  }

  async #serve(target: string, request: Request, work: Work): Promise<Response> {
    if (target.startsWith("/mcp")) return this.#works.run(work, () => this.#mcp(request));
    const decision = await this.#paywall.authorize(request);
    if (!decision.granted) return decision.response;
    const { use, serving } = work;
    await serving?.();
    return decision.settle(
      use === "released"
        ? new Response("busy", { status: 503 })
        : Response.json({ served: this.#answer() }),
    );
  }

  #requestOf(
    { method = "GET", url, headers: given }: IncomingMessage,
    body: Buffer<ArrayBuffer>,
  ): Request {
    const headers = new Headers();
    for (const [name, value] of Object.entries(given))
      if (typeof value === "string") headers.set(name, value);
    // A service that does not know the field counts each request as a use of its own.
    if (!this.#options.keeps) headers.delete("idempotency-key");
    const hasBody = method !== "GET" && method !== "HEAD" && method !== "DELETE";
    return new Request(this.url + url, { method, headers, ...(hasBody && { body }) });
  }

  #presented(request: Request): string | undefined {
    const { verifier } = this.#paywall.authority;
    try {
      return authenticateFields(verifier, presentedIn(request.headers))?.paymentHash;
    } catch {
      return undefined;
    }
  }

  /** What a server on a pipe says: its answer tells what the server does next. */
  async #report(
    what: string,
    body: Buffer<ArrayBuffer>,
    gone: Promise<void>,
    outgoing: ServerResponse,
  ): Promise<void> {
    const { thing, paymentHash } = JSON.parse(body.toString()) as Visit;
    const visit = { thing, paymentHash, gone };
    let answer: object = {};
    if (what === "challenge") await this.#challenge(thing);
    else if (what === "arrived") {
      this.#piped = this.#arrive(visit);
      const { use = "consumed" } = await this.#piped;
      answer = { use };
    } else if (what === "answer") {
      const closing = await (await this.#piped)?.answered?.(visit);
      const last = this.events.findLast((one) => one.paymentHash === paymentHash)?.what;
      if (closing !== undefined) this.#note("closed", thing, paymentHash);
      else if (last !== "refused") this.#note("answered", thing, paymentHash);
      answer = { closing };
    } else this.#note(what as ShopEvent["what"], thing, paymentHash);
    const text = Buffer.from(JSON.stringify(answer));
    write(outgoing, { status: 200, headers: new Headers(), body: text });
  }
}

/** What a request is about: undefined for a message of MCP that costs nothing. */
export function thingIn(target: string, body: Buffer): string | undefined {
  if (!target.startsWith("/mcp")) return target.slice(1);
  try {
    const { method, params } = JSON.parse(body.toString()) as {
      method?: string;
      params?: { name?: string };
    };
    return method === "tools/call" ? params?.name : undefined;
  } catch {
    return undefined;
  }
}

export function toolServer(answer: () => string): McpServer {
  const server = new McpServer({ name: "shop", version: "1.0.0" });
  for (const name of [THING, OTHER])
    server.registerTool(name, {}, () => ({ content: [{ type: "text", text: answer() }] }));
  return server;
}

export function hashIn(challenge: string | null): string | undefined {
  return challenge === null ? undefined : Challenge.parse(challenge).identifier.paymentHash;
}

/**
 * Reads a whole response. A stream of events with one message becomes that message: a client that
 * is cut off in a stream waits for its continuation, which this server does not have.
 */
async function read(response: Response): Promise<Reply> {
  const { status } = response;
  const headers = new Headers(response.headers);
  const body = Buffer.from(await response.arrayBuffer());
  if (headers.get("content-type")?.startsWith("text/event-stream") !== true)
    return { status, headers, body };
  const [, data = ""] = /^data: (.*)$/m.exec(body.toString()) ?? [];
  headers.set("content-type", "application/json");
  return { status, headers, body: Buffer.from(data) };
}

function write(outgoing: ServerResponse, { status, headers, body }: Reply): void {
  if (outgoing.destroyed) return;
  outgoing.writeHead(status, [...fieldsOf(headers), "content-length", `${body.length}`]);
  outgoing.end(body);
}

function fieldsOf(headers: Headers): string[] {
  return [...headers].flatMap(([name, value]) => (name === "content-length" ? [] : [name, value]));
}

/** Closes a connection by the bytes: nothing of `node:http` comes between. */
function closeBy(closing: Closing, { socket }: IncomingMessage, reply: Reply): void {
  const { status, headers, body } = reply;
  if (closing === "no head, RST") return void socket.resetAndDestroy();
  if (closing === "no head, FIN") return void socket.end(() => socket.destroy());
  const fields = [...fieldsOf(headers), "content-length", `${body.length}`];
  const lines = [`HTTP/1.1 ${status} OK`];
  for (let at = 0; at < fields.length; at += 2) lines.push(`${fields[at]}: ${fields[at + 1]}`);
  const head = Buffer.from([...lines, "", ""].join("\r\n"), "latin1");
  const part = closing === "after the head" ? head : Buffer.concat([head, body.subarray(0, 20)]);
  socket.end(part, () => socket.destroy());
}
