/**
 * What a ledger keeps a counter for: a limit at one place of one chain, a node's total, or what is
 * in flight. spec/5-ledger.md §1.
 */
import type { Unit } from "../amount.ts";

/**
 * `spend` counts amounts of one unit and `uses` counts requests; both stay counted. `in-flight`
 * counts payments and `in-flight-amount` counts amounts of one unit, each only until its
 * reservation is resolved. [case 55]
 */
export type Counting =
  | { readonly kind: "spend" | "in-flight-amount"; readonly unit: Unit }
  | { readonly kind: "uses" | "in-flight"; readonly unit?: undefined };

export type CounterKind = Counting["kind"];

export type Counted = Counting & {
  /**
   * Names the counter, and so its kind and unit. For a caveat: hex, derived from the HMAC prefix,
   * so that a bearer cannot give itself a fresh counter. For the treasury's own counters: text.
   */
  readonly id: string;
  /**
   * In the counter's unit, or a number of requests or payments. Undefined counts without a limit,
   * to show what a node spent.
   */
  readonly max?: bigint;
  /** Undefined counts over the whole life of the credential. Only for `spend` and `uses`. */
  readonly windowSeconds?: number;
  /** Unix seconds after which nothing can count against it, so that a store may forget it. */
  readonly expiresAt?: number;
};
