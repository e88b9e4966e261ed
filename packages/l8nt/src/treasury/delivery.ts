/**
 * Delivery of what was paid for: hands the credential over or relays the request with it, and
 * decides what became of it. spec/4-purchase.md §4-5.
 */
import { PaymentError, TokenError } from "../errors.ts";
import { discard } from "../http/discard.ts";
import { relayed } from "../http/hop.ts";
import type { Credential } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import { ALL_NODES } from "../ports/directives.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Purchase, PurchaseRequest } from "../ports/treasury.ts";
import { declaredIn, isConsumed } from "../wire/consumption.ts";
import type { Alarm } from "./alarm.ts";
import { type Bought, mayServe, type PaidCredential, paidCredentialOf } from "./bought.ts";
import { handoverCaveats, relayCaveats } from "./narrowing.ts";
import type { Order } from "./order.ts";
import type { Recall } from "./recall.ts";
import type { ServiceRequests } from "./service-requests.ts";
import type { Settler } from "./settler.ts";

export interface DeliveryOptions {
  readonly store: Store;
  readonly bought: Bought;
  readonly recall: Recall;
  readonly settler: Settler;
  readonly services: ServiceRequests;
  readonly clock: Clock;
  readonly alarm: Alarm;
  /** How long an origin that took a payment and did not deliver is not paid. */
  readonly quarantineSeconds: number;
}

/** After paying, how often a service is asked before it counts as not delivering. [case 72] */
const ATTEMPTS = 3;

/**
 * The only place that decides whether something was delivered, used up, or never delivered. Nothing
 * else changes a purchase once it is paid for.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #bought: Bought;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#bought = options.bought;
  }

  /** Delivers what was just paid for. */
  async ofPayment(order: Order, record: PaymentRecord): Promise<Purchase> {
    const paid = paidCredentialOf(record);
    return (await this.#handOver(order, paid)) ?? (await this.#relay(order, paid, ALL_NODES));
  }

  /** Delivers what was paid for earlier; undefined if nothing of it is of use for this order. */
  async ofBought(order: Order): Promise<Purchase | undefined> {
    const { verified, target, by } = order;
    for (;;) {
      const paid = await this.#bought.take(verified, target, this.#options.clock(), by);
      if (paid === undefined) return undefined;
      const handedOver = await this.#handOver(order, paid);
      if (handedOver !== undefined) return handedOver;
      try {
        const response = await this.#use(order, paid);
        if (response !== undefined) return { kind: "response", response: relayed(response) };
      } catch (error) {
        await this.#bought.giveBack(paid.record, by);
        throw error;
      }
      // The order that paid for it never got an answer, and now the service wants another payment:
      // it is accused, not paid again. [cases 62, 72] It is not accused if another process had the
      // credential, because that process may have used it up and died before it wrote that down.
      const { paymentHash, delivered } = paid.record;
      const isCertain =
        this.#options.settler.settledHere(paymentHash) && !this.#bought.wasShared(paid.record);
      if (!delivered && isCertain) return this.#accuse(paid, ALL_NODES);
      await this.#bought.usedUp(paid);
    }
  }

  /**
   * Handles the agent's claim that a credential which was handed over is used up, or never worked.
   * The claim is not believed: the service is asked, with this order's own request. [case 25]
   *
   * @returns the answer if the credential works after all; undefined if something must be bought
   * @throws PaymentError `ERR_PAID_NOT_DELIVERED`
   */
  async ofRefused(
    order: Order,
    { paymentHash, mayBeUsed }: NonNullable<PurchaseRequest["refused"]>,
  ): Promise<Purchase | undefined> {
    const { verified, target } = order;
    const { store, clock } = this.#options;
    const record = await store.payment(paymentHash);
    const payer = record?.nodeIds.at(-1);
    const isTheirs = verified.nodes.some(({ id }) => id === payer);
    if (record?.preimage === undefined || !isTheirs) return undefined;
    // Another order is using it. Using it here as well would take it away from that order, and an
    // honest service would seem not to deliver.
    if (this.#bought.isInUse(record, clock())) return undefined;
    const paid = paidCredentialOf(record);
    const isGood = record.status !== "undelivered" && mayServe(paid, verified, target, clock());
    if (!mayBeUsed) {
      if (!isGood) throw notDelivered(record.origin);
      return this.#relay(order, paid, verified.node.id);
    }
    if (!isGood || record.status !== "paid") return undefined;
    const response = await this.#use(order, paid);
    if (response !== undefined) return { kind: "response", response: relayed(response) };
    await this.#bought.usedUp(paid);
    return undefined;
  }

  /** Undefined if the agent may not hold the credential, so that the request must be relayed. */
  async #handOver(order: Order, paid: PaidCredential): Promise<Purchase | undefined> {
    const { verified, target, by } = order;
    const { recall } = this.#options;
    const now = this.#options.clock();
    const until = now + recall.lifeSeconds(paid.record);
    const caveats = handoverCaveats(verified, target, paid.record, until);
    const credential = caveats === undefined ? undefined : narrowed(paid.full, caveats);
    // What the service would refuse for certain is relayed, such as too many delegations.
    if (credential === undefined || credential.certainRefusals({ now, target }).length > 0)
      return undefined;
    // Durable before the credential leaves, so that a revocation from now on recalls it.
    if (!(await recall.handOver(verified, paid.record, until))) return undefined;
    // Paying and writing take time, and the agent may have been revoked meanwhile. [case 111]
    try {
      verified.demand({ now: this.#options.clock(), target });
    } catch (error) {
      await this.#bought.giveBack(paid.record, by);
      throw error;
    }
    await this.#bought.handedOver(paid);
    return { kind: "credential", credential: credential.toString() };
  }

  /**
   * Relays the request until the service answers. A service that still asks for payment has not
   * delivered, and is not paid again. [case 62]
   *
   * @param closedTo the node that the origin is closed to then. Everybody, if the credential never
   * left the treasury. What was handed over may have been used, so an agent that denies it can
   * close the origin only to itself.
   */
  async #relay(order: Order, paid: PaidCredential, closedTo: string): Promise<Purchase> {
    const wasShared = this.#bought.wasShared(paid.record);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        const response = await this.#use(order, paid);
        if (response !== undefined) return { kind: "response", response: relayed(response) };
      } catch (error) {
        if (attempt < ATTEMPTS) continue;
        await this.#bought.giveBack(paid.record, order.by);
        throw noAnswer(error);
      }
    }
    if (!wasShared) return this.#accuse(paid, closedTo);
    await this.#bought.usedUp(paid);
    throw notDelivered(paid.record.origin);
  }

  /** One request with the credential; undefined if the service still asks for payment. */
  async #use(order: Order, paid: PaidCredential): Promise<Response | undefined> {
    const { record, full } = paid;
    const caveats = relayCaveats(order.target, record.enforced, this.#options.clock());
    const { services } = this.#options;
    const response = await services.present(order, narrowed(full, caveats) ?? full);
    if (response.status === 402) {
      discard(response);
      return undefined;
    }
    const head = { method: order.target.method, status: response.status };
    // After a 401 the service does not know the credential, and never will.
    const isUsedUp = response.status === 401 || isConsumed(head, declaredIn(response.headers));
    const written = isUsedUp
      ? this.#bought.served(paid)
      : response.status >= 500
        ? this.#bought.giveBack(record, order.by)
        : this.#bought.refused(paid, order.by);
    // The agent gets its answer even if the store fails now: there may be no second answer.
    await written.catch(() => {});
    return response;
  }

  /** @throws PaymentError `ERR_PAID_NOT_DELIVERED` always, once the origin is closed */
  async #accuse(paid: PaidCredential, closedTo: string): Promise<never> {
    const { origin, paymentHash } = paid.record;
    const until = this.#options.clock() + this.#options.quarantineSeconds;
    await this.#bought.undelivered(paid, { to: closedTo, until });
    this.#options.alarm(`${origin} took payment ${paymentHash} and did not deliver`);
    throw notDelivered(origin);
  }
}

/** Undefined if the credential would be too large to send. */
function narrowed(full: Credential, caveats: readonly string[]): Credential | undefined {
  try {
    return full.append(caveats);
  } catch (error) {
    if (error instanceof TokenError) return undefined;
    throw error;
  }
}

const notDelivered = (origin: string): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    `${origin} was paid and still asks for payment. It was not paid again.`,
  );

const noAnswer = (cause: unknown): PaymentError =>
  new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    "The service was paid and does not answer. What was paid for is kept: send the request again, and it is used without another payment.",
    { cause },
  );
