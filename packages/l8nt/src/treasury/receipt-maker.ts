/** Makes the signed receipts of a treasury's payments. spec/6-receipts.md §6. */
import { lazily } from "../internal/lazily.ts";
import type { Secret } from "../l402/index.ts";
import type { ReceiptBook, ReceiptRow } from "../ports/receipts.ts";
import { ReceiptClerk } from "../receipt/clerk.ts";
import { ReceiptSigner } from "../receipt/key.ts";
import type { Alarm } from "./alarm.ts";
import { receiptSeedOf } from "./derived.ts";
import { sliced } from "./slices.ts";

export interface ReceiptMakerOptions {
  readonly store: ReceiptBook;
  readonly secret: Secret;
  /** @default derived from `secret` with HKDF */
  readonly receiptSeed: Uint8Array | undefined;
  readonly alarm: Alarm;
}

/**
 * Signs receipts when they are asked for, or earlier if it is woken. An embedded treasury whose
 * receipts nobody reads signs none.
 */
export class ReceiptMaker {
  readonly #options: ReceiptMakerOptions;
  /** Reads the seed and loads the curve at the first receipt. */
  readonly signer: () => Promise<ReceiptSigner>;
  readonly #clerk: () => Promise<ReceiptClerk>;
  #made: ReceiptClerk | undefined;

  constructor(options: ReceiptMakerOptions) {
    this.#options = options;
    this.signer = lazily(() => {
      const { receiptSeed, secret } = options;
      return ReceiptSigner.fromSeed(receiptSeed ?? receiptSeedOf(secret));
    });
    this.#clerk = lazily(async () => {
      const signer = await this.signer();
      this.#made = new ReceiptClerk({ book: options.store, signer, alarm: this.#failed });
      return this.#made;
    });
  }

  /** Begins to make the receipts that are missing. Returns at once: no payment waits for it. */
  wake(): void {
    void this.make().catch(this.#failed);
  }

  /** Resolves once no receipt is missing, or the alarm was raised, or `pause` ended the work. */
  async make(): Promise<void> {
    const clerk = await this.#clerk();
    clerk.wake();
    await clerk.idle();
  }

  /**
   * Finishes the batch under way and leaves the rest to the next wake: receipts are an outbox in
   * the books, so that the next start makes them.
   */
  async pause(): Promise<void> {
    await this.#made?.pause();
  }

  /** @throws AdapterError `ERR_STORE` */
  async receipts(after: number, limit: number, nodeId?: string): Promise<readonly ReceiptRow[]> {
    await this.make();
    return sliced<ReceiptRow>(limit, (last, many) =>
      this.#options.store.receipts(last?.seq ?? after, many, nodeId),
    );
  }

  readonly #failed = (error: unknown): void => {
    const { code = "" } = Object(error) as { readonly code?: unknown };
    this.#options.alarm(`a receipt could not be made, and is tried again later ${code}`.trim());
  };
}
