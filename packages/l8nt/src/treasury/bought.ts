/**
 * Credentials that were paid for, and which order may use each of them. spec/4-purchase.md §4.4.
 */
import { formatOrigin, type Target } from "../caveat/index.ts";
import { Lru } from "../internal/lru.ts";
import type { Verified } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import { Doubtful } from "./doubtful.ts";
import { hasGone, type Order } from "./order.ts";
import { type PaidCredential, paidCredentialOf } from "./paid-credential.ts";
import type { RunningOrders } from "./running-orders.ts";
import type { Seats } from "./seats.ts";

/** The purchases of a single request that one order takes over at most. */
const MAX_TAKEN = 7;
const REMEMBERED = 10_000;
/** For how long what a service refused is not offered again where it was left. */
const LEFT_SECONDS = 600;

export interface BoughtOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly running: RunningOrders;
  readonly seats: Seats;
}

export class Bought {
  readonly #options: BoughtOptions;
  /** Payment hashes of what is used up. It is not offered while that is written. */
  readonly #over = new Lru<string, true>(REMEMBERED);
  /** By order: the payment hashes of what it took, and from which order. */
  readonly #taken = new Lru<string, Map<string, string>>(REMEMBERED);
  readonly #doubtful = new Doubtful();
  /**
   * What was left, by node, payment hash and, unless it has ended for all of them, request: until
   * when it is not offered again, in Unix seconds. An order runs many times, and each order of a
   * child would ask the service about all that its ancestors have used up.
   */
  readonly #left = new Lru<string, number>(REMEMBERED);
  readonly #writing = new Set<Promise<unknown>>();

  constructor(options: BoughtOptions) {
    this.#options = options;
  }

  /**
   * Finds a credential that may cover the order's request, paid for by its node or by a node above,
   * never by a sibling. One that is good for a single request is taken over from its order.
   */
  async take(order: Order): Promise<PaidCredential | undefined> {
    const { verified, target, priced } = order;
    const { store, clock, running, seats } = this.#options;
    const nodeIds = verified.nodes.map(({ id }) => id).reverse();
    const { method, path } = target;
    const origin = formatOrigin(target.origin);
    const found = [...(await store.purchases(nodeIds, { origin, method, path }))];
    // What GET bought is good for HEAD as well.
    if (method === "HEAD")
      found.push(...(await store.purchases(nodeIds, { origin, method: "GET", path })));
    const isSame = ({ request }: PaymentRecord) => request === priced;
    const expired: PaymentRecord[] = [];
    const pastEnd: PaidCredential[] = [];
    const doubtful: PaidCredential[] = [];
    const mayTake = async (paid: PaidCredential) =>
      mayServe(paid, verified, target, clock()) &&
      !seats.isFull(order.key, paid) &&
      (await this.mayUse(order, paid));
    try {
      for (const record of [...found.filter(isSame), ...found.filter((one) => !isSame(one))]) {
        if (record.preimage === undefined || order.unfit.has(record.paymentHash)) continue;
        if (this.isOver(record) || this.isLeft(order, record)) continue;
        const paid = paidCredentialOf(record);
        if (paid.hasExpired(clock())) expired.push(record);
        else if (paid.isDoubtfulFor(target)) doubtful.push(paid);
        else if (paid.isPastEnd(clock())) pastEnd.push(paid);
        else if (await mayTake(paid)) return paid;
      }
      for (const paid of this.#doubtful.toTry(doubtful, order, running))
        if (!paid.isPastEnd(clock()) && (await mayTake(paid))) return paid;
      for (const paid of pastEnd) if (await mayTake(paid)) return paid;
      return undefined;
    } finally {
      this.usedUp(expired);
    }
  }

  /** The service answered a request that it was presented with. */
  noteAnswered(paid: PaidCredential): void {
    this.#doubtful.noteAnswered(paid);
  }

  /** The service refused another request than the one that was priced. */
  noteRefused(paid: PaidCredential, order: Order): void {
    if (paid.isDoubtfulFor(order.target)) this.#doubtful.noteRefused(paid, order);
  }

  /**
   * Whether the order may use it. What is good for a single request belongs to one order of the
   * node that paid: this order takes it over, unless it is in use for another one.
   */
  async mayUse(order: Order, paid: PaidCredential): Promise<boolean> {
    const { store, running } = this.#options;
    const { record } = paid;
    const { paymentHash, order: owner } = record;
    if (!paid.isSingleUse || owner === order.key) return true;
    if (record.nodeIds.at(-1) !== order.verified.node.id) return false;
    // An order that nobody waits for ends by itself, and needs nothing any more. One whose agent
    // has gone waits for no other, so that no two wait for each other.
    if (!hasGone(order)) await running.abandoned(owner);
    if (running.has(owner)) return false;
    // The agent may have given the other order up after it sent this one, or have never been given
    // what its payment bought.
    const isUnneeded = running.wasUnheard(owner) || running.wasSettledApart(owner);
    const isUnderWay = order.underWay.has(owner) || running.hasEndedBeside(owner, order);
    if (isUnderWay && !isUnneeded) return false;
    const taken = this.#taken.get(order.key) ?? new Map<string, string>();
    if (taken.size >= MAX_TAKEN || taken.has(paymentHash)) return false;
    if (!(await store.take(paymentHash, owner, order.key))) return false;
    this.#taken.set(order.key, taken.set(paymentHash, owner));
    return true;
  }

  /** Gives back what the order took over and cannot use. */
  async giveBack({ key }: Order, { paymentHash }: PaymentRecord): Promise<void> {
    const { store } = this.#options;
    const owner = this.#taken.get(key)?.get(paymentHash);
    // Another order of the owner may have one of its own by now.
    if (owner !== undefined && (await store.take(paymentHash, key, owner, "or used"))) return;
    await store.take(paymentHash, key, `free ${paymentHash}`, "or used");
  }

  /**
   * The order goes on without it, and so do the next ones.
   *
   * @param isOver whether no other request of the node needs to try it either
   */
  leave(order: Order, { paymentHash }: PaymentRecord, isOver: boolean): void {
    const [ofAll, ofThis] = leftKeys(order, paymentHash);
    this.#left.set(isOver ? ofAll : ofThis, this.#options.clock() + LEFT_SECONDS);
  }

  /** Whether it was left a while ago, so that the service need not be asked. */
  isLeft(order: Order, { paymentHash }: PaymentRecord): boolean {
    const now = this.#options.clock();
    return leftKeys(order, paymentHash).some((key) => now < (this.#left.get(key) ?? 0));
  }

  isOver({ paymentHash }: PaymentRecord): boolean {
    return this.#over.get(paymentHash) ?? false;
  }

  /**
   * Records, off the way of any order, that these are of no use any more. What cannot be written is
   * offered once more after a restart, and the service says that it was used.
   */
  usedUp(records: readonly PaymentRecord[]): void {
    for (const { paymentHash } of records) {
      if (this.#over.get(paymentHash)) continue;
      this.#over.set(paymentHash, true);
      const writing = this.#options.store
        .mark(paymentHash, { status: "used" }, "patient")
        .catch(() => {})
        .finally(() => this.#writing.delete(writing));
      this.#writing.add(writing);
    }
  }

  /** Resolves when everything that `usedUp` was told is written. */
  async written(): Promise<void> {
    await Promise.all(this.#writing);
  }
}

const leftKeys = ({ verified, priced }: Order, paymentHash: string) =>
  [`${verified.node.id} ${paymentHash}`, `${verified.node.id} ${paymentHash} ${priced}`] as const;

/**
 * Whether a credential was bought at the request's origin, covers it, and may be used by the node.
 *
 * @param now Unix seconds by our clock
 */
export const mayServe = (
  paid: PaidCredential,
  verified: Verified,
  target: Target,
  now: number,
): boolean => paid.mayCover(target, now) && isChargedTo(verified, paid);

/**
 * A metered credential was charged to the limits of the node that bought it. A node below that has
 * a limit of its own in the same unit would spend past it, so it buys for itself. A time pass
 * serves every node below.
 */
function isChargedTo(verified: Verified, { isUsedUpByUse, record }: PaidCredential): boolean {
  return (
    !isUsedUpByUse ||
    verified.limits.every(
      ({ kind, unit, id }) =>
        kind !== "spend" || unit !== record.amount.unit || record.limitIds.includes(id),
    )
  );
}
