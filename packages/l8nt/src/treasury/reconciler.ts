/** Compares the books with the wallet. spec/4-purchase.md §7. */
import { PaymentError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { Payer } from "../ports/wallet.ts";
import type { Alarm } from "./alarm.ts";
import type { SpendingGate } from "./gate.ts";
import type { PaymentLookup } from "./payment-lookup.ts";

export interface ReconcilerOptions {
  readonly store: Store;
  readonly lookup: PaymentLookup;
  readonly wallet: () => Promise<Payer>;
  readonly clock: Clock;
  readonly gate: SpendingGate;
  readonly alarm: Alarm;
}

/** The wallet's clock and ours may differ. */
const OVERLAP_SECONDS = 3600;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** Unix seconds up to which the wallet's own list was compared; 0 for new books. */
  #from = 0;
  #running: Promise<{ readonly stillOpen: number }> | undefined;
  /** Payments of the wallet that are in no book and that an alarm was raised for. */
  readonly #suspense = new Set<string>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** @param latest Unix seconds of the last entry that the process before this one wrote */
  lookFrom(latest: number): void {
    this.#from = latest;
  }

  /**
   * Asks the wallet about every payment whose outcome is unknown. If the books are certain
   * afterwards, spending may go on.
   *
   * @throws AdapterError `ERR_STORE`
   */
  reconcile(): Promise<{ readonly stillOpen: number }> {
    this.#running ??= this.#reconcile().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #reconcile(): Promise<{ readonly stillOpen: number }> {
    const { store, lookup, gate } = this.#options;
    const { doubts } = gate;
    for (const record of await store.openPayments())
      await lookup.follow(record).catch((error: unknown) => {
        if (!(error instanceof PaymentError)) throw error;
      });
    await this.#findUnknown();
    const stillOpen = (await store.openPayments()).length;
    gate.trust(doubts);
    return { stillOpen };
  }

  /**
   * Raises an alarm for each payment of the wallet that is in no book. It may be the owner's own
   * payment, so spending goes on. [case 105]
   */
  async #findUnknown(): Promise<void> {
    const { store, wallet, alarm, clock } = this.#options;
    if (this.#from === 0) {
      this.#from = clock();
      return;
    }
    const payer = await wallet().catch(() => undefined);
    const began = clock();
    const paid = await payer?.paidSince?.(this.#from - OVERLAP_SECONDS).catch(() => {
      alarm("the wallet did not list its payments, so a payment that is in no book goes unseen");
      return undefined;
    });
    if (paid !== undefined) this.#from = began;
    for (const { paymentHash, amountMsat, feeMsat } of paid ?? []) {
      if (this.#suspense.has(paymentHash) || (await store.payment(paymentHash)) !== undefined)
        continue;
      this.#suspense.add(paymentHash);
      alarm(
        `suspense: the wallet made payment ${paymentHash} of ${amountMsat} msat and ${feeMsat} msat of fee, which is in no book of this treasury`,
      );
    }
  }
}
