/**
 * The faults of the dev network: what shall go wrong, for whom, and how often. [cases 56-58, 75]
 */

export const FAULTS = [
  /** The payment happens, the answer does not: the connection is cut. */
  "reply-lost",
  /** The payment happens, half of the answer arrives. */
  "half-json",
  /** The payment happens, the answer is a 500. */
  "server-error",
  /**
   * Everything happens `delayMs` later; past the time-out the answer is "unknown" and the payment
   * still happens.
   */
  "slow",
  /** A definite failure. */
  "fails",
  /**
   * In flight until `settle` or `fail`: the answer is "unknown" at the time-out, or after
   * `delayMs`.
   */
  "stuck",
  /** Paid, with a preimage of something else. */
  "wrong-preimage",
  /** Paid, with a fee above the cap that it was given. */
  "fee-over-cap",
] as const;

export type FaultKind = (typeof FAULTS)[number];
export type FaultTarget = "pay" | "find" | "invoice";

export interface FaultRule {
  readonly kind: FaultKind;
  /**
   * Which request goes wrong; paying, where left out. Faults of the payment itself can only hit
   * paying.
   */
  readonly on?: FaultTarget;
  /** Whose requests; everybody's, where left out. */
  readonly account?: string;
  /** Which payment's requests; any, where left out. */
  readonly paymentHash?: string;
  /** How many requests, before all is well again: 1 where left out. */
  readonly times?: number;
  readonly delayMs?: number;
}

export interface FaultSubject {
  readonly on: FaultTarget;
  readonly account: string;
  readonly paymentHash: string | undefined;
}

const TARGETS: readonly FaultTarget[] = ["pay", "find", "invoice"];
const OF_THE_REPLY: readonly FaultKind[] = ["reply-lost", "half-json", "server-error", "slow"];

/** No fault waits longer than this. */
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
    if (!sound) throw new TypeError("not a fault that the dev network can make");
    this.#rules.push({ rule: Object.freeze({ ...rule }), left: times });
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** The first rule that fits this request, used once. */
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
