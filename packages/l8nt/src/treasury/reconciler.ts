/**
 * Holds the books against the wallet. Where the two may differ, nothing is spent until they agree
 * again.
 */
import { AdapterError, PaymentError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { Payer } from "../ports/wallet.ts";
import type { OutgoingPayments } from "./payments.ts";

export interface ReconcilerOptions {
  readonly store: Store;
  readonly payments: OutgoingPayments;
  readonly wallet: () => Promise<Payer>;
  readonly clock: Clock;
  readonly alarm: (what: string) => void;
}

/** The wallet's clock and ours may differ. */
const OVERLAP_SECONDS = 3600;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  #doubt: string | undefined;
  /**
   * How often doubt has come up: one that comes while another is being settled is not settled with
   * it.
   */
  #times = 0;
  /** Unix seconds from which on the wallet's own list was not compared yet; 0 for new books. */
  #from = 0;
  #running: Promise<{ readonly stillOpen: number }> | undefined;
  /** Payments of the wallet that the books do not know, and an alarm was raised for. */
  readonly #suspense = new Set<string>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /**
   * Before anything is written: when the books ended (Unix seconds), as the process before this one
   * left them.
   */
  lookFrom(latest: number): void {
    this.#from = latest;
  }

  /** Why nothing is spent for now; undefined where the books are certain. */
  get doubts(): string | undefined {
    return this.#doubt;
  }

  doubt(why: string): void {
    if (this.#doubt === undefined) this.#options.alarm(`spending has stopped: ${why}`);
    this.#doubt = why;
    this.#times++;
  }

  /**
   * Looks again in the background, so that a store that is well again ends the doubt. @throws
   * AdapterError `ERR_TREASURY_STOPPED`
   */
  demandCertainty(): void {
    if (this.#doubt === undefined) return;
    void this.reconcile().catch(() => {});
    throw new AdapterError(
      "ERR_TREASURY_STOPPED",
      `The treasury spends nothing for now: ${this.#doubt}. It looks again whenever it is asked; its owner sees why in its journal.`,
    );
  }

  /**
   * Asks the wallet about every payment whose outcome is not known. @throws AdapterError
   * `ERR_STORE`
   */
  reconcile(): Promise<{ readonly stillOpen: number }> {
    this.#running ??= this.#reconcile().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #reconcile(): Promise<{ readonly stillOpen: number }> {
    const { store, payments } = this.#options;
    const before = this.#times;
    for (const record of await store.openPayments())
      await payments.follow(record).catch((error: unknown) => {
        if (!(error instanceof PaymentError)) throw error;
      });
    await this.#findUnknown();
    const stillOpen = (await store.openPayments()).length;
    if (this.#times === before) this.#doubt = undefined;
    return { stillOpen };
  }

  /**
   * Money that left the wallet and is in no book: never ignored. It may be its owner's own, so it
   * stops nothing. [case 105]
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
      alarm("the wallet did not say what it has paid: money that is in no book would not be seen");
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
