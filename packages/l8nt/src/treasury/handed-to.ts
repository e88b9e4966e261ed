/** Which orders a purchase was handed over to by this process. spec/4-purchase.md §5. */
import { Lru } from "../internal/lru.ts";

const REMEMBERED = 10_000;
/** Of one purchase. Only whether there is another order is ever asked, which two tell. */
const MAX_ORDERS = 2;

export class HandedTo {
  /** By payment hash. */
  readonly #orders = new Lru<string, readonly string[]>(REMEMBERED);
  /**
   * Payment hashes of what was handed over twice for one order: a process that died may have used
   * it, and its successor, which asks again, cannot know.
   */
  readonly #again = new Lru<string, true>(REMEMBERED);

  note(paymentHash: string, order: string): void {
    const orders = this.orders(paymentHash);
    if (orders.includes(order)) this.#again.set(paymentHash, true);
    else if (orders.length < MAX_ORDERS) this.#orders.set(paymentHash, [...orders, order]);
  }

  /** At most two of them. */
  orders(paymentHash: string): readonly string[] {
    return this.#orders.get(paymentHash) ?? [];
  }

  /** Whether it is known that one order had it twice. */
  isAgain(paymentHash: string): boolean {
    return this.#again.get(paymentHash) ?? false;
  }
}
