/** The clerk: makes the receipts of payments, in the order of settling. spec/6-receipts.md §6. */

import { checkKeys, type Keys } from "../internal/keys.ts";
import type { PaymentRecord } from "../ports/payments.ts";
import type { ReceiptBook, ReceiptRow } from "../ports/receipts.ts";
import type { ReceiptSigner } from "./key.ts";
import { hashOfLine, lineOf, NO_RECEIPT, receiptOf, signedBytes } from "./receipt.ts";

/** Options of {@link ReceiptClerk}. */
export interface ReceiptClerkOptions {
  readonly book: Pick<ReceiptBook, "unreceipted" | "appendReceipts" | "lastReceipt">;
  readonly signer: ReceiptSigner;
  /** Called with each failure; the next wake tries again. It must not throw. */
  readonly alarm: (error: unknown) => void;
  /** How many receipts are appended at once. @default 256 */
  readonly batch?: number;
}

const OPTIONS = {
  book: true,
  signer: true,
  alarm: true,
  batch: true,
} satisfies Keys<ReceiptClerkOptions>;

/** How many receipts are signed in one go, while the event loop waits. */
const SIGNED_AT_ONCE = 16;

/**
 * Makes every missing receipt when it is woken. Several clerks with one key, each in its own
 * process, make one chain.
 *
 * @example
 * const clerk = new ReceiptClerk({ book: store, signer, alarm: console.error });
 * clerk.wake(); // at the start, and after each payment
 * await clerk.idle(); // before the store is closed
 */
export class ReceiptClerk {
  readonly #options: ReceiptClerkOptions;
  #running: Promise<void> | undefined;
  #isWoken = false;
  #isPaused = false;

  /** @throws TypeError for an unknown option */
  constructor(options: ReceiptClerkOptions) {
    checkKeys(options, OPTIONS, "a receipt clerk");
    this.#options = options;
  }

  /** Returns at once, so that no payment waits for its receipt. */
  wake(): void {
    this.#isWoken = true;
    this.#running ??= this.#run();
  }

  /** Resolves once all receipts are made, or the alarm was called, or `pause` ended the work. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /**
   * Finishes the batch under way, and leaves the rest to the next wake: of this clerk or of another
   * one. Resolves once no batch is under way.
   */
  async pause(): Promise<void> {
    this.#isPaused = this.#running !== undefined;
    await this.#running;
  }

  async #run(): Promise<void> {
    // If it was woken while it worked, it may have looked before that payment was written.
    while (this.#isWoken && !this.#isPaused) {
      this.#isWoken = false;
      try {
        await this.#drain();
      } catch (error) {
        this.#options.alarm(error);
      }
    }
    this.#running = undefined;
    this.#isPaused = false;
  }

  async #drain(): Promise<void> {
    const { book, batch = 256 } = this.#options;
    let last = await book.lastReceipt();
    while (!this.#isPaused) {
      // Read after the last receipt, never before it. A receipt that another process makes in
      // between is then either out of this list or in this clerk's place in the chain. The other
      // way round, a payment would get two receipts.
      const payments = await book.unreceipted(batch);
      if (payments.length === 0) return;
      const rows = await this.#rows(payments, last);
      // A full batch means that more are missing, and there is no point in waiting for a payment.
      const pace = payments.length < batch ? "patient" : "urgent";
      if (await book.appendReceipts(rows, pace)) {
        last = rows.at(-1);
        continue;
      }
      const newer = await book.lastReceipt();
      if (newer?.seq === last?.seq)
        throw new Error("The store took no receipt, although no other receipt is in its place.");
      last = newer;
    }
  }

  async #rows(
    payments: readonly PaymentRecord[],
    last: ReceiptRow | undefined,
  ): Promise<readonly ReceiptRow[]> {
    const { signer } = this.#options;
    const rows: ReceiptRow[] = [];
    let { seq, hash: previous } = last ?? { seq: 0, hash: NO_RECEIPT };
    for (const [at, payment] of payments.entries()) {
      if (at > 0 && at % SIGNED_AT_ONCE === 0) await new Promise((next) => setTimeout(next));
      const receipt = receiptOf(payment, { seq: ++seq, previous, keyId: signer.keyId });
      const text = lineOf(receipt, signer.sign(signedBytes(receipt)));
      previous = hashOfLine(text);
      rows.push({ seq, paymentHash: payment.paymentHash, hash: previous, text });
    }
    return rows;
  }
}
