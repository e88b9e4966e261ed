/** Payments that the books cannot explain, as directives tell of them. spec/4-purchase.md §8. */
import type { Directive } from "../ports/directives.ts";
import type { UnexplainedPayment } from "../ports/owner.ts";
import { readUnexplained, writeUnexplained } from "../wire/unexplained.ts";

const PREFIX = "payment ";

/** The part of a directive that decides. */
export type Applied = Pick<Directive, "kind" | "nodeId" | "reason" | "payment">;

/**
 * A payment that cannot be explained is a freeze of `payment <hash>`, and its explanation is a thaw
 * of the same. So it is in the journal, lasts over a restart, and reaches every process on the
 * books. An explanation is final: a later freeze for the same payment, which another process may
 * have written at the same moment, has no effect.
 */
export class UnexplainedPayments {
  readonly #waiting = new Map<string, UnexplainedPayment>();
  readonly #explained = new Set<string>();

  /** Returns whether the directive is about a payment. */
  apply({ kind, nodeId, payment }: Applied): boolean {
    if (!nodeId.startsWith(PREFIX)) return false;
    const paymentHash = nodeId.slice(PREFIX.length);
    if (kind === "thaw") {
      this.#waiting.delete(paymentHash);
      this.#explained.add(paymentHash);
    } else if (payment !== undefined && !this.#explained.has(paymentHash))
      this.#waiting.set(paymentHash, readUnexplained(payment));
    return true;
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** The oldest first. */
  get list(): readonly UnexplainedPayment[] {
    return [...this.#waiting.values()].sort((a, b) => a.at - b.at);
  }

  get(paymentHash: string): UnexplainedPayment | undefined {
    return this.#waiting.get(paymentHash);
  }

  isExplained(paymentHash: string): boolean {
    return this.#explained.has(paymentHash);
  }

  /** Whether it waits for its explanation, or has one. */
  knows(paymentHash: string): boolean {
    return this.#waiting.has(paymentHash) || this.#explained.has(paymentHash);
  }
}

/** The freeze of all spending until a payment is explained. */
export const freezeOf = (
  payment: UnexplainedPayment,
  reason: string,
): Pick<Directive, "kind" | "nodeId" | "reason" | "payment"> => ({
  kind: "freeze",
  nodeId: PREFIX + payment.paymentHash,
  reason,
  payment: writeUnexplained(payment),
});

/** The thaw that explains a payment. */
export const thawOf = (paymentHash: string, reason: string) =>
  ({ kind: "thaw", nodeId: PREFIX + paymentHash, reason }) as const;
