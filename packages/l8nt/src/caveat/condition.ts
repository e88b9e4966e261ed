/**
 * What a condition is: a name, a reader for its value, and at most a way to say no. It can do
 * nothing else.
 */
import type { BudgetCode, DenialCode } from "../errors.ts";
import type { Access } from "./access.ts";

export interface Denial {
  readonly code: DenialCode | BudgetCode;
  readonly have: string;
  readonly need: string;
}

/** Where a caveat stands: facts of the chain that some conditions need. */
export interface Place {
  /** Hex; from the identifier, never from a caveat. */
  readonly paymentHash: string;
  /** How many `agent` caveats follow. */
  readonly agentsAfter: number;
}

/** What a counted limit counts: msat spent, or requests. */
export type CountKind = "spend" | "uses";

export interface LimitTerms {
  readonly kind: CountKind;
  readonly max: bigint;
  /** Undefined counts over the whole life of the credential. */
  readonly windowSeconds?: number;
}

export interface Condition<Value> {
  readonly name: string;
  /** Undefined where the text is not of this condition's form, which denies. */
  parse(text: string): Value | undefined;
  /** Says no to this access, or nothing. Judged on every request; knows no state. */
  prohibits?(value: Value, access: Access, place: Place): Denial | undefined;
  /** A limit that the ledger counts, under the id of this place in the chain. */
  limit?(value: Value): LimitTerms;
}

/** A condition whose value's type is closed over: what a vocabulary holds. */
export type AnyCondition = Condition<never>;
