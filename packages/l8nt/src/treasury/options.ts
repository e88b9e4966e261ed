/** The options of a treasury. */
import { readBase } from "../caveat/index.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { InvoiceCurve } from "../invoice/index.ts";
import type { Secret } from "../l402/index.ts";
import type { BooksWitness } from "../ports/books-mark.ts";
import type { Clock, Sleep } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { PaymentSummary } from "../ports/treasury.ts";
import type { Payer } from "../ports/wallet.ts";
import { LIMIT_KEYS, type TreasuryLimits } from "./limits.ts";
import { type MintsOptions, readMints } from "./mints.ts";

export interface TreasuryOptions extends TreasuryLimits {
  /** 32 random bytes or more, or their hex. */
  readonly secret: Secret;
  /**
   * Secrets whose credentials are still accepted, and whose wrapping is read. Keep each until
   * `owner.health()` says that it is not needed, and its credentials have ended.
   */
  readonly previousSecrets?: readonly Secret[];
  /** The URL at which agents reach this treasury, without a path. It is part of credentials. */
  readonly location: string;
  /**
   * The wallet that pays. A function is called at the first payment, and again if it failed.
   */
  readonly wallet: Payer | (() => Promise<Payer>);
  /** @default a store in memory, which a restart empties */
  readonly store?: Store;
  /**
   * 32 bytes from which the key is made that signs receipts.
   *
   * @default derived from `secret`
   */
  readonly receiptSeed?: Uint8Array;
  /**
   * Public keys of seeds before `receiptSeed`, 64 hex each: a checkpoint of the journal that one of
   * them signed is accepted, and signed anew at the start. Those of `previousSecrets` are known.
   */
  readonly previousReceiptKeys?: readonly string[];
  /**
   * Computes the payee of an invoice from its signature.
   *
   * @default `@noble/curves`, which takes 1 to 2 ms for each payment
   */
  readonly curve?: InvoiceCurve;
  /** Sends requests to services. @default `guardedFetch()`: public addresses only */
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** Waits before a service is asked again that still answers. @default in real time */
  readonly sleep?: Sleep;
  /** Called for each payment once it is written down. */
  readonly onPaid?: (payment: PaymentSummary) => void;
  /**
   * What a payment does that the wallet made and the books cannot explain: one that no book has,
   * that is more than its books have, or that was made although it had failed. `"stop"` stops all
   * spending until the owner has explained it. `"alarm"` only raises an alarm, for a wallet that
   * others pay from too. [case 105]
   *
   * @default "stop"; "alarm" for the treasury in a `Client`
   */
  readonly unexplainedPayments?: "stop" | "alarm";
  /**
   * Keeps how far the books have come outside of them, so that a backup that is restored is
   * noticed. `sigil treasury` keeps it in a file beside the key.
   *
   * @default none
   */
  readonly witness?: BooksWitness;
  /**
   * The services that credentials of the public-key form are minted for, in place of paying: those
   * that trust the issuer of these keys.
   *
   * @default none
   */
  readonly mints?: MintsOptions;
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
  receiptSeed: true,
  previousReceiptKeys: true,
  curve: true,
  fetch: true,
  clock: true,
  sleep: true,
  onPaid: true,
  witness: true,
  unexplainedPayments: true,
  mints: true,
  alarm: true,
} satisfies Keys<TreasuryOptions>;

/** @throws TypeError for an unknown option: a misspelt limit would limit nothing. [case 97] */
export function checkOptions(options: TreasuryOptions): void {
  checkKeys(options, OPTIONS, "a treasury");
  const { location, unexplainedPayments = "stop" } = options;
  if (readBase(location)?.path !== "")
    throw new TypeError(
      "a treasury's location must be an http(s) URL without a path: agents call its API at the root of its origin",
    );
  if (unexplainedPayments !== "stop" && unexplainedPayments !== "alarm")
    throw new TypeError('a treasury\'s unexplainedPayments must be "stop" or "alarm"');
  if (options.mints !== undefined) readMints(options.mints);
}
