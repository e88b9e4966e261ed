/**
 * The faults of the dev network: which request goes wrong, how, and how often. [cases 56-58, 75]
 */

/** The kinds of faults. */
export const FAULTS = [
  /** The payment is made, and the connection is cut without an answer. */
  "reply-lost",
  /** The payment is made, and half of the answer arrives. */
  "half-json",
  /** The payment is made, and the answer is a 500. */
  "server-error",
  /**
   * The request takes `delayMs` longer. After the time-out the answer is "unknown", and the payment
   * is still made.
   */
  "slow",
  /** A definite failure. */
  "fails",
  /**
   * The payment stays in flight until `settle` or `fail`. The answer is "unknown", after `delayMs`
   * or at the time-out.
   */
  "stuck",
  /** The payment is made, and the answer has another preimage. */
  "wrong-preimage",
  /** The payment is made with a fee above the cap. */
  "fee-over-cap",
] as const;

/** The kind of a fault. */
export type FaultKind = (typeof FAULTS)[number];
/** The request that a fault applies to: a payment, a look-up, or the making of an invoice. */
export type FaultTarget = "pay" | "find" | "invoice";

/** A fault, and the requests that it applies to. */
export interface FaultRule {
  readonly kind: FaultKind;
  /** The request. Faults of the payment itself apply to `"pay"` only. @default "pay" */
  readonly on?: FaultTarget;
  /** The account whose requests go wrong. @default every account */
  readonly account?: string;
  /** The payment whose requests go wrong. @default every payment */
  readonly paymentHash?: string;
  /** How many requests go wrong. @default 1 */
  readonly times?: number;
  /** Of `"slow"` and `"stuck"`, in milliseconds, at most 600000. */
  readonly delayMs?: number;
}

export interface FaultSubject {
  readonly on: FaultTarget;
  readonly account: string;
  readonly paymentHash: string | undefined;
}

const TARGETS: readonly FaultTarget[] = ["pay", "find", "invoice"];
const OF_THE_REPLY: readonly FaultKind[] = ["reply-lost", "half-json", "server-error", "slow"];

/** The longest `delayMs`. */
export const MAX_DELAY_MS = 600_000;

export class Faults {
  readonly #rules: { readonly rule: FaultRule; left: number }[] = [];

  /** @throws TypeError */
  add(rule: FaultRule): void {
    const { kind, on = "pay", account, paymentHash, times = 1, delayMs = 0 } = rule;
    const sound =
      FAULTS.includes(kind) &&
      TARGETS.includes(on) &&
      (on === "pay" || OF_THE_REPLY.includes(kind)) &&
      (account === undefined || typeof account === "string") &&
      (paymentHash === undefined || typeof paymentHash === "string") &&
      typeof times === "number" &&
      times > 0 &&
      typeof delayMs === "number" &&
      delayMs >= 0 &&
      delayMs <= MAX_DELAY_MS;
    if (!sound)
      throw new TypeError(
        "the dev network cannot carry out this fault: kind, on, account, paymentHash, times or delayMs is wrong",
      );
    this.#rules.push({ rule: Object.freeze({ ...rule }), left: times });
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** Returns the first rule that applies to a request, and uses it up once. */
  take(subject: FaultSubject): FaultRule | undefined {
    const at = this.#rules.findIndex(
      ({ rule }) =>
        (rule.on ?? "pay") === subject.on &&
        (rule.account ?? subject.account) === subject.account &&
        (rule.paymentHash ?? subject.paymentHash) === subject.paymentHash,
    );
    const entry = this.#rules[at];
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.#rules.splice(at, 1);
    return entry.rule;
  }
}
