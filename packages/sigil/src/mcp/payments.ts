/** What this process paid: for which call, and the latest of all. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { PaymentSummary } from "l8nt";

export interface OwnPayment extends PaymentSummary {
  /** Undefined for the credential that the process was started with. */
  readonly agent: string | undefined;
  /** Unix seconds. */
  readonly at: number;
}

const MAX_KEPT = 1000;

export class OwnPayments {
  readonly #latest: OwnPayment[] = [];
  readonly #call = new AsyncLocalStorage<PaymentSummary[]>();

  /**
   * Of one agent and, by `undefined`, of the process's own credential. A payment that ends after
   * its call is kept all the same.
   */
  readonly recorder =
    (agent: string | undefined) =>
    (payment: PaymentSummary): void => {
      this.#call.getStore()?.push(payment);
      this.#latest.push({ ...payment, agent, at: Date.now() / 1000 });
      if (this.#latest.length > MAX_KEPT) this.#latest.shift();
    };

  /** Calls run side by side, and each hears of its own payments only. */
  during<Result>(run: (paid: readonly PaymentSummary[]) => Promise<Result>): Promise<Result> {
    const paid: PaymentSummary[] = [];
    return this.#call.run(paid, () => run(paid));
  }

  /** Latest last; without an agent, everybody's. */
  latest(agent: string | undefined, limit: number): readonly OwnPayment[] {
    return this.#latest.filter((one) => agent === undefined || one.agent === agent).slice(-limit);
  }
}
