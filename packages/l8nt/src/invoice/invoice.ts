/** The data of a BOLT 11 invoice, as decoded and as given to `encode`. */
import type { Fallback } from "./fallback.ts";
import type { Network } from "./network.ts";
import type { RouteHop } from "./route-hint.ts";

/**
 * A decoded invoice, deeply frozen. Bytes are lower-case hex. The signature has been verified;
 * nothing else is known about the payee.
 */
export interface InvoiceData {
  /** The text that was decoded, in lower case and without `lightning:`. */
  readonly text: string;
  readonly network: Network;
  /** Undefined if the payer may choose the amount. */
  readonly amountMsat: bigint | undefined;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly expirySeconds: number;
  /** Unix seconds; the payee refuses payment from this time on. */
  readonly expiresAt: number;
  readonly paymentHash: string;
  /** Missing only in an invoice with blinded paths. */
  readonly paymentSecret?: string;
  /**
   * The payee's node: a compressed public key. With `blindedPaths` it is a key that was made for
   * this invoice, and tells nothing about the node.
   */
  readonly payee: string;
  /** The payee's text, which is not trusted: show it as text, never as markup. */
  readonly description?: string;
  readonly descriptionHash?: string;
  readonly minFinalCltvExpiryDelta: number;
  /** The feature bits that are set, ascending. Every even one is a known feature. */
  readonly features: readonly number[];
  readonly fallbacks: readonly Fallback[];
  readonly routeHints: readonly (readonly RouteHop[])[];
  /**
   * bLIP 39: paths that hide the payee, each as its field has it. Missing if the payee is not
   * hidden.
   */
  readonly blindedPaths?: readonly string[];
  readonly metadata?: string;
  /** 65 bytes: r, s, recovery id. */
  readonly signature: string;
}

/** The fields of an invoice to write. The key that signs it identifies the payee. */
export interface InvoiceFields {
  readonly network: Network;
  readonly amountMsat?: bigint | undefined;
  /** Unix seconds. */
  readonly timestamp: number;
  /** The field is left out of the invoice if undefined. @default 3600 */
  readonly expirySeconds?: number;
  readonly paymentHash: string;
  readonly paymentSecret: string;
  /** Exactly one of `description` and `descriptionHash` is needed. */
  readonly description?: string;
  readonly descriptionHash?: string;
  /** The field is left out of the invoice if undefined. @default 18 */
  readonly minFinalCltvExpiryDelta?: number;
  readonly features?: readonly number[];
  readonly fallbacks?: readonly Fallback[];
  readonly routeHints?: readonly (readonly RouteHop[])[];
  readonly metadata?: string;
  /**
   * Writes the payee's key (the `n` field). Without it, readers recover the key from the signature.
   *
   * @default false
   */
  readonly namesPayee?: boolean;
}

/** The defaults of BOLT 11 for fields that an invoice leaves out. */
export const DEFAULT_EXPIRY_SECONDS = 3600;
export const DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA = 18;

/** 35 bits of seconds, in 5-bit words. */
export const TIMESTAMP_WORDS = 7;
export const MAX_TIMESTAMP = 2 ** 35 - 1;

/** r (32 bytes), s (32 bytes), recovery id: 520 bits in words. */
export const SIGNATURE_WORDS = 104;
