/** A treasury across HTTP, as a client uses it. */

import { AdapterError, BudgetError, ChallengeError, PaymentError, SigilError } from "../errors.ts";
import { wasNotSent } from "../http/ending.ts";
import { everyPage, WHOLE_PAGE_ROWS } from "../internal/pages.ts";
import type { Descent } from "../ports/descent.ts";
import type { ReceiptRow } from "../ports/receipts.ts";
import {
  EMBEDDED_LOCATION,
  type NodeStanding,
  type Purchase,
  type PurchaseRequest,
  type Treasurer,
} from "../ports/treasury.ts";
import { ownStanding, ownTree } from "../wire/nodes.ts";
import { readProblem } from "../wire/problem.ts";
import { answeredOrders, isRelayed, orderOf, purchase, readPurchase } from "../wire/purchase.ts";
import { ownReceipts } from "../wire/receipts.ts";
import { revocation } from "../wire/revocation.ts";
import { Tries } from "./retry.ts";
import { type Sender, signing } from "./signing.ts";
import { answeredWith, TreasuryHttp, UNREACHABLE, UNREADABLE } from "./treasury-http.ts";

/** Statuses of a proxy that got no answer from the treasury behind it, which may have acted. */
const BROKEN: ReadonlySet<number> = new Set([408, 499, 502, 503, 504]);

/** A try of an order whose answer was not heard. */
interface Lost {
  readonly what: string;
  readonly cause?: unknown;
  /** Whether the treasury may have received it. */
  readonly wasSent: boolean;
  /** Whether the same order may be heard at another try. */
  readonly mayRepeat: boolean;
  readonly afterSeconds?: number | undefined;
}

/** Serves credentials that name this location. Their text is sent there and nowhere else. */
export class RemoteTreasury implements Treasurer {
  readonly #treasury: TreasuryHttp;

  /**
   * @throws AdapterError `ERR_REQUEST` for a location that is not a URL, or for plain HTTP to
   * another machine
   */
  constructor(location: string, sender: Sender) {
    if (location === EMBEDDED_LOCATION)
      throw new AdapterError(
        "ERR_TREASURY",
        "The credential comes from a client whose treasury is inside its own process. To let other processes use it, give that client `treasury: { location }` and serve `treasuryApi(client.treasury)` there.",
      );
    this.#treasury = new TreasuryHttp(location, signing(sender));
  }

  /**
   * Sends the order, and sends the same one again while its answer is lost on the way: the treasury
   * pays at most once for an id. [case 63]
   *
   * @throws the treasury's own error; AdapterError `ERR_TREASURY` if nothing was sent; PaymentError
   * `ERR_PAYMENT_UNKNOWN` if the treasury may have paid
   */
  async buy(order: PurchaseRequest): Promise<Purchase> {
    const tries = new Tries(order.signal);
    let wasSent = false;
    for (;;) {
      const outcome = await this.#try(order);
      if (outcome instanceof Error) {
        // Nothing was done for the order, and there is room for it later.
        const { code, retryAfterSeconds } = outcome;
        if (code === "ERR_RATE_LIMITED" && (await tries.again(retryAfterSeconds))) continue;
        throw wasSent ? this.#refusedLater(order, outcome) : outcome;
      }
      if ("kind" in outcome) return wasSent ? madeNow(outcome) : outcome;
      wasSent ||= outcome.wasSent;
      // A treasury that was never reached is not running. One that was may be starting again.
      if (!wasSent) throw this.#treasury.failed(outcome.what, outcome.cause);
      if (!outcome.mayRepeat || !(await tries.again(outcome.afterSeconds)))
        throw this.#unknown(order, `${outcome.what}${triesInWords(tries.made)}`, outcome.cause);
    }
  }

  async #try(order: PurchaseRequest): Promise<Purchase | SigilError | Lost> {
    let response: Response;
    try {
      const given = { body: orderOf(order) };
      // The treasury learns that the agent has gone, and leaves what it pays for to the next order.
      response = await this.#treasury.send(purchase, order.credential, given, order.signal);
    } catch (cause) {
      // Of a `fetch` that signs the body, and so reads it before it sends anything.
      if (cause instanceof AdapterError && cause.code === "ERR_TOO_LARGE") return cause;
      return wasNotSent(cause)
        ? { what: UNREACHABLE, cause, wasSent: false, mayRepeat: true }
        : { what: "did not answer", cause, wasSent: true, mayRepeat: true };
    }
    if (response.status !== 200 && !isRelayed(response)) {
      const own = await readProblem(response);
      if (own !== undefined) return own;
      return hidden(response);
    }
    try {
      return await readPurchase(response, new URL(order.url).origin);
    } catch (cause) {
      const broke = !(cause instanceof SigilError);
      const what = broke ? "broke off its answer" : UNREADABLE;
      return { what, cause, wasSent: true, mayRepeat: broke };
    }
  }

  /**
   * What the treasury answered to a later try. It looks for the order's payment before anything
   * else that costs money, so an error about money is about the order. Any other one is not.
   */
  #refusedLater(order: PurchaseRequest, error: SigilError): SigilError {
    const isAboutMoney =
      error instanceof PaymentError ||
      error instanceof BudgetError ||
      error instanceof ChallengeError;
    if (isAboutMoney) return error;
    return this.#unknown(
      order,
      `did not answer, and then refused the order: ${error.message}`,
      error,
    );
  }

  #unknown({ id }: PurchaseRequest, what: string, cause: unknown): PaymentError {
    const said = what.replace(/\.$/, "");
    return new PaymentError(
      "ERR_PAYMENT_UNKNOWN",
      "unknown",
      `The treasury ${this.#treasury.origin} ${said}. It may have paid for this order (${id}). Send the request again: with its Idempotency-Key, if it has one, it is the same order, which is paid for once; without one it is a new order, which uses what was paid for before it pays.`,
      { cause },
    );
  }

  async answered(
    credential: string,
    orders: readonly string[],
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#treasury.ask(answeredOrders, credential, { body: { orders } }, signal);
  }

  async revoke(credential: string, descent: Descent): Promise<string> {
    const body = "blocks" in descent ? descent : { caveats: descent };
    return (await this.#treasury.ask(revocation, credential, { body })).node;
  }

  async standing(credential: string): Promise<readonly NodeStanding[]> {
    return (await this.#treasury.ask(ownStanding, credential, {})).nodes;
  }

  tree(credential: string): Promise<readonly NodeStanding[]> {
    return everyPage(async (after) => {
      const query = { limit: WHOLE_PAGE_ROWS, ...(after !== undefined && { after }) };
      const { nodes, next } = await this.#treasury.ask(ownTree, credential, { query });
      return { items: nodes, next };
    });
  }

  async receipts(credential: string, after: number, limit: number): Promise<readonly ReceiptRow[]> {
    return (await this.#treasury.ask(ownReceipts, credential, { query: { after, limit } }))
      .receipts;
  }
}

/**
 * An answer that something between the client and the treasury wrote. It does not know what the
 * treasury did, which may have paid, unless it refused the request itself: 4xx, but those of a
 * proxy that waited in vain. A 2xx may be the treasury's 200, changed on the way.
 */
function hidden(response: Response): Lost {
  const { status, ok, headers } = response;
  const isBroken = BROKEN.has(status);
  return {
    what: answeredWith(response),
    wasSent: isBroken || status < 400 || status > 499,
    mayRepeat: isBroken || ok,
    afterSeconds: Number(/^[0-9]{1,3}$/.exec(headers.get("retry-after") ?? "") ?? 0),
  };
}

/** A payment that may be one of an earlier try of this very call, whose answer was lost. */
function madeNow(purchase: Purchase): Purchase {
  if (purchase.payment === undefined) return purchase;
  const { earlier: _, ...payment } = purchase.payment;
  return { ...purchase, payment };
}

const triesInWords = (tries: number): string => (tries === 1 ? "" : `, tried ${tries} times`);
