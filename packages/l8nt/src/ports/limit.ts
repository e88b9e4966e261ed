/** A counted limit at one place of one chain: what a ledger keeps a counter for. */

export interface CountedLimit {
  /** Hex; derived from the HMAC prefix, so nobody can give himself a fresh counter. */
  readonly id: string;
  readonly kind: "spend" | "uses";
  /** Msat, or requests. */
  readonly max: bigint;
  /** Undefined counts over the whole life of the credential. */
  readonly windowSeconds?: number;
}
