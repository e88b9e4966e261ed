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
  /** Payment hash, method and path of what was refused there. */
  readonly #refusedAt = new Lru<string, true>(REMEMBERED);

  /** @param bought everything that the order may find */
  mayTry(
    paid: PaidCredential,
    { target, unfit }: Order,
    running: RunningOrders,
    bought: readonly PaidCredential[],
  ): boolean {
    const { paymentHash, delivered, order } = paid.record;
    // Its own order comes first, because the service may count a use of what looks unlimited.
    const wasAnswered = delivered || (this.#answered.get(paymentHash) ?? false);
    if (!wasAnswered && running.has(order)) return false;
    if (this.#refusedAt.get(keyOf(paid, target))) return false;
    const tried = bought.filter(
      (one) => unfit.has(one.record.paymentHash) && one.isDoubtfulFor(target),
    );
    return tried.length < MAX_IN_ORDER;
  }

  noteAnswered({ record }: PaidCredential): void {
    this.#answered.set(record.paymentHash, true);
  }

  noteRefused(paid: PaidCredential, target: Target): void {
    this.#refusedAt.set(keyOf(paid, target), true);
  }
}

const keyOf = ({ record }: PaidCredential, { method, path }: Target): string =>
  `${record.paymentHash} ${method} ${path}`;

/** How many leading segments two paths share. */
export function sharedSegments(one: string, other: string): number {
  const [a, b] = [one.split("/"), other.split("/")];
  const end = a.findIndex((segment, at) => segment !== b[at]);
  return end === -1 ? a.length : end;
}
