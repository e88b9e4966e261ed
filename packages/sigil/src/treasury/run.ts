/**
 * A treasury at work: its ports in, a handler and an end out. The same here and in the test that
 * kills it.
 */
import { randomUUID } from "node:crypto";
import { REVOCATIONS_PATH, revocationFeed } from "l8nt/feed";
import type { Handler } from "l8nt/node";
import { ReceiptClerk, ReceiptSigner } from "l8nt/receipts";
import { ownerApi, routeLabel, Treasury, type TreasuryOptions, treasuryApi } from "l8nt/treasury";
import type { Config } from "./config.ts";
import { followOpen } from "./follow.ts";
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
  readonly fetch: typeof fetch;
  readonly log: Logger;
  /**
   * The same again after a restart, so that what this process left behind is told from what another
   * one is at.
   */
  readonly instance: string;
  /**
   * How often the wallet is asked about payments whose outcome it did not know. 15 where it is not
   * given.
   */
  readonly followSeconds?: number;
}

export interface Running {
  readonly treasury: Treasury;
  /** The public key of its receipts, 64 hex. */
  readonly receiptKey: string;
  readonly handler: Handler;
  /** Lets what is under way end, makes the receipts that are missing, and closes the store. */
  stop(): Promise<void>;
}

/** A batch of receipts is signed in one go: the event loop should not stand still for longer. */
const RECEIPTS_AT_ONCE = 8;
/**
 * How long a stop waits for payments under way. What is not known by then is found at the next
 * start.
 */
const PATIENCE_MS = 60_000;

const FOLLOW_SECONDS = 15;

/**
 * Reads the books, reconciles them with the wallet, and is then ready to serve. @throws
 * AdapterError `ERR_STORE`
 */
export async function runTreasury(options: RunOptions): Promise<Running> {
  const { config, secrets, store, log } = options;
  const traced = await tracer();
  const signer = await ReceiptSigner.fromSeed(secrets.receipts);
  const clerk = new ReceiptClerk({
    book: store,
    signer,
    batch: RECEIPTS_AT_ONCE,
    alarm: (error) =>
      log.error(
        { code: (error as { code?: unknown }).code },
        "a receipt could not be made; it is tried again",
      ),
  });
  const treasury: Treasury = new Treasury({
    secret: secrets.root,
    location: config.location,
    store,
    instance: options.instance,
    wallet: tracedWallet(options.wallet, traced),
    fetch: tracedFetch(options.fetch, traced),
    pinsPayees: config.pinsPayees,
    maxFirstPaymentMsat: config.maxFirstPaymentMsat,
    maxFeeMsat: (amountMsat) => {
      const onePercent = amountMsat / 100n;
      return onePercent > config.maxFeeMsat ? onePercent : config.maxFeeMsat;
    },
    maxInFlight: { perNode: config.maxInFlightPerAgent },
    onPaid: (payment) => {
      metrics.paid(payment);
      log.info(
        {
          paymentHash: payment.paymentHash,
          origin: payment.origin,
          amountMsat: `${payment.amountMsat}`,
          feeMsat: `${payment.feeMsat}`,
        },
        "paid",
      );
      clerk.wake();
    },
    alarm: (what) => {
      metrics.alarmed();
      log.warn(what);
    },
  });
  const metrics = new Metrics(treasury.owner);
  await treasury.start();
  clerk.wake();
  const { openPayments } = await treasury.owner.health();
  if (openPayments > 0)
    log.warn(
      { openPayments },
      "payments whose outcome the wallet does not know: their amounts stay reserved",
    );
  const stopFollowing = followOpen(treasury, options.followSeconds ?? FOLLOW_SECONDS, log);
  const underWay = new Set<Promise<unknown>>();
  return {
    treasury,
    receiptKey: signer.publicKey,
    handler: withFeed(
      revocationFeed(store, { key: signer, location: config.location }),
      watched({ treasury, metrics, log, traced, underWay }),
    ),
    async stop() {
      stopFollowing();
      await ended(underWay);
      await treasury.stop();
      clerk.wake();
      await clerk.idle();
      await store.close();
    },
  };
}

interface WatchOptions {
  readonly treasury: Treasury;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly traced: Traced;
  readonly underWay: Set<Promise<unknown>>;
}

/**
 * What was revoked is public, and signed. Whoever waits there waits for news, so a stop does not
 * wait for him.
 */
const withFeed =
  (feed: (request: Request) => Promise<Response>, others: Handler): Handler =>
  (request, client) =>
    request.method === "GET" && new URL(request.url).pathname === REVOCATIONS_PATH
      ? feed(request)
      : others(request, client);

/** Agents and owner on one listener, each under a credential of its own. */
function watched({ treasury, metrics, log, traced, underWay }: WatchOptions): Handler {
  const agents = treasuryApi(treasury);
  const owner = ownerApi(treasury, {
    metrics: async () =>
      new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } }),
  });
  return async (request) => {
    const { pathname } = new URL(request.url);
    const route = routeLabel(pathname);
    const begun = performance.now();
    const id = randomUUID();
    const work = traced(
      `${request.method} ${route}`,
      { "http.request.method": request.method, "url.path": route },
      () => (route === "owner" ? owner(request) : agents(request)),
    );
    underWay.add(work);
    try {
      const response = await work;
      const seconds = (performance.now() - begun) / 1000;
      metrics.requested(route, response.status, seconds);
      log.info(
        {
          id,
          method: request.method,
          route,
          status: response.status,
          ms: Math.round(seconds * 1000),
        },
        "answered",
      );
      response.headers.set("sigil-request", id);
      return response;
    } catch (error) {
      metrics.requested(route, 500, (performance.now() - begun) / 1000);
      log.error({ id, route, error: (error as Error).message }, "a bug in sigil");
      throw error;
    } finally {
      underWay.delete(work);
    }
  };
}

const tracedFetch =
  (fetcher: typeof fetch, traced: Traced): typeof fetch =>
  (input, init) => {
    const { origin } = new URL(input instanceof Request ? input.url : input);
    return traced("fetch", { "server.address": origin }, () => fetcher(input, init));
  };

async function ended(underWay: ReadonlySet<Promise<unknown>>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  await Promise.race([Promise.allSettled(underWay), patience]);
  clearTimeout(timer);
}
