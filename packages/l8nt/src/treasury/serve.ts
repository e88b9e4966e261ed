/**
 * A whole treasury: purchases, receipts, the look-up of open payments, the revocation feed, and
 * both HTTP APIs behind one handler. spec/4-purchase.md §7.
 */
import { type Duration, durationSeconds } from "../caveat/duration.ts";
import { AdapterError } from "../errors.ts";
import { revocationFeed } from "../feed/publisher.ts";
import { every, later, type Timer } from "../internal/timers.ts";
import { MemoryStore } from "../stores/memory.ts";
import { Refused } from "../wire/problem.ts";
import { REVOCATIONS_PATH } from "../wire/revocation.ts";
import { safely } from "./alarm.ts";
import { treasuryApi } from "./api.ts";
import { Treasury } from "./guarded.ts";
import type { TreasuryOptions } from "./options.ts";
import { type OwnerApiOptions, ownerApi } from "./owner-api.ts";
import { ReceiptMaker } from "./receipt-maker.ts";
import { routeLabel } from "./routes.ts";
import { examineWallet } from "./wallet-fitness.ts";

export interface ServeTreasuryOptions extends TreasuryOptions, OwnerApiOptions {
  /**
   * How often the wallet is asked about payments whose outcome is unknown, because an agent may
   * never ask for them again, and for what else it paid: books that were copied and are used
   * beside these are noticed within this time. [cases 57, 105]
   *
   * @default "15s"
   */
  readonly lookUpEvery?: Duration;
  /** Called after each such look-up, with the number of payments that are still open. */
  readonly onLookUp?: (stillOpen: number) => void;
}

export interface ServedTreasury {
  readonly treasury: Treasury;
  /** The public key of its receipts and of its revocation feed, 64 hex. */
  readonly receiptKey: string;
  /** Answers agents, the owner and followers of the feed. A Web-standard handler. */
  readonly handler: (request: Request) => Promise<Response>;
  /**
   * Breaks off relayed answers, waits for purchases under way (a minute at most), makes receipts
   * that are missing (for a second or two; the next start makes the rest), and stops everything
   * that runs. The store and the wallet stay open: close them afterwards.
   */
  stop(): Promise<void>;
}

const STOPPED = new AdapterError(
  "ERR_TREASURY_STOPPED",
  "The treasury is shutting down and takes no more requests. Send the request again once it runs.",
);

/**
 * Requests to the feed that wait for news, at one time; a further one is answered at once. A
 * follower needs no credential, so half as many at most as there may be orders: its connection is
 * taken from no agent.
 */
const MAX_FOLLOWERS = 256;

/** What is not known by then is looked up at the next start. */
const PATIENCE_MS = 60_000;
/** For answers that come while it stops. */
const ANSWERS_MS = 1_000;
/** For connections that agents do not read, which `l8nt/node` closes 5 s after the last request. */
const CONNECTIONS_MS = 10_000;
/** For missing receipts, and for a batch under way. The next start makes the rest. */
const RECEIPTS_MS = 1_500;

/**
 * Assembles a treasury and starts it: reads its books, compares them with the wallet, and returns a
 * handler.
 *
 * @throws TypeError for an option that is unknown or cannot work
 * @throws AdapterError `ERR_STORE`; `ERR_WALLET` for a wallet that a treasury cannot use
 * @example
 * const store = await openSqliteStore("treasury.db"); // l8nt/stores/sqlite
 * const served = await serveTreasury({ secret, location: "http://127.0.0.1:8409", wallet, store });
 * await serve(served.handler, { port: 8409 }); // l8nt/node
 */
export async function serveTreasury(options: ServeTreasuryOptions): Promise<ServedTreasury> {
  const { metrics, lookUpEvery = "15s", onLookUp = () => {}, ...rest } = options;
  const { secret, wallet, store = new MemoryStore(), onPaid = () => {}, receiptSeed } = rest;
  const lookUpSeconds = durationSeconds(lookUpEvery, "lookUpEvery");
  const alarm = safely(options.alarm ?? (() => {}));
  const maker = new ReceiptMaker({ store, secret, receiptSeed, alarm });
  const treasury = new Treasury(
    {
      ...rest,
      store,
      onPaid(payment) {
        maker.wake();
        onPaid(payment);
      },
    },
    maker,
  );
  const signer = await maker.signer();
  if (typeof wallet !== "function") await examineWallet(wallet);
  try {
    await treasury.start();
  } catch (error) {
    // A start that fails after the log was read would go on following it.
    await treasury.stop().catch(() => {});
    throw error;
  }
  maker.wake();

  const { location } = treasury;
  const clock = options.clock === undefined ? {} : { clock: options.clock };
  const maxWaiting = Math.min(
    MAX_FOLLOWERS,
    Math.ceil((rest.maxOrders ?? Number.POSITIVE_INFINITY) / 2),
  );
  const feed = revocationFeed(store, { key: signer, location, maxWaiting, ...clock });
  const agents = treasuryApi(treasury);
  const owner = ownerApi(treasury, metrics === undefined ? {} : { metrics });
  const underWay = new Set<Promise<unknown>>();
  const stopped = new AbortController();
  const lookUp = async () => {
    const { stillOpen } = await treasury.reconcile();
    onLookUp(stillOpen);
  };
  const timer = every(lookUpSeconds * 1000, () => {
    lookUp().catch(() => alarm("the books could not be compared with the wallet"));
  });

  return {
    treasury,
    receiptKey: signer.publicKey,
    handler(request) {
      if (stopped.signal.aborted) return Promise.resolve(new Refused(STOPPED).response);
      const { pathname } = new URL(request.url);
      // A follower waits for news, so a stop does not wait for followers.
      if (request.method === "GET" && pathname === REVOCATIONS_PATH)
        return feed(
          new Request(request, { signal: AbortSignal.any([request.signal, stopped.signal]) }),
        );
      const work = routeLabel(pathname) === "owner" ? owner(request) : agents(request);
      underWay.add(work);
      const end = () => underWay.delete(work);
      work.then(end, end);
      return work;
    },
    async stop() {
      clearInterval(timer);
      stopped.abort();
      treasury.cutAnswers();
      // A request for receipts waits for those that are missing, however many these are.
      await inTime(maker.pause(), RECEIPTS_MS);
      await inTime(Promise.allSettled(underWay));
      await inTime(treasury.ordersEnded(), ANSWERS_MS);
      treasury.cutAnswers();
      await inTime(treasury.ordersEnded(), CONNECTIONS_MS);
      await inTime(treasury.stop());
      await inTime(maker.make(), RECEIPTS_MS);
      await inTime(maker.pause(), RECEIPTS_MS);
      await inTime(treasury.keepMark());
    },
  };
}

/** Waits for `work`, a minute at most, or as long as it is said. */
async function inTime(work: Promise<unknown>, atMostMs = PATIENCE_MS): Promise<void> {
  let timer: Timer | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = later(atMostMs, resolve);
  });
  await Promise.race([work, patience]).finally(() => clearTimeout(timer));
}
