/** Payments of this process: those of each tool call, and the latest of all calls. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { PaymentSummary } from "l8nt";

export interface OwnPayment extends PaymentSummary {
  /** Undefined for the credential that the process started with. */
  readonly agent: string | undefined;
  /** Unix seconds. */
  readonly at: number;
}

const MAX_KEPT = 1000;

export class OwnPayments {
  readonly #latest: OwnPayment[] = [];
  readonly #call = new AsyncLocalStorage<PaymentSummary[]>();

  /** Returns the recorder of an agent's payments; `undefined` is the process's own credential. */
  readonly recorder =
    (agent: string | undefined) =>
    (payment: PaymentSummary): void => {
      this.#call.getStore()?.push(payment);
      // Another process made it, and lists it.
      if (payment.earlier === true) return;
      this.#latest.push({ ...payment, agent, at: Date.now() / 1000 });
      if (this.#latest.length > MAX_KEPT) this.#latest.shift();
    };

  /** Runs a call and gives it the list of its own payments, though calls run concurrently. */
  during<Result>(run: (paid: readonly PaymentSummary[]) => Promise<Result>): Promise<Result> {
    const paid: PaymentSummary[] = [];
    return this.#call.run(paid, () => run(paid));
  }

  /** The last `limit` payments of one agent, or of all agents, the latest last. */
  latest(agent: string | undefined, limit: number): readonly OwnPayment[] {
    return this.#latest.filter((one) => agent === undefined || one.agent === agent).slice(-limit);
  }
}
