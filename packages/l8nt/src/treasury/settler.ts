/**
 * Writes down what became of a payment, and gives what was paid for, or says why there is nothing.
 * spec/4-purchase.md §4.
 */
import { PaymentError } from "../errors.ts";
import { hexBytes, hexText } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import type { Clock } from "../ports/clock.ts";
import type { PaymentRecord, Settlement } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { PaymentSummary } from "../ports/treasury.ts";
import type { PaymentOutcome } from "../ports/wallet.ts";

export interface SettlerOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Told about what a person should look at: a fee over its cap, a preimage that is wrong. */
  readonly alarm: (what: string) => void;
  /** Told of each payment once it is written down. */
  readonly paid: (payment: PaymentSummary) => void;
  /** Stops all spending until its owner has looked: the wallet broke its word. */
  readonly freeze: (reason: string) => Promise<void>;
  /** What was paid cannot be written down: nothing more is spent until it is. */
  readonly doubt: (why: string) => void;
}

export class Settler {
  readonly #options: SettlerOptions;
  /**
   * The hashes whose payment this process saw end: nothing that they bought was used before that.
   */
  readonly #settledHere = new Lru<string, true>(10_000);

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /**
   * Gives the record of one that was made. @throws PaymentError for every other outcome, and where
   * it cannot be written down
   */
  async settle(record: PaymentRecord, outcome: PaymentOutcome): Promise<PaymentRecord> {
    const { alarm } = this.#options;
    switch (outcome.status) {
      case "paid":
        if (!provesPayment(outcome.preimage, record.paymentHash)) {
          alarm(
            `the wallet answered payment ${record.paymentHash} with a preimage that is not its own`,
          );
          throw new PaymentError(
            "ERR_PAYMENT_PREIMAGE",
            "unknown",
            "The wallet says that it paid, and gives a preimage that does not prove it. The amount stays reserved until the wallet is asked again.",
          );
        }
        return this.#paid(record, outcome.preimage.toLowerCase(), outcome.feeMsat);
      case "failed":
      case "never-sent":
        await this.fail(record);
        throw new PaymentError(
          "ERR_PAYMENT_FAILED",
          "no",
          `The payment was not made: ${outcome.reason}.`,
        );
      case "unknown":
        // A time-out is not a failure: the reservation stays until the wallet knows. [cases 52, 57]
        throw new PaymentError(
          "ERR_PAYMENT_UNKNOWN",
          "unknown",
          `It is not known whether the payment was made: ${outcome.reason}. The amount stays reserved, and it is not paid again; ask again later.`,
        );
    }
  }

  /** Certain to be made by nobody: its amount is free again. */
  async fail(record: PaymentRecord): Promise<void> {
    await this.#write(record, { status: "failed", at: this.#options.clock() });
  }

  /** Whether all that was ever done with what it bought was done by this process. */
  settledHere(paymentHash: string): boolean {
    return this.#settledHere.get(paymentHash) ?? false;
  }

  async #paid(record: PaymentRecord, preimage: string, feeMsat: bigint): Promise<PaymentRecord> {
    const { clock, alarm, freeze } = this.#options;
    const overCap =
      feeMsat > record.maxFeeMsat
        ? `the wallet paid ${feeMsat} msat of routing fee for ${record.paymentHash}, over its cap of ${record.maxFeeMsat}`
        : undefined;
    // The next payment's fee would be no safer. Frozen first: nobody looks again at what was
    // written down. [case 46]
    const first = overCap === undefined ? undefined : () => freeze(overCap);
    let paid: PaymentRecord;
    try {
      paid = await this.#write(record, { status: "paid", preimage, feeMsat, at: clock() }, first);
    } finally {
      if (overCap !== undefined) alarm(overCap);
    }
    const { origin, paymentHash, amountMsat } = record;
    this.#settledHere.set(paymentHash, true);
    this.#options.paid({ origin, paymentHash, amountMsat, feeMsat });
    if (paid.status !== "failed") return paid;
    const what = `payment ${record.paymentHash} was given up as failed, and the wallet made it all the same`;
    alarm(what);
    await freeze(what);
    throw new PaymentError(
      "ERR_PAYMENT_UNKNOWN",
      "yes",
      "The payment was given up as failed, and was made all the same. It is in no budget, and what it bought is lost; the treasury's owner was told.",
    );
  }

  /** @param first before it is settled: nobody looks again at what is */
  async #write(
    record: PaymentRecord,
    settlement: Settlement,
    first: () => Promise<void> = async () => {},
  ): Promise<PaymentRecord> {
    try {
      await first();
      return await this.#options.store.settle(record.paymentHash, settlement);
    } catch (cause) {
      this.#options.doubt(`what became of payment ${record.paymentHash} could not be written down`);
      throw new PaymentError(
        "ERR_PAYMENT_UNKNOWN",
        settlement.status === "paid" ? "yes" : "unknown",
        "The store failed while a payment was being written down. Its amount stays reserved, and nothing more is spent until the store and the wallet agree.",
        { cause },
      );
    }
  }
}
function provesPayment(preimage: string, paymentHash: string): boolean {
  const bytes = preimage.length === 64 ? hexBytes(preimage) : undefined;
  return bytes !== undefined && hexText(sha256(bytes)) === paymentHash;
}
