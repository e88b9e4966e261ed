/** A shop of the town: a paywall behind a line that can break. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Grant, paid, wellKnown } from "l8nt/node";
import { Paywall, type PaywallOptions, type Terms } from "l8nt/service";
import { Line } from "./line.ts";

/** What the shop answers to a request that it grants. */
export interface Serving {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Bytes as latin1. @default the number of requests served so far, `{"served":1}` */
  readonly body?: string;
  /** Answers with the request as JSON, in place of `body`. */
  readonly echo?: boolean;
  /** What a metered route says that it cost, such as `"3 sat"`. */
  readonly settle?: `${number} sat`;
}

export interface ShopOptions {
  readonly terms: Terms;
  readonly paywall: Partial<PaywallOptions>;
  readonly serving: Serving;
  /** Paths that are free, whatever their query. */
  readonly free: readonly string[];
}

/** How the next granted requests are met. */
export type Meeting = "serve" | "fail" | "hang-up";

export interface Served {
  readonly method: string;
  readonly target: string;
  /** Bytes as latin1. */
  readonly body: string;
}

export class Shop {
  readonly line: Line;
  readonly paywall: Paywall;
  readonly served: Served[] = [];
  readonly meetings: Meeting[] = [];
  readonly #serving: Serving;
  readonly #close: () => Promise<void>;

  private constructor(
    parts: Pick<Shop, "line" | "paywall"> & { serving: Serving; close: () => Promise<void> },
  ) {
    this.line = parts.line;
    this.paywall = parts.paywall;
    this.#serving = parts.serving;
    this.#close = parts.close;
  }

  static async open({ terms, paywall: more, serving, free }: ShopOptions): Promise<Shop> {
    const line = await Line.open();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    line.upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const paywall = new Paywall({ location: line.url, ...more });
    const close = async () => {
      paywall.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    const shop = new Shop({ line, paywall, serving, close });
    const front = wellKnown(
      paywall,
      paid(paywall, terms, (incoming, outgoing, grant) => shop.#serve(incoming, outgoing, grant)),
    );
    server.on("request", (incoming, outgoing) => {
      outgoing.sendDate = false;
      const path = (incoming.url ?? "").split("?")[0] ?? "";
      if (free.includes(path)) void shop.#serve(incoming, outgoing, undefined);
      else front(incoming, outgoing);
    });
    return shop;
  }

  async #serve(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    grant: Grant | undefined,
  ): Promise<void> {
    const meeting = grant === undefined ? "serve" : (this.meetings.shift() ?? "serve");
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    if (meeting === "hang-up") return void outgoing.destroy();
    if (meeting === "fail") return void outgoing.writeHead(500).end("The shop was told to fail.");
    const { method = "", url: target = "" } = incoming;
    const body = Buffer.concat(parts).toString("latin1");
    if (grant !== undefined) this.served.push({ method, target, body });
    const { status = 200, headers = [], settle, echo = false } = this.#serving;
    if (settle !== undefined) grant?.settle(settle);
    const json = { "content-type": "application/json" };
    if (echo) {
      const seen = { method, target, headers: incoming.headers, body };
      return void outgoing.writeHead(status, json).end(JSON.stringify(seen));
    }
    if (this.#serving.body === undefined) {
      const count = grant === undefined ? { free: true } : { served: this.served.length };
      outgoing.writeHead(status, { ...json, ...Object.fromEntries(headers) });
      return void outgoing.end(JSON.stringify(count));
    }
    outgoing.writeHead(status, headers.flat());
    outgoing.end(Buffer.from(this.#serving.body, "latin1"));
  }

  async close(): Promise<void> {
    await this.line.close();
    await this.#close();
  }
}
