/**
 * What is known of purchases whose caveats name no endpoint, at other paths than their own: only
 * the service can tell what they cover there. spec/4-purchase.md §4.4.
 */
import type { Target } from "../caveat/index.ts";
import { Lru } from "../internal/lru.ts";
import type { Order } from "./order.ts";
import type { PaidCredential } from "./paid-credential.ts";
import type { RunningOrders } from "./running-orders.ts";

const REMEMBERED = 10_000;
/** How many of them one order presents at most. */
const MAX_IN_ORDER = 2;

export class Doubtful {
  /** Payment hashes of what was answered in this process, anywhere. */
  readonly #answered = new Lru<string, true>(REMEMBERED);
  /** How many of them were refused to an order. */
  readonly #refusals = new WeakMap<Order, number>();
  /** Payment hash, method and path of what was refused there. */
  readonly #refusedAt = new Lru<string, true>(REMEMBERED);

  /** Those that the order presents: what was bought for the most similar path first. */
  toTry(
    all: readonly PaidCredential[],
    order: Order,
    running: RunningOrders,
  ): readonly PaidCredential[] {
    const { target } = order;
    const isLikely = (paid: PaidCredential): boolean => {
      const { paymentHash, delivered, order: owner } = paid.record;
      if (this.#refusedAt.get(keyOf(paid, target))) return false;
      // Its own order comes first, because the service may count a use of what looks unlimited.
      const wasAnswered = delivered || (this.#answered.get(paymentHash) ?? false);
      return wasAnswered || !running.has(owner);
    };
    const left = MAX_IN_ORDER - (this.#refusals.get(order) ?? 0);
    return all
      .filter(isLikely)
      .map((paid) => ({ paid, shared: sharedSegments(paid.record.path, target.path) }))
      .sort((a, b) => b.shared - a.shared)
      .slice(0, left)
      .map(({ paid }) => paid);
  }

  noteAnswered({ record }: PaidCredential): void {
    this.#answered.set(record.paymentHash, true);
  }

  noteRefused(paid: PaidCredential, order: Order): void {
    this.#refusals.set(order, (this.#refusals.get(order) ?? 0) + 1);
    this.#refusedAt.set(keyOf(paid, order.target), true);
  }
}

const keyOf = ({ record }: PaidCredential, { method, path }: Target): string =>
  `${record.paymentHash} ${method} ${path}`;

/** How many leading segments two paths share. */
function sharedSegments(one: string, other: string): number {
  const [a, b] = [one.split("/"), other.split("/")];
  const end = a.findIndex((segment, at) => segment !== b[at]);
  return end === -1 ? a.length : end;
}
