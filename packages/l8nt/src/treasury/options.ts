/** The options of a treasury. */
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { InvoiceCurve } from "../invoice/index.ts";
import type { Secret } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { PaymentSummary } from "../ports/treasury.ts";
import type { Payer } from "../ports/wallet.ts";
import { LIMIT_KEYS, type TreasuryLimits } from "./limits.ts";

export interface TreasuryOptions extends TreasuryLimits {
  /** 32 random bytes or more, or their hex. */
  readonly secret: Secret;
  /** Secrets whose credentials are still accepted. */
  readonly previousSecrets?: readonly Secret[];
  /** The URL at which agents reach this treasury. It is part of their credentials. */
  readonly location: string;
  /**
   * The wallet that pays. A function is called at the first payment, and again if it failed.
   */
  readonly wallet: Payer | (() => Promise<Payer>);
  /** @default a store in memory, which a restart empties */
  readonly store?: Store;
  /**
   * The name of this process among those that share a store: the same again after a restart.
   *
   * @default random
   */
  readonly instance?: string;
  /**
   * 32 bytes from which the key is made that signs receipts.
   *
   * @default derived from `secret`
   */
  readonly receiptSeed?: Uint8Array;
  /**
   * Computes the payee of an invoice from its signature.
   *
   * @default `@noble/curves`, which takes 1 to 2 ms for each payment
   */
  readonly curve?: InvoiceCurve;
  /** Sends requests to services. @default `guardedFetch()`: public addresses only */
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** Called for each payment once it is written down. */
  readonly onPaid?: (payment: PaymentSummary) => void;
  /** Called with what a person should look at. */
  readonly alarm?: (what: string) => void;
}

const OPTIONS = {
  ...LIMIT_KEYS,
  secret: true,
  previousSecrets: true,
  location: true,
  wallet: true,
  store: true,
  instance: true,
  receiptSeed: true,
  curve: true,
  fetch: true,
  clock: true,
  onPaid: true,
  alarm: true,
} satisfies Keys<TreasuryOptions>;

/** @throws TypeError for an unknown option: a misspelt limit would limit nothing. [case 97] */
export const checkOptions = (options: TreasuryOptions): void =>
  checkKeys(options, OPTIONS, "a treasury");
