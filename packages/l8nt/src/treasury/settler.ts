/** Writes down the outcome of a payment: paid, failed, or still unknown. spec/4-purchase.md §4. */
import { msat } from "../amount.ts";
import { PaymentError } from "../errors.ts";
import { hexBytes, hexText } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import type { Clock } from "../ports/clock.ts";
import { ALL_NODES } from "../ports/directives.ts";
import type { PaymentRecord, Settled, Settlement } from "../ports/payments.ts";
import type { Store } from "../ports/store.ts";
import type { PaymentSummary } from "../ports/treasury.ts";
import type { PaymentOutcome } from "../ports/wallet.ts";
import type { Alarm } from "./alarm.ts";
import type { Explanations } from "./explanations.ts";
import { type CountedFee, countedFee } from "./fee.ts";
import type { SpendingGate } from "./gate.ts";
import type { Recall } from "./recall.ts";

const REMEMBERED = 10_000;

export interface SettlerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly alarm: Alarm;
  /** Stops spending if an outcome cannot be written down. */
  readonly gate: SpendingGate;
  /** Freezes all spending if the wallet broke its word. */
  /** Stops spending for a payment that was made after it had failed. */
  readonly explanations: Explanations;
  /** Called for each payment once it is written down. */
  readonly onPaid: (payment: PaymentSummary) => void;
  readonly recall: Recall;
}

export class Settler {
  readonly #options: SettlerOptions;
  /** Payments that this process settled: nothing that they bought was used before. */
  readonly #settledHere = new Lru<string, true>(REMEMBERED);
  /** Payments whose fee everyone was frozen for. */
  readonly #frozenFor = new Lru<string, true>(REMEMBERED);
  /** Payments whose missing proof the owner was told of. */
  readonly #unproven = new Lru<string, true>(REMEMBERED);

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /**
   * Returns the settled record of a payment that was made.
   *
   * @throws PaymentError for every other outcome, and if the outcome cannot be written down
   */
  async settle(record: PaymentRecord, outcome: PaymentOutcome): Promise<PaymentRecord> {
    const { alarm } = this.#options;
    switch (outcome.status) {
      case "paid":
        if (!provesPayment(outcome.preimage, record.paymentHash)) {
          if (!this.#unproven.get(record.paymentHash))
            alarm(
              `the wallet answered payment ${record.paymentHash} without a preimage that proves it`,
            );
          this.#unproven.set(record.paymentHash, true);
          throw new PaymentError(
            "ERR_PAYMENT_PREIMAGE",
            "unknown",
            "The wallet says that it paid, and gives no preimage, or one that does not prove it. The amount stays reserved until the wallet is asked again.",
          );
        }
        return this.#paid(
          record,
          outcome.preimage.toLowerCase(),
          countedFee(outcome.feeMsat, record),
        );
      case "failed":
      case "never-sent":
        await this.fail(record);
        throw new PaymentError(
          "ERR_PAYMENT_FAILED",
          "no",
          `The payment was not made: ${outcome.reason}.`,
        );
      case "unknown":
        // A time-out is not a failure, so the amount stays reserved. [cases 52, 57]
        throw new PaymentError(
          "ERR_PAYMENT_UNKNOWN",
          "unknown",
          `It is not known whether the payment was made: ${outcome.reason}. The amount stays reserved, and it is not paid again; ask again later.`,
        );
    }
  }

  /** Releases the amount of a payment that certainly was not made. */
  async fail(record: PaymentRecord): Promise<void> {
    await this.#write(record, { status: "failed", at: this.#options.clock() });
  }

  /** Whether only this process can have used what the payment bought. */
  settledHere(paymentHash: string): boolean {
    return this.#settledHere.get(paymentHash) ?? false;
  }

  async #paid(
    record: PaymentRecord,
    preimage: string,
    { fee, fault }: CountedFee,
  ): Promise<PaymentRecord> {
    const { clock, alarm } = this.#options;
    const { explanations, store } = this.#options;
    const { origin, paymentHash, amount } = record;
    const found = { paymentHash, amount, fee, unbooked: msat(0n), at: clock() };
    const reportLate = () => explanations.report({ ...found, why: "late" });
    // The next payment could cost as much, or be made late as well, so spending is stopped. It is
    // stopped before the payment is settled: this process may die in between, and a payment that is
    // settled is not looked at again. [case 46]
    const first = async () => {
      if (fault !== undefined) await this.#freeze(paymentHash, fault);
      if ((await store.payment(paymentHash))?.status === "failed") await reportLate();
    };
    let settled: Settled;
    try {
      settled = await this.#write(record, { status: "paid", preimage, fee, at: clock() }, first);
    } finally {
      if (fault !== undefined) alarm(fault);
    }
    this.#settledHere.set(paymentHash, true);
    this.#options.onPaid({ origin, paymentHash, amount, fee });
    if (!settled.late) return settled.payment;
    // It may have been given up since it was read.
    await reportLate();
    throw new PaymentError(
      "ERR_PAYMENT_UNKNOWN",
      "yes",
      "The payment was given up as failed, and was made all the same. It counts against its budgets, and the next order for the same thing uses what it bought; the treasury's owner was told.",
    );
  }

  /** Once for each payment: the settlement may fail, and is tried again after the owner's thaw. */
  async #freeze(paymentHash: string, reason: string): Promise<void> {
    if (this.#frozenFor.get(paymentHash)) return;
    await this.#options.recall.freeze(ALL_NODES, reason);
    this.#frozenFor.set(paymentHash, true);
  }

  /** @param first is awaited before the settlement is written */
  async #write(
    record: PaymentRecord,
    settlement: Settlement,
    first: () => Promise<void> = async () => {},
  ): Promise<Settled> {
    try {
      await first();
      // In one turn, so that a store writes both in one step if it can.
      if (settlement.status === "paid") this.#options.recall.expect(record);
      return await this.#options.store.settle(record.paymentHash, record.attemptId, settlement);
    } catch (cause) {
      this.#options.gate.doubt(
        `what became of payment ${record.paymentHash} could not be written down`,
      );
      throw new PaymentError(
        "ERR_PAYMENT_UNKNOWN",
        settlement.status === "paid" ? "yes" : "unknown",
        "The store failed while a payment was being written down. Its amount stays reserved, and nothing more is spent until the store and the wallet agree.",
        { cause },
      );
    }
  }
}

function provesPayment(preimage: unknown, paymentHash: string): boolean {
  const bytes =
    typeof preimage === "string" && preimage.length === 64 ? hexBytes(preimage) : undefined;
  return bytes !== undefined && hexText(sha256(bytes)) === paymentHash;
}
