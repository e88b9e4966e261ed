/** A service on the dev network: a server on a port of its own, with a paywall in front. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type Grant, type Handler, listener, paid, wellKnown } from "../node/index.ts";
import { requestOf } from "../node/listener.ts";
import { writeResponse } from "../node/response.ts";
import type { Clock } from "../ports/clock.ts";
import type { Invoicer } from "../ports/wallet.ts";
import { Paywall, type PaywallOptions, type Terms } from "../service/index.ts";
import { TERMS } from "../service/terms.ts";
import { devWallet } from "../wallets/dev.ts";
import type { DevNetwork } from "./dev-network.ts";

/** What a paywall of the development network needs. */
export interface DevPlace {
  /** The URL that the shop listens at. */
  readonly location: string;
  /** Makes invoices for the shop's account. */
  readonly invoicer: Invoicer;
  readonly clock: Clock;
  /** 64 hex digits, random. */
  readonly secret: string;
}

/** The terms of a shop; its price is `"10 sat"` unless it is given. */
export interface DevShopOptions extends Terms {
  /**
   * Answers the requests that were paid for.
   *
   * @default answers with the number of requests served so far, `{"served":1}`
   */
  readonly handler?: (request: Request, grant: Grant) => Response | Promise<Response>;
  /** Further options of the paywall. */
  readonly paywall?: Partial<PaywallOptions>;
  /**
   * Your own service instead: a Web-standard handler with its own paywall, such as `app.fetch`.
   * Excludes every other option.
   */
  readonly service?: (place: DevPlace) => Handler;
}

export const SHOP_KEYS = {
  handler: true,
  paywall: true,
  service: true,
  ...TERMS,
} satisfies Keys<DevShopOptions>;

/** A request, as it arrived. */
export interface DevRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** The request line and every header field, as they were sent. */
  readonly text: string;
}

/** A request that was paid for and answered with success. */
export interface DevServed {
  readonly grant: Grant;
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/**
 * How a shop meets a request that was paid for: serves it, answers 500, or cuts the connection. A
 * function writes the answer itself.
 */
export type DevAnswer =
  | "serve"
  | "fail"
  | "hang-up"
  | ((outgoing: ServerResponse, incoming: IncomingMessage) => void);

export interface DevShop {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Every request that arrived, paid for or not, in order. */
  readonly received: readonly DevRequest[];
  /** Every request that was served, in order. Empty for a `service` of your own. */
  readonly served: readonly DevServed[];
  /**
   * How the next requests that were paid for are answered, in order; push to it. Once it is empty,
   * all are served. Has no effect on a `service` of your own.
   */
  readonly answers: DevAnswer[];
  /** @throws TypeError for a `service` of your own, whose paywall the shop does not know */
  readonly paywall: Paywall;
  close(): Promise<void>;
}

/** A test may ask for more challenges in an instant of a clock that stands still. */
const MANY_CHALLENGES = { perClient: 100_000, total: 100_000 };

/** @param account the network's account that is paid; it is opened if it is not open */
export async function openDevShop(
  { network, clock, account }: { network: DevNetwork; clock: Clock; account: string },
  options: DevShopOptions = {},
): Promise<DevShop> {
  checkKeys(options, SHOP_KEYS, "a dev shop");
  const { service, handler, paywall: more, ...terms } = options;
  if (service !== undefined && Object.keys(options).length > 1)
    throw new TypeError("a dev shop with a service takes no other option");
  const invoicer = devWallet(invoiceUrl(network, account));
  const received: DevRequest[] = [];
  const served: DevServed[] = [];
  const answers: DevAnswer[] = [];
  const server = await listening();
  const { url: location, close } = server;
  const place: DevPlace = { location, invoicer, clock, secret: hexText(randomBytes(32)) };
  let paywall: Paywall | undefined;
  let front: RequestListener;
  if (service !== undefined) front = listener(service(place), { origin: location });
  else {
    paywall = new Paywall({ ...place, challengesPerMinute: MANY_CHALLENGES, ...more });
    front = wellKnown(
      paywall,
      paid(paywall, { price: more?.price ?? "10 sat", ...terms }, serveOne),
    );
  }
  server.handle((incoming, outgoing) => {
    const { method = "", url: target = "", headers, rawHeaders } = incoming;
    received.push({
      method,
      target,
      headers: { ...headers },
      text: [method, target, ...rawHeaders].join("\n"),
    });
    front(incoming, outgoing);
  });

  async function serveOne(incoming: IncomingMessage, outgoing: ServerResponse, grant: Grant) {
    const answer = answers.shift() ?? "serve";
    const body = await bodyOf(incoming);
    if (answer === "fail") outgoing.writeHead(500).end("The shop was told to fail.");
    else if (answer === "hang-up") outgoing.destroy();
    else if (answer !== "serve") answer(outgoing, incoming);
    else {
      const { method = "", url: target = "" } = incoming;
      served.push({ grant, method, target, body: body.toString("latin1") });
      const request = requestOf(incoming, location, { body })!;
      const response =
        handler === undefined
          ? Response.json({ served: served.length })
          : await handler(request, grant);
      await writeResponse(outgoing, response);
    }
  }

  return {
    url: location,
    received,
    served,
    answers,
    get paywall() {
      if (paywall === undefined) throw new TypeError("this shop's service has its own paywall");
      return paywall;
    },
    async close() {
      paywall?.close();
      await close();
    },
  };
}

function invoiceUrl(network: DevNetwork, account: string): string {
  try {
    return network.account(account).invoiceOnlyUrl;
  } catch {
    return network.account(account, { balanceMsat: 0n }).invoiceOnlyUrl;
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** A server on a free port of 127.0.0.1, which is given its listener once its URL is known. */
export async function listening(): Promise<{
  readonly url: string;
  handle(listener: RequestListener): void;
  close(): Promise<void>;
}> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    handle: (listener) => void server.on("request", listener),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
