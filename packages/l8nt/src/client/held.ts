/**
 * The credentials of services that a treasury handed to a client: kept in memory by origin, for as
 * long as they may work. spec/4-purchase.md §2.
 */
import { formatOrigin, type Target } from "../caveat/index.ts";
import { endingOf } from "../http/ending.ts";
import { Lru } from "../internal/lru.ts";
import { Credential } from "../l402/credential.ts";
import { MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type { PurchaseRequest } from "../ports/treasury.ts";
import type { Order } from "./orders.ts";

const MAX_ORIGINS = 1000;
const MAX_PER_ORIGIN = 64;
const MAX_KNOWN = 4096;

/** A credential that was handed over, and what is known of its use. */
export class Held {
  /** The order that the treasury handed it over for last: it was bought for that one. */
  order: Order;
  credential: Credential;
  /** Whether the service may have served it. */
  #mayBeUsed: boolean;
  /**
   * Whether an exchange with it ended with 5xx, or before a head, by the service or by something in
   * between.
   */
  #unanswered = false;
  #users = 0;
  #isUsedUp = false;

  /** Id of the order whose payment bought it; undefined if it was bought before. */
  readonly #paidFor: string | undefined;

  /** @param isNew whether it was paid for now, so that nobody else has used it */
  constructor(credential: Credential, order: Order, isNew: boolean) {
    this.credential = credential;
    this.order = order;
    this.#mayBeUsed = !isNew;
    this.#paidFor = isNew ? order.id : undefined;
  }

  /** Whether the payment of this order bought it. */
  isPaidBy(orderId: string | undefined): boolean {
    return orderId !== undefined && this.#paidFor === orderId;
  }

  /** Whether it may be kept for another request. */
  get isFree(): boolean {
    return !this.#isUsedUp && (this.#users === 0 || !this.credential.chain.isSingleUse);
  }

  /** Begins a request with it. @returns a function that ends the request */
  use(): () => void {
    this.#users++;
    const end = this.order.begin();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#users--;
      end();
    };
  }

  /** An answer was received, so a later refusal does not prove that nothing was served. */
  wasAnswered(): void {
    this.#mayBeUsed = true;
  }

  /** A request with it ended with a failure that may not be the service's own. */
  wasUnanswered(): void {
    this.#unanswered = true;
  }

  /** A request with it ended without an answer. */
  failed(error: unknown, signal: AbortSignal | undefined): void {
    if (signal?.aborted || endingOf(error) !== "hung up") this.#mayBeUsed = true;
    else this.wasUnanswered();
  }

  /** The agent has an answer, and that is the end of a credential for a single request. */
  served(): void {
    this.#isUsedUp = this.credential.chain.isSingleUse;
    this.order.answered();
  }

  /** The treasury handed it over again, perhaps for another order. */
  handedAgain(credential: Credential, order: Order): void {
    // An answer that arrives late is about an order that the caller has given up.
    if (this.#users > 0 && credential.chain.isSingleUse) return;
    this.credential = credential;
    this.order = order;
  }

  /** What the treasury is told after the service refused it. */
  get refusal(): NonNullable<PurchaseRequest["refused"]> {
    return {
      paymentHash: this.credential.paymentHash,
      // Another request that runs now may be the one that used it.
      mayBeUsed: this.#mayBeUsed || this.#users > 0,
      ...(this.#unanswered && { unanswered: true }),
    };
  }
}

export class HeldCredentials {
  readonly #byOrigin = new Lru<string, readonly Held[]>(MAX_ORIGINS);
  /** By payment hash, also those in use: the same purchase may be handed over again. */
  readonly #known = new Lru<string, Held>(MAX_KNOWN);
  /** Clock of the service minus the client's, in seconds, by origin. */
  readonly #skews = new Lru<string, number>(MAX_ORIGINS);

  /**
   * A credential that was just handed over. It is not kept until `keep`.
   *
   * @param isNew whether it was paid for now
   */
  handed(text: string, order: Order, isNew: boolean): Held {
    const credential = Credential.parse(text);
    const known = this.#known.get(credential.paymentHash);
    if (known === undefined) {
      const held = new Held(credential, order, isNew);
      this.#known.set(credential.paymentHash, held);
      return held;
    }
    known.handedAgain(credential, order);
    if (credential.chain.isSingleUse) this.drop(order.target, known);
    return known;
  }

  /**
   * Takes a credential that covers this request, as far as its own caveats say, by the clock of the
   * service. A credential for a single request goes to one request only. If it was bought for an
   * order with an `Idempotency-Key`, only that order may have it, because it may be asked again.
   *
   * Where another origin led, only what is not used up by use is taken.
   *
   * @param named id of the request's order, if it has a key of the caller's
   */
  take(
    target: Target,
    now: number,
    { named, strayed }: { readonly named: string | undefined; readonly strayed: boolean },
  ): Held | undefined {
    const there = now + (this.#skews.get(formatOrigin(target.origin)) ?? 0);
    const found = this.#at(target).find(
      ({ credential, order }) =>
        (!credential.chain.isSingleUse || named === (order.isNamed ? order.id : undefined)) &&
        !(strayed && credential.chain.isUsedUpByUse) &&
        credential.certainRefusals({ now: there, target }).length === 0,
    );
    if (found?.credential.chain.isSingleUse) this.drop(target, found);
    return found;
  }

  /**
   * Keeps a credential for the next request. One for a single request is not kept while a request
   * uses it, nor after an answer.
   */
  keep(target: Target, held: Held): void {
    if (!held.isFree) return;
    const others = this.#at(target).filter((other) => other !== held);
    this.#byOrigin.set(formatOrigin(target.origin), [held, ...others].slice(0, MAX_PER_ORIGIN));
  }

  drop(target: Target, held: Held): void {
    const all = this.#at(target);
    if (all.includes(held))
      this.#byOrigin.set(
        formatOrigin(target.origin),
        all.filter((other) => other !== held),
      );
  }

  /** Notes the clock of a service, by the `Date` of its answer. A browser may not show it. */
  learnClock({ origin }: Target, { headers }: Response, now: number): void {
    const there = Date.parse(headers.get("date") ?? "") / 1000;
    if (!Number.isFinite(there)) return;
    const skew = there - now;
    this.#skews.set(formatOrigin(origin), Math.abs(skew) > MAX_CLOCK_SKEW_SECONDS ? 0 : skew);
  }

  #at({ origin }: Target): readonly Held[] {
    return this.#byOrigin.get(formatOrigin(origin)) ?? [];
  }
}
