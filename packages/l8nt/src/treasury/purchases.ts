/**
 * Purchases: gets an order answered, with what was bought earlier or by paying, and never pays
 * twice for it. spec/4-purchase.md §4.
 */
import { msat } from "../amount.ts";
import { PaymentError } from "../errors.ts";
import { discard } from "../http/discard.ts";
import { relayed } from "../http/hop.ts";
import { Turns } from "../internal/turns.ts";
import { isSingleUse } from "../l402/challenge.ts";
import { Challenge } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Purchase } from "../ports/treasury.ts";
import { claimFor } from "./bought.ts";
import { checkOrigin } from "./check.ts";
import type { Delivery } from "./delivery.ts";
import type { SpendingGate } from "./gate.ts";
import type { Order } from "./order.ts";
import type { PaymentLookup } from "./payment-lookup.ts";
import { intentOf, type OutgoingPayments } from "./payments.ts";
import type { ServiceRequests } from "./service-requests.ts";

export interface PurchasesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly gate: SpendingGate;
  readonly payments: OutgoingPayments;
  readonly lookup: PaymentLookup;
  readonly services: ServiceRequests;
  readonly delivery: Delivery;
}

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
      (await delivery.ofBought(order)) ??
      this.#turns.take(intentOf(verified, target), () => this.#inTurn(order))
    );
  }

  async #inTurn(order: Order): Promise<Purchase> {
    // The order may have waited, and its agent may have been revoked meanwhile.
    const { verified, target } = order;
    verified.demand({ now: this.#options.clock(), target });
    await this.#settleOpen(order);
    return (await this.#options.delivery.ofBought(order)) ?? this.#buy(order);
  }

  /** Looks up an open payment for the same intent before another one is made. [case 63] */
  async #settleOpen({ verified, target }: Order): Promise<void> {
    const { store, lookup } = this.#options;
    const intent = intentOf(verified, target);
    const open = await store.openFor(intent);
    if (open !== undefined) await lookup.follow(open).catch(rethrowUnlessUnpaid);
  }

  /** Fetches the challenge itself, so that no agent can give it an invoice. [case 99] */
  async #buy(order: Order): Promise<Purchase> {
    const { services, gate, delivery } = this.#options;
    const response = await services.ask(order);
    if (response.status !== 402) return { kind: "response", response: relayed(response) };
    discard(response);
    checkOrigin(response, order.url);
    await gate.demandAt(order.verified, order.target);
    const challenge = Challenge.parse(response.headers.get("www-authenticate"));
    const record = await this.#pay(order, challenge);
    const { origin, paymentHash, amount, fee = msat(0n) } = record;
    const purchase = await delivery.ofPayment(order, record);
    return { ...purchase, payment: { origin, paymentHash, amount, fee } };
  }

  async #pay({ verified, target, by }: Order, challenge: Challenge): Promise<PaymentRecord> {
    const { payments, store, clock } = this.#options;
    const claim = claimFor(isSingleUse(challenge), by, clock());
    try {
      return await payments.pay({ verified, target, challenge, claim, by });
    } catch (error) {
      // If the payment turns out to have been made, the next order may use it. The claim of another
      // order stays.
      const isOpen = claim !== undefined && error instanceof PaymentError && error.spent !== "no";
      if (isOpen)
        await store.mark(challenge.identifier.paymentHash, { unclaim: by }).catch(() => {});
      throw error;
    }
  }
}

function rethrowUnlessUnpaid(error: unknown): void {
  if (error instanceof PaymentError && error.spent === "no") return;
  throw error;
}
