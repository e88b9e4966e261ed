/**
 * What every stand-in for a wallet's backend stands on: one bank of the dev network for all its nodes, and a small server on
 * loopback, with TLS or without, whose answers can be lost, cut or replaced.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { randomBytes } from "../../internal/crypto.ts";
import { Invoice } from "../../invoice/index.ts";
import { type Attempted, attempt } from "../dev-network-attempt.ts";
import { DevBank, type Payment } from "../dev-network-bank.ts";
import { type FaultKind, Faults } from "../dev-network-faults.ts";
import { Timers } from "../dev-network-timers.ts";

export interface StandInRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface StandInAnswer {
  readonly status: number;
  /** JSON, or a text as it stands. */
  readonly body: unknown;
  readonly fault?: FaultKind | undefined;
}

/** The bank that nodes pay each other at. */
export class StandInBank {
  readonly time = { now: Date.now() / 1000 };
  readonly faults = new Faults();
  readonly timers = new Timers();
  readonly bank = new DevBank({ seed: randomBytes(32), clock: () => this.time.now, routingFeePpm: 1000n });
}

export interface StandInOptions {
  readonly shared: StandInBank;
  /** Of the bank. */
  readonly account: string;
  readonly balanceMsat?: bigint;
  readonly tls?: { readonly cert: string; readonly key: string };
}

const MAX_WAIT_MS = 600_000;

export abstract class StandIn {
  readonly shared: StandInBank;
  readonly account: string;
  /** The node's public key. */
  readonly nodeId: string;
  /** What is answered instead, once each, to requests whose method and path begin so: `POST /v1/xpay`. */
  readonly instead: { readonly to: string; readonly answer: StandInAnswer }[] = [];
  /** Method and path of every request. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #scheme: string;
  readonly #begun = new Set<string>();
  #port = 0;

  protected constructor({ shared, account, balanceMsat = 0n, tls }: StandInOptions) {
    this.shared = shared;
    this.account = account;
    shared.bank.open(account, balanceMsat);
    const sample = shared.bank.createInvoice(account, { amountMsat: 1_000n, expirySeconds: 1 });
    this.nodeId = Invoice.decode(sample).payee;
    const listener = (request: IncomingMessage, response: ServerResponse) =>
      void this.#serve(request, response);
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    this.#scheme = tls === undefined ? "http" : "https";
  }

  protected abstract answer(request: StandInRequest): Promise<StandInAnswer> | StandInAnswer;

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}`;
  }

  get balanceMsat(): bigint {
    return this.shared.bank.balanceMsat(this.account);
  }

  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Tries to pay; the answer comes once it has ended, unless the backend waits for so long only. */
  protected async try(
    invoice: string,
    fees: { maxFeeMsat: bigint; feeMsat?: bigint },
    waitMs = MAX_WAIT_MS,
  ): Promise<Attempted> {
    const attempted = await attempt(this.shared, { payer: this.account, invoice, ...fees }, waitMs);
    if (attempted.begun) this.#begun.add(attempted.payment.paymentHash);
    return attempted;
  }

  /** What the node wrote down: nothing of what it refused before it sent anything. */
  protected onRecord(paymentHash: string): Payment | undefined {
    const payment = this.shared.bank.find(this.account, paymentHash);
    return payment?.status === "failed" && !this.#begun.has(paymentHash) ? undefined : payment;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const call = `${request.method} ${pathname}`;
    this.requests.push(call);
    const at = this.instead.findIndex(({ to }) => call.startsWith(to));
    const { status, body, fault } =
      at >= 0
        ? this.instead.splice(at, 1)[0]!.answer
        : await this.answer({
            method: request.method ?? "",
            path: pathname,
            query: searchParams,
            headers: request.headers,
            text: Buffer.concat(chunks).toString("utf8"),
          });
    if (fault === "reply-lost") return void response.destroy();
    const whole = typeof body === "string" ? body : json(body);
    const sent = fault === "half-json" ? whole.slice(0, whole.length / 2) : whole;
    response.writeHead(fault === "server-error" ? 500 : status, {
      "content-type": typeof body === "string" ? "text/plain" : "application/json",
      connection: "close",
    });
    response.end(sent);
  }
}

/** Msat are JSON's numbers in these APIs. */
const json = (body: unknown): string =>
  JSON.stringify(body, (_, value) => (typeof value === "bigint" ? Number(value) : value));
