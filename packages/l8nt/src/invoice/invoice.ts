/** A decoded BOLT 11 invoice: what it asks for, who signed it, and until when. */
import type { Fallback } from "./fallback.ts";
import type { Network } from "./network.ts";
import type { RouteHop } from "./route-hint.ts";

/**
 * Frozen, all the way down. Bytes are lower-case hex. The signature has been checked; nothing else
 * about the payee has.
 */
export interface InvoiceData {
  /** The invoice as it was given. */
  readonly text: string;
  readonly network: Network;
  /** Undefined where the payer may choose. */
  readonly amountMsat: bigint | undefined;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly expirySeconds: number;
  /** Unix seconds: the payee refuses from here on. */
  readonly expiresAt: number;
  readonly paymentHash: string;
  readonly paymentSecret: string;
  /** The payee's node: a compressed public key. */
  readonly payee: string;
  /** Written by whoever made the invoice: show it as text, never as markup. */
  readonly description?: string;
  readonly descriptionHash?: string;
  readonly minFinalCltvExpiryDelta: number;
  /** The feature bits that are set, ascending. An even one is required, and known. */
  readonly features: readonly number[];
  readonly fallbacks: readonly Fallback[];
  readonly routeHints: readonly (readonly RouteHop[])[];
  readonly metadata?: string;
  /** 65 bytes: r, s, recovery id. */
  readonly signature: string;
}

/** What an invoice is made from; the key that signs it is the payee. */
export interface InvoiceFields {
  readonly network: Network;
  readonly amountMsat?: bigint | undefined;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Not written where left out; readers then take 3600. */
  readonly expirySeconds?: number;
  readonly paymentHash: string;
  readonly paymentSecret: string;
  /** Exactly one of `description` and `descriptionHash`. */
  readonly description?: string;
  readonly descriptionHash?: string;
  /** Not written where left out; readers then take 18. */
  readonly minFinalCltvExpiryDelta?: number;
  readonly features?: readonly number[];
  readonly fallbacks?: readonly Fallback[];
  readonly routeHints?: readonly (readonly RouteHop[])[];
  readonly metadata?: string;
  /**
   * Writes the payee's key out (the `n` field); without it, readers recover the key from the
   * signature.
   */
  readonly namesPayee?: boolean;
}

/** BOLT 11's "if not specified". */
export const DEFAULT_EXPIRY_SECONDS = 3600;
export const DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA = 18;

/** 35 bits of seconds, in 5-bit words. */
export const TIMESTAMP_WORDS = 7;
export const MAX_TIMESTAMP = 2 ** 35 - 1;

/** r (32 bytes), s (32 bytes), recovery id: 520 bits in words. */
export const SIGNATURE_WORDS = 104;
