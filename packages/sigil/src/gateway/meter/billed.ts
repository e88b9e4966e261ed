/** Whether a vendor may bill a request, by how its exchange ended. */
import type { Outcome } from "../core/forward.ts";

/**
 * An answer other than 2xx bills nothing, unless it states a usage. What was sent, and broke off or
 * was left before its answer said anything, may be billed.
 */
export function isBilled(outcome: Outcome, hasUsage = false): boolean {
  if ("isUnsent" in outcome && outcome.isUnsent) return false;
  if (outcome.kind === "failed") return mayBeBilled(outcome);
  const { status } = outcome;
  return status === undefined || (status >= 200 && status <= 299) || hasUsage;
}

/**
 * A vendor that has begun an answer may have made all of it, and so may one that was not waited for
 * any longer. One that died before its head bills nothing.
 */
const mayBeBilled = (failed: Extract<Outcome, { readonly kind: "failed" }>): boolean =>
  failed.headStatus === undefined
    ? failed.error.name === "HeadersTimeoutError"
    : failed.headStatus >= 200 && failed.headStatus <= 299;
