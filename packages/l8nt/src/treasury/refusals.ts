/**
 * What a 402 to something that was paid for means: the one decision about blame.
 * spec/4-purchase.md §4.5.
 */
import type { CaveatChain } from "../caveat/index.ts";

/**
 * Why a service refuses, by its own word, if a caveat of the credential can be the reason. It
 * proves nothing: it is a reason not to accuse. `over`: the credential has ended for every request.
 * `unfit`: it does not do for this request.
 */
export type Claim = "over" | "unfit" | "none";

/** What is known when a service answers 402 to a credential that was paid for. */
export interface RefusedFacts {
  /** Whether it has ended by our clock, and was presented in case a clock was set since. */
  readonly isPastEnd: boolean;
  readonly claim: Claim;
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
  /**
   * Whether it is good for many uses, and another request may be using it at this moment: what that
   * one gives back is good for a further use.
   */
  readonly isShared: boolean;
  /** Whether a connection on which it was presented was closed before a head, and not by us. */
  readonly unanswered: boolean;
  /** Whether it was presented in the place of an `Authorization` that was there when priced. */
  readonly inPlaceOfOwn: boolean;
}

/**
 * `again`: present it once more, as it was bought. `leave`: it is not for this order, and its
 * record stays. `used`: it is of no use any more, and nobody is accused. `doubted`: the same, but
 * the service may do it to be paid again, so this node does not pay there for a while. `accused`:
 * the service took the payment and refuses the very request that it was for.
 */
export type Verdict = "again" | "leave" | "used" | "doubted" | "accused";

/** Every reason not to accuse goes before the accusation. */
export function judgeRefusal(facts: RefusedFacts): Verdict {
  const { isPastEnd, claim, asBought, isOwn, isVeryRequest, isShared } = facts;
  const isKnownUse = facts.mayBeUsed || facts.hadByOthers;
  if (isPastEnd) return "used";
  // A clock, or a cache in front of the service, may have refused what the treasury added.
  if (!asBought) return "again";
  // A child must not end what its ancestor paid for.
  if (!isOwn) return "leave";
  // Nor another request what this one bought, unless it has ended for all of them.
  if (!isVeryRequest) return claim === "over" && isKnownUse && !isShared ? "used" : "leave";
  if (isKnownUse) return "used";
  // A link that broke in between and a service that hangs up look the same from here; and so do a
  // proxy that sent a request twice, and a service that lies about the use.
  return facts.unanswered || facts.inPlaceOfOwn || claim !== "none" ? "doubted" : "accused";
}

/** What decides whether a service can mean what it says. */
export interface ClaimFacts {
  /** Undefined for an opaque token, of which nobody knows what it says. */
  readonly chain: CaveatChain | undefined;
  /** Whether it ends soon enough for a clock of the service to be past its end. */
  readonly mayHaveEnded: boolean;
  /** Whether it had too little left for another request too, and nothing was answered since. */
  readonly hadTooLittle: boolean;
}

/** @param code of the service's problem, if it has one */
export function claimOf(code: string | undefined, facts: ClaimFacts): Claim {
  const { chain, mayHaveEnded, hadTooLittle } = facts;
  if (code === "ERR_REVOKED") return "over";
  // A credential without such a caveat cannot be refused for it.
  if (chain?.entries.every(({ condition }) => condition.code !== code)) return "none";
  if (code === "ERR_USES") return "over";
  if (code === "ERR_EXPIRED") return mayHaveEnded ? "over" : "none";
  // A cheaper request may still find enough.
  if (code === "ERR_BUDGET") return hadTooLittle ? "over" : "unfit";
  return code === "ERR_PRICE" ? "unfit" : "none";
}
