/**
 * Purchases: gets an order answered, with what was bought earlier or by paying, and never pays
 * twice for it. spec/4-purchase.md §4.2.
 */

import { formatOrigin } from "../caveat/index.ts";
import { ChallengeError, PaymentError } from "../errors.ts";
import { discard } from "../http/discard.ts";
import { linesOf } from "../http/field-lines.ts";
import { Turns } from "../internal/turns.ts";
import { Challenge, type Offer } from "../l402/challenge.ts";
import { otherSchemes } from "../l402/other-schemes.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Purchase } from "../ports/treasury.ts";
import { checkOrigin, chooseOffer, readSkew } from "./check.ts";
import type { Delivery } from "./delivery.ts";
import type { SpendingGate } from "./gate.ts";
import type { Minting } from "./minting.ts";
import type { NodeDirectory } from "./nodes.ts";
import { hasGone, type Order } from "./order.ts";
import type { PaymentLookup } from "./payment-lookup.ts";
import { intentOf, type OutgoingPayments, underWay } from "./payments.ts";
import { anotherRequest } from "./running-orders.ts";
import type { ServiceRequests } from "./service-requests.ts";
import type { Ask, UnpaidAsks } from "./unpaid-asks.ts";

export interface PurchasesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly gate: SpendingGate;
  readonly nodes: Pick<NodeDirectory, "spent">;
  readonly payments: OutgoingPayments;
  readonly lookup: PaymentLookup;
  readonly services: ServiceRequests;
  readonly delivery: Delivery;
  readonly asks: UnpaidAsks;
  /** Undefined if the treasury mints for no service. */
  readonly minting: Minting | undefined;
}

/** How often an order tries to pay that had something each time after all. */
const ATTEMPTS = 3;

export class Purchases {
  readonly #options: PurchasesOptions;
  readonly #turns = new Turns();

  constructor(options: PurchasesOptions) {
    this.#options = options;
  }

  async run(order: Order): Promise<Purchase> {
    const { delivery } = this.#options;
    const { verified, target, request } = order;
    if (request.refused !== undefined) {
      const answered = await delivery.ofRefused(order, request.refused);
      if (answered !== undefined) return answered;
    }
    // What was bought is used at once. Only orders that have to pay wait for each other.
    return (
      (await this.#ofHeld(order)) ??
      this.#turns.take(intentOf(verified, target), () => this.#inTurn(order))
    );
  }

  /** Answers with what the order has, and then with what others of the node's lineage bought. */
  async #ofHeld(order: Order): Promise<Purchase | undefined> {
    return (await this.#ofOwn(order)) ?? (await this.#options.delivery.ofBought(order));
  }

  /** @throws PaymentError if the order's payment is open, or its purchase cannot answer it */
  async #ofOwn(order: Order): Promise<Purchase | undefined> {
    const { store, delivery } = this.#options;
    const ordered = await store.ordered(order.key);
    if (ordered === undefined) return undefined;
    const { origin, method, path } = order.target;
    const isOfMethod = ordered.method === method || (method === "HEAD" && ordered.method === "GET");
    const isAtPlace =
      ordered.origin === formatOrigin(origin) &&
      (ordered.anyPath || (isOfMethod && ordered.path === path));
    if (!isAtPlace) throw anotherRequest();
    const record = ordered.status === "open" ? await this.#follow(ordered) : ordered;
    return record && delivery.ofOwn(order, record);
  }

  /** Asks the wallet; undefined if the payment was not made. */
  async #follow(record: PaymentRecord): Promise<PaymentRecord | undefined> {
    try {
      return await this.#options.lookup.follow(record);
    } catch (error) {
      if (error instanceof PaymentError && error.spent === "no") return undefined;
      throw error;
    }
  }

  async #inTurn(order: Order): Promise<Purchase> {
    // The order may have waited, and its agent may have been revoked meanwhile.
    const { verified, target } = order;
    const { store, clock } = this.#options;
    verified.demand({ now: clock(), target });
    // Another payment of the intent is looked up before one is made. [case 63]
    const open = await store.openFor(intentOf(verified, target));
    if (open !== undefined) await this.#follow(open);
    return (await this.#ofHeld(order)) ?? this.#buy(order);
  }

  /** Fetches the challenge itself, so that no agent can give it an invoice. [case 99] */
  async #buy(order: Order): Promise<Purchase> {
    const ask = await this.#options.asks.begin(order);
    try {
      return await this.#ask(order, ask);
    } finally {
      ask.end();
    }
  }

  async #ask(order: Order, ask: Ask): Promise<Purchase> {
    const { services, gate, nodes, delivery, payments, clock, minting } = this.#options;
    const { verified, target } = order;
    const response = await services.ask(order);
    const isPriced = response.status === 402;
    const mayMint = (await minting?.isWanted(order, response)) === true;
    if (!isPriced && !mayMint) return delivery.ofFree(order, response);
    if (isPriced) ask.priced();
    const offers = await offersIn(response);
    checkOrigin(response, order.url);
    try {
      await gate.demandAt(verified, target);
    } catch (error) {
      // The books may have lost this node, and the owner may say that it made the payment.
      if (gate.unexplained.count > 0) await nodes.spent(verified);
      throw error;
    }
    if (offers instanceof ChallengeError && !mayMint) throw offers;
    const skewSeconds = readSkew(response, clock());
    if (hasGone(order))
      throw new PaymentError("ERR_PAYMENT_FAILED", "no", "The request was given up before paying.");
    const minted = mayMint
      ? await minting!.deliver(order, { skewSeconds, mayPay: isPriced })
      : undefined;
    if (minted !== undefined) {
      // Nothing is owed for it.
      ask.paid();
      return minted;
    }
    if (offers instanceof ChallengeError) throw offers;
    const { key, priced } = order;
    const offer = await chooseOffer(offers, target, clock() + skewSeconds);
    const asked = { verified, target, offer, order: key, request: priced, skewSeconds };
    for (let tries = 0; tries < ATTEMPTS; tries++) {
      const record = await payments.pay({ ...asked, begun: ask.paid });
      if (record !== undefined) return delivery.ofPayment(order, record);
      // The order has something by now: another process paid for it, or what this order had taken
      // over was given back to it, and may be of no use.
      ask.paid();
      const purchase = await this.#ofOwn(order);
      if (purchase !== undefined) return purchase;
    }
    throw underWay();
  }
}

/**
 * What a 402 offers, or why nothing of it can be paid. Ends the response. The error of one without
 * an L402 challenge names the schemes that it has instead.
 */
async function offersIn(response: Response): Promise<readonly Offer[] | ChallengeError> {
  try {
    const offers = Challenge.offers(linesOf(response, "www-authenticate"));
    discard(response);
    return offers;
  } catch (error) {
    if (!(error instanceof ChallengeError)) throw error;
    if (error.code === "ERR_CHALLENGE_MISSING") {
      const others = await otherSchemes(response);
      if (others.length > 0)
        return new ChallengeError(error.code, `${error.message} It offers ${others.join(", ")}.`);
    } else discard(response);
    return error;
  }
}
