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
/** After so many refusals, one that was never answered at another path is not tried at others. */
const MAX_REFUSALS = 2;

export class Doubtful {
  /** Payment hashes of what was answered in this process, anywhere. */
  readonly #answered = new Lru<string, true>(REMEMBERED);
  /** Payment hashes of what was answered at another path than its own. */
  readonly #ofManyPaths = new Lru<string, true>(REMEMBERED);
  /** By payment hash. */
  readonly #refusals = new Lru<string, number>(REMEMBERED);
  /** By payment hash, method and path. */
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
    if (tried.length >= MAX_IN_ORDER) return false;
    return (
      (this.#ofManyPaths.get(paymentHash) ?? false) ||
      (this.#refusals.get(paymentHash) ?? 0) < MAX_REFUSALS
    );
  }

  noteAnswered(paid: PaidCredential, target: Target): void {
    const { paymentHash } = paid.record;
    this.#answered.set(paymentHash, true);
    if (paid.isDoubtfulFor(target)) this.#ofManyPaths.set(paymentHash, true);
  }

  noteRefused(paid: PaidCredential, target: Target): void {
    const { paymentHash } = paid.record;
    this.#refusedAt.set(keyOf(paid, target), true);
    this.#refusals.set(paymentHash, (this.#refusals.get(paymentHash) ?? 0) + 1);
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
