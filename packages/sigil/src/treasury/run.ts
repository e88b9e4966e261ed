/** Runs a treasury of the library with logs, metrics and traces. */
import { randomUUID } from "node:crypto";
import type { Handler } from "l8nt/node";
import type { BooksWitness } from "l8nt/ports";
import { routeLabel, serveTreasury, type Treasury, type TreasuryOptions } from "l8nt/treasury";
import { amountJson } from "../amounts.ts";
import type { Config } from "./config.ts";
import type { Logger } from "./log.ts";
import { Metrics } from "./metrics.ts";
import type { Secrets } from "./secrets.ts";
import { type Traced, tracer } from "./tracing.ts";
import { type OpenWallet, tracedWallet } from "./wallet.ts";

export interface RunOptions {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly store: NonNullable<TreasuryOptions["store"]>;
  readonly wallet: OpenWallet;
  /** What it mints for, with its keys. @default none */
  readonly mints?: TreasuryOptions["mints"];
  /** Keeps how far the books have come. */
  readonly witness?: BooksWitness;
  readonly fetch: typeof fetch;
  /** Orders under way for which there are connections. @default what config.json says */
  readonly maxOrders?: number;
  /** @default the library's, in JavaScript */
  readonly curve?: TreasuryOptions["curve"];
  readonly log: Logger;
  /** How often the wallet is asked about open payments. @default "15s" */
  readonly lookUpEvery?: `${number}s`;
}

/** A running treasury. */
export interface Running {
  readonly treasury: Treasury;
  /** The public key of its receipts, 64 hex digits. */
  readonly receiptKey: string;
  readonly handler: Handler;
  /** Waits for work under way, and makes receipts for a moment. The store stays open. */
  stop(): Promise<void>;
}

/** Starts a treasury. @throws AdapterError `ERR_STORE` */
export async function runTreasury(options: RunOptions): Promise<Running> {
  const { config, secrets, store, lookUpEvery, curve, log, witness, mints } = options;
  const traced = await tracer();
  const metrics = new Metrics();
  const served = await serveTreasury({
    ...config.limits,
    ...(options.maxOrders !== undefined && { maxOrders: options.maxOrders }),
    secret: secrets.root,
    receiptSeed: secrets.receipts,
    ...(curve !== undefined && { curve }),
    location: config.location,
    store,
    ...(lookUpEvery !== undefined && { lookUpEvery }),
    ...(witness !== undefined && { witness }),
    ...(mints !== undefined && { mints }),
    wallet: tracedWallet(options.wallet, traced),
    fetch: tracedFetch(options.fetch, traced),
    metrics: async (owner) =>
      new Response(await metrics.text(await owner.health()), {
        headers: { "content-type": metrics.contentType },
      }),
    onPaid(payment) {
      metrics.paid(payment);
      const { paymentHash, origin, amount, fee } = payment;
      log.info({ paymentHash, origin, amount: amountJson(amount), fee: amountJson(fee) }, "paid");
    },
    alarm(what) {
      metrics.alarmed();
      log.warn(what);
    },
    onLookUp: onChange((stillOpen) =>
      log.info({ stillOpen }, "asked the wallet about open payments"),
    ),
  });
  const { treasury, receiptKey } = served;
  const { openPayments, unexplainedPayments } = await treasury.owner.health();
  if (unexplainedPayments > 0)
    log.warn(
      { unexplainedPayments },
      "nothing is spent until the owner has explained payments of the wallet: sigil treasury unexplained",
    );
  if (openPayments > 0)
    log.warn(
      { openPayments },
      "the outcome of open payments is unknown; their amounts stay reserved",
    );
  const handler = watched({ handler: served.handler, metrics, log, traced });
  return { treasury, receiptKey, handler, stop: () => served.stop() };
}

interface WatchOptions {
  readonly handler: (request: Request) => Promise<Response>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly traced: Traced;
}

/** Counts, logs and traces each request. */
function watched({ handler, metrics, log, traced }: WatchOptions): Handler {
  return async (request) => {
    const route = routeLabel(new URL(request.url).pathname);
    const began = performance.now();
    const id = randomUUID();
    const elapsedSeconds = () => (performance.now() - began) / 1000;
    try {
      const response = await traced(
        `${request.method} ${route}`,
        { "http.request.method": request.method, "url.path": route },
        () => handler(request),
      );
      const seconds = elapsedSeconds();
      const { status } = response;
      metrics.requested(route, status, seconds);
      const ms = Math.round(seconds * 1000);
      log.info({ id, method: request.method, route, status, ms }, "answered");
      response.headers.set("sigil-request", id);
      return response;
    } catch (error) {
      metrics.requested(route, 500, elapsedSeconds());
      log.error({ id, route, error: (error as Error).message }, "a bug in sigil");
      throw error;
    }
  };
}

const tracedFetch =
  (fetcher: typeof fetch, traced: Traced): typeof fetch =>
  (input, init) => {
    const { origin } = new URL(input instanceof Request ? input.url : input);
    return traced("fetch", { "server.address": origin }, () => fetcher(input, init));
  };

/** Calls `act` only for changes: a payment can be stuck for hours, and each look-up reports it. */
function onChange(act: (value: number) => void): (value: number) => void {
  let last = 0;
  return (value) => {
    if (value !== last) act(value);
    last = value;
  };
}
