/**
 * What a ledger keeps a counter for: a limit at one place of one chain, a node's total, or what is
 * in flight somewhere.
 */

/**
 * `spend` counts msat and `uses` counts requests, for good. `in-flight` counts payments and
 * `in-flight-msat` their amounts, each only for as long as it is not resolved. [case 55]
 */
export type CounterKind = "spend" | "uses" | "in-flight" | "in-flight-msat";

export interface Counted {
  /**
   * Hex, derived from the HMAC prefix, so nobody can give himself a fresh counter; or a text of the
   * treasury's own.
   */
  readonly id: string;
  readonly kind: CounterKind;
  /**
   * Msat, requests or payments. Undefined is counted without a limit: for showing what a node
   * spent.
   */
  readonly max?: bigint;
  /** Undefined counts over the whole life of the credential. Only for `spend` and `uses`. */
  readonly windowSeconds?: number;
  /**
   * Unix seconds after which nothing can count against it any more, so that a store may forget it.
   */
  readonly expiresAt?: number;
}
