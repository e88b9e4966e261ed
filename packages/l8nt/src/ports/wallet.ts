/** What a wallet must do, split by power: a service takes an `Invoicer` and can never pay. */

import type { Network } from "../invoice/network.ts";
import type { Clock, Sleep } from "./clock.ts";

export type { Network } from "../invoice/network.ts";

/** The time of a wallet that is reached over a network; a test lets it pass without waiting. */
export interface WalletOptions {
  /** @default the system's clock; for spans of time, one that only goes forward */
  readonly clock?: Clock;
  /** Waits for time-outs, and between two look-ups of a payment. @default timers of the runtime */
  readonly sleep?: Sleep;
}

export interface InvoiceRequest {
  readonly amountMsat: bigint;
  readonly expirySeconds: number;
  /** Seen by the payer and by every wallet on the way: never put anything secret here. */
  readonly description?: string;
}

/** Makes invoices. The least that a service needs. */
export interface Invoicer {
  /**
   * The BOLT 11 text of an invoice for exactly `amountMsat`. Throws `AdapterError` (`ERR_WALLET`)
   * where it cannot.
   */
  createInvoice(request: InvoiceRequest): Promise<string>;
}

export interface PaymentRequest {
  /** BOLT 11 text. The caller has decoded and checked it. */
  readonly invoice: string;
  /** Hex. */
  readonly paymentHash: string;
  readonly amountMsat: bigint;
  /** The routing fee must not pass this; it is handed to the node. [case 46] */
  readonly maxFeeMsat: bigint;
  /** How long the node may keep trying before it answers. */
  readonly timeoutSeconds: number;
  /**
   * It was tried before, and failed: a wallet whose records could not tell this try from that one
   * must not make it.
   */
  readonly again?: true;
}

/**
 * What became of a payment. The difference between the last two is money: `failed` and `never-sent`
 * are proofs that nothing moved and nothing will; `unknown` is everything else, a time-out and a
 * lost reply among it. [cases 56-59, 75]
 */
export type PaymentOutcome =
  | { readonly status: "paid"; readonly preimage: string; readonly feeMsat: bigint }
  | { readonly status: "failed"; readonly reason: string }
  | { readonly status: "never-sent"; readonly reason: string }
  | {
      readonly status: "unknown";
      readonly reason: string;
      /** After how many seconds the wallet can tell, where it knows that. */
      readonly askAgainInSeconds?: number;
    };

/** A payment that a wallet made. */
export interface WalletPayment {
  /** Hex. */
  readonly paymentHash: string;
  /** Undefined if the wallet's record of it cannot be read: the payment must be seen. */
  readonly amountMsat: bigint | undefined;
  /** Undefined if the wallet's record of it cannot be read. */
  readonly feeMsat: bigint | undefined;
  /** Unix seconds; NaN if the wallet's record of it cannot be read. */
  readonly at: number;
  /**
   * The wallet's own id of this payment, the same in every list. Payments of one hash without an id
   * are added up, so a list must not have one of them twice.
   */
  readonly id?: string;
}

/** Pays invoices. Held by a treasury only. */
export interface Payer {
  network(): Promise<Network>;
  /** Pays once. Never throws for what happened to the payment: that is the outcome. */
  pay(request: PaymentRequest): Promise<PaymentOutcome>;
  /**
   * Finds a payment again by its hash (hex). `never-sent` only where this very wallet is certain.
   */
  find(paymentHash: string): Promise<PaymentOutcome>;
  /**
   * What it has paid since then (Unix seconds), no matter who asked it to; absent where it cannot
   * tell. [case 105]
   */
  paidSince?(at: number): Promise<readonly WalletPayment[]>;
  /**
   * Which node or account answers now: that another one never sent a payment is no proof that this
   * one did not. Absent where the wallet cannot tell. [case 59]
   */
  identity?(): Promise<string>;
}

/**
 * What a backend says of itself, and of the credential it is asked with. What is left out, it does
 * not tell.
 */
export interface WalletFacts {
  /** Name and version. */
  readonly software: string;
  readonly network?: Network;
  /** As `Payer.identity` gives it. */
  readonly identity?: string;
  /** What the credential may do, each tried by a request that can move nothing. */
  readonly rights: { readonly pay: boolean; readonly find: boolean; readonly invoice: boolean };
  /** What it may do that no wallet of Sigil needs, in the backend's own words. */
  readonly excess?: readonly string[];
  /** Whether the node knows the newest block. */
  readonly synced?: boolean;
  /** The backend's own clock, Unix seconds. */
  readonly clock?: number;
  readonly spendableMsat?: bigint;
  readonly receivableMsat?: bigint;
  /**
   * Whether it gives preimages shows only once it has paid something, and it has paid nothing yet.
   */
  readonly preimagesUntried?: true;
  /** What this kind of backend cannot do, one sentence each, for its owner to read. */
  readonly limits: readonly string[];
}

export interface Wallet extends Payer, Invoicer {
  /**
   * Looks and moves nothing: for `sigil doctor`, and for a treasury that starts.
   *
   * @throws AdapterError `ERR_WALLET`: not reached, not let in, locked, or one that cannot return
   * preimages
   */
  examine?(): Promise<WalletFacts>;
}
