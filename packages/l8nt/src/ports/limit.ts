/** What a ledger keeps a counter for: a limit at one place of one chain, or a node's total. */

export interface Counted {
  /** Hex; derived from the HMAC prefix, so nobody can give himself a fresh counter. */
  readonly id: string;
  readonly kind: "spend" | "uses";
  /** Msat, or requests. Undefined is counted without a limit: for showing what a node spent. */
  readonly max?: bigint;
  /** Undefined counts over the whole life of the credential. */
  readonly windowSeconds?: number;
  /** Unix seconds after which nothing can count against it any more, so that a store may forget it. */
  readonly expiresAt?: number;
}
