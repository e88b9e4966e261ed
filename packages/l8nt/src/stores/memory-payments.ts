/** The payments of the memory store, and what was bought with them. */
import {
  type Closure,
  MAX_PURCHASES,
  type PaidTexts,
  type PaymentQuery,
  type PaymentRecord,
  type PurchaseQuery,
} from "../ports/payments.ts";

/** What a node bought and may still use, numbered in the order of payment. */
interface Bought {
  readonly hash: string;
  readonly number: number;
}

const anyPlaceOf = (nodeId: string, { origin }: { readonly origin: string }): string =>
  [nodeId, origin].join("\n");

const placeOf = (nodeId: string, { origin, method, path }: PurchaseQuery): string =>
  [nodeId, origin, method, path].join("\n");

const placeOfPayment = (payment: PaymentRecord): string =>
  (payment.anyPath ? anyPlaceOf : placeOf)(payment.nodeIds.at(-1)!, payment);

export class MemoryPayments {
  readonly #payments = new Map<string, PaymentRecord>();
  /** By node and place, oldest first. */
  readonly #usable = new Map<string, Bought[]>();
  #paid = 0;
  /** The hashes of those whose outcome is not known yet, by intent, oldest first. */
  readonly #undecided = new Map<string, string>();
  /** The hash of the payment of each order that did not fail. */
  readonly #ordered = new Map<string, string>();
  /** The hashes of those that closed their origin. */
  readonly #closing = new Set<string>();
  readonly #payees = new Map<string, Set<string>>();
  readonly #unreceipted = new Set<string>();

  get(hash: string): PaymentRecord | undefined {
    return this.#payments.get(hash);
  }

  openFor(intent: string): PaymentRecord | undefined {
    return this.#payments.get(this.#undecided.get(intent) ?? "");
  }

  ordered(order: string): PaymentRecord | undefined {
    return this.#payments.get(this.#ordered.get(order) ?? "");
  }

  /** Those whose outcome is not known yet. */
  open(): readonly PaymentRecord[] {
    return [...this.#undecided.values()].map((hash) => this.#payments.get(hash)!);
  }

  purchases(nodeIds: readonly string[], query: PurchaseQuery): readonly PaymentRecord[] {
    return nodeIds.flatMap((nodeId) =>
      [placeOf(nodeId, query), anyPlaceOf(nodeId, query)]
        .flatMap((place) => this.#usable.get(place)?.slice(-MAX_PURCHASES) ?? [])
        .sort((a, b) => b.number - a.number)
        .map(({ hash }) => this.#payments.get(hash)!),
    );
  }

  list({ status, nodeId, before, limit }: PaymentQuery): readonly PaymentRecord[] {
    const all = [...this.#payments.values()].reverse();
    const at = before === undefined ? -1 : all.findIndex((one) => one.paymentHash === before);
    if (before !== undefined && at === -1) return [];
    return all
      .slice(at + 1)
      .filter((payment) => status === undefined || payment.status === status)
      .filter((payment) => nodeId === undefined || payment.nodeIds.includes(nodeId))
      .slice(0, limit);
  }

  after(after: string, limit: number): readonly PaymentRecord[] {
    return [...this.#payments.values()]
      .filter(({ paymentHash }) => paymentHash > after)
      .sort((a, b) => (a.paymentHash < b.paymentHash ? -1 : 1))
      .slice(0, limit);
  }

  rewrap(paymentHash: string, from: PaidTexts, to: PaidTexts): boolean {
    const payment = this.#payments.get(paymentHash);
    if (payment?.token !== from.token || payment.preimage !== from.preimage) return false;
    this.#payments.set(paymentHash, { ...payment, ...to });
    return true;
  }

  closures(origin: string, at: number): readonly Closure[] {
    return [...this.#closing]
      .map((hash) => this.#payments.get(hash)!)
      .filter((payment) => payment.origin === origin && payment.closed!.until > at)
      .map((payment) => payment.closed!);
  }

  reopen(origin: string): void {
    for (const hash of this.#closing) {
      const { closed: _, ...payment } = this.#payments.get(hash)!;
      if (payment.origin !== origin) continue;
      this.#payments.set(hash, payment);
      this.#closing.delete(hash);
    }
  }

  payees(origin: string): readonly string[] {
    return [...(this.#payees.get(origin) ?? [])];
  }

  allowPayee(origin: string, payee: string): void {
    this.#payees.set(origin, new Set(this.#payees.get(origin)).add(payee));
  }

  unreceipted(limit: number): readonly PaymentRecord[] {
    return [...this.#unreceipted].slice(0, limit).map((hash) => this.#payments.get(hash)!);
  }

  receipted(hash: string): void {
    this.#unreceipted.delete(hash);
  }

  /** Returns the record that it replaces. */
  keep(payment: PaymentRecord): PaymentRecord | undefined {
    const { paymentHash, status, origin, intent } = payment;
    const previous = this.#payments.get(paymentHash);
    const before = previous?.status;
    this.#payments.set(paymentHash, payment);
    if (previous !== undefined && this.#ordered.get(previous.order) === paymentHash)
      this.#ordered.delete(previous.order);
    const place = placeOfPayment(payment);
    const usable = this.#usable.get(place) ?? [];
    if (status === "paid" && before !== "paid") {
      usable.push({ hash: paymentHash, number: ++this.#paid });
      this.#usable.set(place, usable);
    } else if (status !== "paid" && before === "paid") {
      usable.splice(
        usable.findIndex(({ hash }) => hash === paymentHash),
        1,
      );
      if (usable.length === 0) this.#usable.delete(place);
    }
    if (status !== "failed") this.#ordered.set(payment.order, paymentHash);
    if (status === "open") this.#undecided.set(intent, paymentHash);
    else if (this.#undecided.get(intent) === paymentHash) this.#undecided.delete(intent);
    if (payment.closed !== undefined) this.#closing.add(paymentHash);
    if (status === "paid" && (before === "open" || before === "failed")) {
      this.#unreceipted.add(paymentHash);
      if (!this.#payees.has(origin)) this.#payees.set(origin, new Set([payment.payee]));
    }
    return previous;
  }

  endClosures(now: number): void {
    for (const hash of this.#closing)
      if (this.#payments.get(hash)!.closed!.until <= now) this.#closing.delete(hash);
  }
}
