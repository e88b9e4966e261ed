/**
 * Runs an order: gets one request answered, from what is held or by paying, and never pays twice
 * for it. spec/4-purchase.md §4-5.
 */
import { formatOrigin } from "../caveat/index.ts";
import { PaymentError } from "../errors.ts";
import { checkOrigin, discard, relayed } from "../http/outbound.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Turns } from "../internal/turns.ts";
import { Challenge } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { PaymentSummary, Purchase, PurchaseRequest } from "../ports/treasury.ts";
import {
  type Bought,
  claimFor,
  mayServe,
  type PaidCredential,
  paidCredentialOf,
} from "./bought.ts";
import {
  ALL_NODES,
  type Delivery,
  narrowed,
  notDelivered,
  type Order,
  type Running,
} from "./delivery.ts";
import { handoverCaveats } from "./narrowing.ts";
import { intentOf, type OutgoingPayments } from "./payments.ts";
import type { Recall } from "./recall.ts";
import type { Settler } from "./settler.ts";

export interface PurchasesOptions {
  readonly store: Store;
  readonly payments: OutgoingPayments;
  readonly settler: Settler;
  readonly recall: Recall;
  readonly bought: Bought;
  readonly delivery: Delivery;
  readonly clock: Clock;
  /** Before the claims of this process. */
  readonly instance: string;
}

export class Purchases {
  readonly #options: PurchasesOptions;
  readonly #bought: Bought;
  readonly #delivery: Delivery;
  readonly #turns = new Turns();

  constructor(options: PurchasesOptions) {
    this.#options = options;
    this.#bought = options.bought;
    this.#delivery = options.delivery;
  }

  async run(asked: Order): Promise<Purchase> {
    const order = { ...asked, by: `${this.#options.instance}.${hexText(randomBytes(8))}` };
    const { refused } = order.request;
    const doubted = refused === undefined ? undefined : await this.#doubt(order, refused);
    if (doubted !== undefined) return doubted;
    // What is held is used without waiting for anybody; only who has to pay waits for his turn.
    return (
      (await this.#fromBought(order)) ??
      this.#turns.take(intentOf(order.verified, order.target), () => this.#inTurn(order))
    );
  }

  async #inTurn(order: Running): Promise<Purchase> {
    // He may have waited, and been revoked meanwhile.
    const { verified, target } = order;
    verified.demand({ now: this.#options.clock(), target });
    await this.#settleOpen(order);
    return (await this.#fromBought(order)) ?? this.#ask(order);
  }

  /**
   * What the agent says about a credential that it holds: used up, or paid for and never served.
   * Its word is not taken. The treasury asks the service itself, with nothing that this very
   * request is not covered by. [case 25]
   */
  async #doubt(
    order: Running,
    { paymentHash, delivered }: NonNullable<PurchaseRequest["refused"]>,
  ): Promise<Purchase | undefined> {
    const { verified, target } = order;
    const record = await this.#options.store.payment(paymentHash);
    const payer = record?.nodeIds.at(-1);
    const isTheirs = verified.nodes.some(({ id }) => id === payer);
    if (record?.preimage === undefined || !isTheirs) return undefined;
    // Another request is at it: who doubts it now would take it away, and an honest service would
    // seem not to deliver.
    if (this.#bought.isInUse(record, this.#options.clock())) return undefined;
    const paid = paidCredentialOf(record);
    const isGood =
      record.status !== "undelivered" && mayServe(paid, verified, target, this.#options.clock());
    if (!delivered) {
      if (!isGood) throw notDelivered(record.origin);
      return this.#delivery.deliver(order, paid, verified.node.id);
    }
    if (!isGood || record.status !== "paid") return undefined;
    const response = await this.#delivery.use(order, paid);
    if (response !== undefined) return { kind: "response", response: relayed(response) };
    await this.#bought.usedUp(paid);
    return undefined;
  }

  /**
   * A payment for this intent whose outcome was not known: it is asked for before another is made.
   * [case 63]
   */
  async #settleOpen({ verified, target }: Order): Promise<void> {
    const intent = intentOf(verified, target);
    for (const record of await this.#options.store.openPayments())
      if (record.intent === intent)
        await this.#options.payments.follow(record).catch(rethrowUnlessSettled);
  }

  async #fromBought(order: Running): Promise<Purchase | undefined> {
    for (;;) {
      const { verified, target, by } = order;
      const paid = await this.#bought.take(verified, target, this.#options.clock(), by);
      if (paid === undefined) return undefined;
      const handed = await this.#handOver(order, paid);
      if (handed !== undefined) return handed;
      try {
        const response = await this.#delivery.use(order, paid);
        if (response !== undefined) return { kind: "response", response: relayed(response) };
      } catch (error) {
        await this.#bought.giveBack(paid.record, by);
        throw error;
      }
      // Paid for by a request that never got an answer, and worth nothing: that is no reason to pay
      // again. [cases 62, 72] Unless another process had it: one that died may have used it up, and
      // nobody heard the answer.
      const { paymentHash, delivered } = paid.record;
      const isCertain =
        this.#options.settler.settledHere(paymentHash) && !this.#bought.wasShared(paid.record);
      if (!delivered && isCertain) return this.#delivery.accuse(paid, ALL_NODES);
      await this.#bought.usedUp(paid);
    }
  }

  /** Fetches the challenge itself: nobody can hand it an invoice. [case 99] */
  async #ask(order: Running): Promise<Purchase> {
    const response = await this.#delivery.send(order);
    if (response.status !== 402) return { kind: "response", response: relayed(response) };
    discard(response);
    checkOrigin(response, order.url);
    order.demandSpending();
    await this.#checkQuarantine(order);
    const challenge = Challenge.parse(response.headers.get("www-authenticate"));
    const record = await this.#pay(order, challenge);
    const payment: PaymentSummary = {
      origin: record.origin,
      paymentHash: record.paymentHash,
      amountMsat: record.amountMsat,
      feeMsat: record.feeMsat ?? 0n,
    };
    const paid = paidCredentialOf(record);
    const purchase =
      (await this.#handOver(order, paid)) ?? (await this.#delivery.deliver(order, paid, ALL_NODES));
    return { ...purchase, payment };
  }

  async #pay(
    { verified, target, by, demandSpending }: Running,
    challenge: Challenge,
  ): Promise<PaymentRecord> {
    const { payments, store, clock } = this.#options;
    const claim = claimFor(challenge.macaroon, by, clock());
    try {
      return await payments.pay(verified, target, challenge, { claim, demandSpending });
    } catch (error) {
      // Where it turns out later that it was paid, whoever asks next may have it. What another
      // request has stays with it.
      const isOpen = claim !== undefined && error instanceof PaymentError && error.spent !== "no";
      if (isOpen)
        await store.mark(challenge.identifier.paymentHash, { unclaim: by }).catch(() => {});
      throw error;
    }
  }

  async #handOver(
    { verified, target, by }: Running,
    paid: PaidCredential,
  ): Promise<Purchase | undefined> {
    const now = this.#options.clock();
    const caveats = handoverCaveats(verified, target, paid.record, now);
    const credential = caveats === undefined ? undefined : narrowed(paid.full, caveats);
    if (caveats === undefined || credential === undefined) return undefined;
    // Paying takes its time: whoever was revoked meanwhile is handed nothing. [case 111]
    try {
      verified.demand({ now, target });
    } catch (error) {
      await this.#bought.giveBack(paid.record, by);
      throw error;
    }
    // Before anything is waited for: a revocation that comes meanwhile recalls it too. [case 111]
    this.#options.recall.add({
      origin: paid.record.origin,
      full: paid.full,
      caveats,
      nodeIds: verified.nodes.map(({ id }) => id),
      validUntil: credential.chain.validUntil ?? now,
    });
    await this.#bought.handedOver(paid);
    return { kind: "credential", credential: credential.toString() };
  }

  async #checkQuarantine({ verified, target }: Order): Promise<void> {
    const origin = formatOrigin(target.origin);
    const closed = await this.#options.store.closures(origin, this.#options.clock());
    if (closed.some((to) => to === ALL_NODES || verified.nodes.some(({ id }) => id === to)))
      throw new PaymentError(
        "ERR_ORIGIN_QUARANTINED",
        "no",
        `${origin} took a payment and did not deliver, so it is paid nothing for now.`,
      );
  }
}

function rethrowUnlessSettled(error: unknown): void {
  if (error instanceof PaymentError && error.spent === "no") return;
  throw error;
}
