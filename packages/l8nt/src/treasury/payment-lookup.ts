/**
 * Asks the wallet what became of a payment whose outcome is unknown, and writes it down.
 * spec/4-purchase.md §4.
 */
import { type Clock, MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { Payer, PaymentOutcome } from "../ports/wallet.ts";
import type { RunningOrders } from "./running-orders.ts";
import type { Settler } from "./settler.ts";

/**
 * Beyond the time-out of a payment: after that, no process is still making it. A wallet may look
 * twice before it hands a payment over (15 s each), and its node may take a minute to begin, or to
 * make the last try.
 */
export const ABANDONED_SECONDS = 120;

/**
 * A wallet that never saw the payment proves nothing: another wallet may have made it. [case 59]
 */
const ANOTHER_WALLET: PaymentOutcome = {
  status: "unknown",
  reason: "it was begun from another wallet than the one that is asked",
};

const SENDING: PaymentOutcome = { status: "unknown", reason: "it is being made" };

/**
 * The payments that this process is making at this moment. The wallet may not have seen them yet,
 * which must not count as "never made". [case 59]
 */
export class Sending {
  /** Counted: a second attempt at one hash is refused, and must not end the mark of the first. */
  readonly #attempts = new Map<string, number>();

  begin(paymentHash: string): void {
    this.#attempts.set(paymentHash, (this.#attempts.get(paymentHash) ?? 0) + 1);
  }

  end(paymentHash: string): void {
    const left = (this.#attempts.get(paymentHash) ?? 1) - 1;
    if (left > 0) this.#attempts.set(paymentHash, left);
    else this.#attempts.delete(paymentHash);
  }

  has(paymentHash: string): boolean {
    return this.#attempts.has(paymentHash);
  }
}

export interface PaymentLookupOptions {
  readonly wallet: () => Promise<Payer>;
  readonly store: Store;
  readonly clock: Clock;
  readonly settler: Settler;
  readonly sending: Sending;
  readonly running: RunningOrders;
  readonly paymentTimeoutSeconds: number;
}

export class PaymentLookup {
  readonly #options: PaymentLookupOptions;

  constructor(options: PaymentLookupOptions) {
    this.#options = options;
  }

  /** Returns the settled record. @throws PaymentError unless the payment was made */
  async follow(record: PaymentRecord): Promise<PaymentRecord> {
    const outcome = this.#isBeingMade(record) ? SENDING : await this.#find(record);
    const isNotMade = outcome.status === "failed" || outcome.status === "never-sent";
    const isTooEarly =
      isNotMade && (this.#mayBeMade(record) || (await this.#isAnotherAttempt(record)));
    const { settler, running } = this.#options;
    const settled = await settler.settle(record, isTooEarly ? SENDING : outcome);
    running.settled(record);
    return settled;
  }

  /**
   * A failed hash may be paid again. That the wallet never made the first attempt says nothing
   * about the second.
   */
  async #isAnotherAttempt({ paymentHash, attemptId }: PaymentRecord): Promise<boolean> {
    const { store, sending } = this.#options;
    const now = await store.payment(paymentHash);
    return sending.has(paymentHash) || now?.attemptId !== attemptId;
  }

  /** By this process, or by another one on the same store, which may be about to send it. */
  #isBeingMade(record: PaymentRecord): boolean {
    return this.#options.sending.has(record.paymentHash) || this.#isYoung(record, 0);
  }

  /** Whether another process whose clock is behind may be about to send it. */
  #mayBeMade(record: PaymentRecord): boolean {
    return this.#isYoung(record, MAX_CLOCK_SKEW_SECONDS);
  }

  #isYoung({ createdAt }: PaymentRecord, marginSeconds: number): boolean {
    const { store, clock, paymentTimeoutSeconds } = this.#options;
    const lastsSeconds = paymentTimeoutSeconds + ABANDONED_SECONDS + marginSeconds;
    return store.shared && clock() < createdAt + lastsSeconds;
  }

  async #find(record: PaymentRecord): Promise<PaymentOutcome> {
    try {
      const wallet = await this.#options.wallet();
      const outcome = await wallet.find(record.paymentHash);
      if (outcome.status === "paid" || outcome.status === "unknown") return outcome;
      return (await wallet.identity?.()) === record.wallet ? outcome : ANOTHER_WALLET;
    } catch {
      return { status: "unknown", reason: "the wallet failed" };
    }
  }
}
