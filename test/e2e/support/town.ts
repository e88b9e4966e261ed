/**
 * A town for tests of the money path, all of it over loopback TCP: a dev Lightning network, a
 * treasury, services honest and hostile. What really moved is read from the network's own books.
 * Everything closes when its test ends.
 */
import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Scope } from "l8nt";
import { Client, type ClientOptions } from "l8nt";
import { Invoice } from "l8nt/invoice";
import { Authority, Challenge, type Credential } from "l8nt/l402";
import { type Grant, listener, paid, wellKnown } from "l8nt/node";
import { Paywall, type PaywallOptions, type Terms } from "l8nt/service";
import { MemoryStore } from "l8nt/stores/memory";
import { DevNetwork } from "l8nt/testing";
import { guardedFetch, Treasury, type TreasuryOptions, treasuryApi } from "l8nt/treasury";
import { devWallet } from "l8nt/wallets/dev";
import { onTestFinished } from "vitest";

/**
 * Far from any real date: whatever looks at the system's clock instead of the given one is found
 * out.
 */
const START = 2_000_000_000;

/** Random enough for an authority, and the same in every run. */
export const secretOf = (who: string): string =>
  createHash("sha256").update(`the secret of ${who}`).digest("hex");

export interface Received {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** All that arrived: head and body. */
  readonly text: string;
  readonly body: string;
}

export interface Site {
  readonly url: string;
  /** Every request that arrived, in order. */
  readonly received: readonly Received[];
}

type Answer = (request: Received, response: ServerResponse, url: string) => unknown;

/** A server on 127.0.0.1 whose listener may depend on its own URL. */
export async function listen(make: (url: string) => RequestListener): Promise<string> {
  let handle: RequestListener = () => {};
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  handle = make(url);
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return url;
}

/** A site that answers as it is told, and remembers all that it was sent. */
export async function site(answer: Answer): Promise<Site> {
  const received: Received[] = [];
  const url = await listen((own) => async (request, response) => {
    const seen = receivedOf(request, await bodyOf(request));
    received.push(seen);
    try {
      await answer(seen, response, own);
    } catch (error) {
      // The client need not wait; the test fails by what nobody caught.
      response.destroy();
      throw error;
    }
  });
  return { url, received };
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("latin1");
}

function receivedOf(request: IncomingMessage, body: string): Received {
  const { method = "", url: target = "", headers, rawHeaders } = request;
  return {
    method,
    target,
    headers,
    body,
    text: `${method} ${target}\n${rawHeaders.join("\n")}\n\n${body}`,
  };
}

async function heard(request: Request): Promise<Received> {
  const { method, headers, url } = request;
  const target = new URL(url).pathname;
  const body = await request.text();
  const fields = [...headers].map((field) => field.join("\n")).join("\n");
  return {
    method,
    target,
    headers: Object.fromEntries(headers),
    text: `${method} ${target}\n${fields}\n\n${body}`,
    body,
  };
}

/** What a handler behind a paywall does with one request. */
export type Act =
  | "serve"
  | "fail"
  | "hang-up"
  | ((response: ServerResponse, request: IncomingMessage) => void);

export interface Shop extends Site {
  readonly paywall: Paywall;
  /** What each next request that is let in meets; when it is used up, all are served. */
  readonly acts: Act[];
  readonly served: {
    readonly grant: Grant;
    readonly method: string;
    readonly target: string;
    readonly body: string;
  }[];
}

export interface Town {
  /** Unix seconds; tests turn it. */
  readonly time: { now: number };
  readonly clock: () => number;
  readonly net: DevNetwork;
  readonly treasury: Treasury;
  /** What the treasury's HTTP side was asked, text and all. */
  readonly asked: Received[];
  readonly alarms: string[];
  /** A credential at the top of a tree. */
  root(scope?: Scope): Credential;
  client(credential: Credential | string, options?: Partial<ClientOptions>): Client;
  shop(terms?: Terms, options?: Partial<PaywallOptions>): Promise<Shop>;
  /** Payments that really happened, amount and fee. */
  paid(): { readonly count: number; readonly msat: bigint };
  /** What the treasury says that a credential's node has spent. */
  spent(credential: Credential): Promise<bigint>;
}

/** Everywhere on this machine, 10,000 sat, an hour. */
export const WIDE: Scope = {
  endpoints: ["* http://127.0.0.1:*/**"],
  budget: "10000 sat",
  expiresIn: "1h",
};

export async function town(options: Partial<TreasuryOptions> = {}): Promise<Town> {
  const time = { now: START };
  const clock = () => time.now;
  const net = await DevNetwork.start({ clock, seed: "town" });
  onTestFinished(() => net.stop());
  const purse = net.account("treasury", { balanceMsat: 1_000_000_000n });
  net.account("shop", { balanceMsat: 0n });
  const alarms: string[] = [];
  const asked: Received[] = [];
  let treasury!: Treasury;
  await listen((location) => {
    treasury = new Treasury({
      secret: secretOf("the treasury"),
      location,
      wallet: devWallet(purse.url),
      store: new MemoryStore(),
      fetch: guardedFetch({ allowLoopback: true }),
      clock,
      alarm: (what) => alarms.push(what),
      ...options,
    });
    const api = treasuryApi(treasury);
    return listener(
      async (request) => {
        asked.push(await heard(request.clone()));
        return api(request);
      },
      { origin: location },
    );
  });

  return {
    time,
    clock,
    net,
    treasury,
    asked,
    alarms,
    root: (scope = {}) => treasury.mint({ ...WIDE, ...scope }),
    client: (credential, more = {}) => new Client({ credential, clock, ...more }),
    shop: (terms, more) => openShop(net, clock, terms, more),
    paid: () => {
      const made = net
        .payments()
        .filter(({ status, payer }) => status === "paid" && payer === "treasury");
      return {
        count: made.length,
        msat: made.reduce((total, { amountMsat, feeMsat }) => total + amountMsat + feeMsat, 0n),
      };
    },
    spent: async (credential) =>
      (await treasury.standing(credential.toString())).at(-1)!.spent[0]!.value,
  };
}

async function openShop(
  net: DevNetwork,
  clock: () => number,
  terms: Terms = { price: "10 sat" },
  options: Partial<PaywallOptions> = {},
): Promise<Shop> {
  const received: Received[] = [];
  const acts: Act[] = [];
  const served: Shop["served"] = [];
  let paywall!: Paywall;
  const url = await listen((location) => {
    paywall = new Paywall({
      secret: secretOf("the shop"),
      location,
      invoicer: devWallet(net.account("shop").invoiceOnlyUrl),
      clock,
      challengesPerMinute: { perClient: 100_000, total: 100_000 },
      ...options,
    });
    const behind = paid(paywall, terms, async (incoming, outgoing, grant) => {
      const act = acts.shift() ?? "serve";
      const body = await bodyOf(incoming);
      if (act === "fail") {
        outgoing.statusCode = 500;
        outgoing.end("out of order");
      } else if (act === "hang-up") outgoing.destroy();
      else if (act !== "serve") act(outgoing, incoming);
      else {
        const { method = "", url: target = "" } = incoming;
        served.push({ grant, method, target, body });
        outgoing.setHeader("content-type", "application/json");
        outgoing.end(JSON.stringify({ served: served.length }));
      }
    });
    const handle = wellKnown(paywall, behind);
    return (incoming, outgoing) => {
      received.push(receivedOf(incoming, ""));
      handle(incoming, outgoing);
    };
  });
  return { url, received, paywall, acts, served };
}

export interface Demand {
  readonly amountMsat?: bigint;
  /** What the macaroon says. */
  readonly scope?: Scope;
  /** Instead of one that the network made: any text. */
  readonly invoice?: string;
  /** The conditions said to be enforced; all of ours where left out. */
  readonly enforced?: readonly string[] | undefined;
  readonly macaroon?: Challenge["macaroon"];
}

/**
 * Makes challenges as a service at `url` would, honest or not, with invoices of the network's
 * account `shop`.
 */
export function challenger({ net, clock }: Town, url: string) {
  const authority = new Authority({ secret: secretOf("the shop"), location: url, clock });
  const invoicer = devWallet(net.account("shop").invoiceOnlyUrl);
  const demand = async (wish: Demand = {}): Promise<Challenge> => {
    const invoice = await invoicer.createInvoice({
      amountMsat: wish.amountMsat ?? 10_000n,
      expirySeconds: 600,
    });
    const scope = wish.scope ?? { endpoints: [`* ${url}/**`], expiresIn: "1h" };
    const challenge = authority.minter.challenge(scope, invoice);
    return {
      ...challenge,
      ...("enforced" in wish && { enforced: wish.enforced }),
      ...(wish.macaroon !== undefined && { macaroon: wish.macaroon }),
      ...(wish.invoice !== undefined && { invoice: wish.invoice }),
    };
  };
  return { authority, demand };
}

/** Answers 402 with these challenges' lines. */
export function ask402(response: ServerResponse, ...challenges: readonly Challenge[]): void {
  response.writeHead(402, {
    "www-authenticate": challenges.flatMap((challenge) => [...Challenge.format(challenge)]),
  });
  response.end();
}

/** An invoice for the payment hash of `like`, with other terms, signed by a node of its own. */
export function forgeInvoice(
  like: string,
  terms: Partial<Parameters<typeof Invoice.encode>[0]>,
  key: Uint8Array = new Uint8Array(32).fill(0x42),
): string {
  const { network, amountMsat, timestamp, expirySeconds, paymentHash, paymentSecret } =
    Invoice.decode(like);
  const fields = { network, amountMsat, timestamp, expirySeconds, paymentHash, paymentSecret };
  return Invoice.encode({ ...fields, description: "", features: [8, 14], ...terms }, key);
}

/** The error that a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("it did not fail");
}

/** A promise, and the hand that resolves it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
