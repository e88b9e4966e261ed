/**
 * What a 402 to something that was paid for means: the one decision about blame.
 * spec/4-purchase.md §4.5.
 */

/** What is known when a service answers 402 to a credential that was paid for. */
export interface RefusedFacts {
  /** Whether it has ended by our clock, and was presented in case a clock was set since. */
  readonly isPastEnd: boolean;
  /**
   * Whether the credential was presented as it was bought and with a fresh `Idempotency-Key`:
   * without a time caveat of the treasury, and not as a repetition.
   */
  readonly asBought: boolean;
  /** Whether the node that orders paid for it, and not an ancestor. */
  readonly isOwn: boolean;
  /** Whether this is the very request that was priced. */
  readonly isVeryRequest: boolean;
  /**
   * Whether the service may have counted the use: an answer was received, or the treasury or the
   * agent closed a connection on which it was presented.
   */
  readonly mayBeUsed: boolean;
  /** Whether another order or another process had it. */
  readonly hadByOthers: boolean;
  /** Whether a connection on which it was presented was closed before a head, and not by us. */
  readonly unanswered: boolean;
}

/**
 * `again`: present it once more, as it was bought. `leave`: it is not for this order, and its
 * record stays. `used`: it is of no use any more, and nobody is accused. `doubted`: the same, but
 * the service may have hung up to be paid again, so this node does not pay there for a while.
 * `accused`: the service took the payment and refuses the very request that it was for.
 */
export type Verdict = "again" | "leave" | "used" | "doubted" | "accused";

/** Every reason not to accuse goes before the accusation. */
export function judgeRefusal(facts: RefusedFacts): Verdict {
  if (facts.isPastEnd) return "used";
  // A clock, or a cache in front of the service, may have refused what the treasury added.
  if (!facts.asBought) return "again";
  // A child must not end what its ancestor paid for, nor another request what this one bought.
  if (!facts.isOwn || !facts.isVeryRequest) return "leave";
  if (facts.mayBeUsed || facts.hadByOthers) return "used";
  // A link that broke in between and a service that hangs up look the same from here.
  return facts.unanswered ? "doubted" : "accused";
}
