/** What the holder of a credential sees of its own limits. */
import { formatAmount } from "l8nt/invoice";
import type { Verified } from "l8nt/l402";
import type { Ledger } from "l8nt/ports";
import type { Paywall } from "l8nt/service";
import { leftOf, spendingOf } from "./limits.ts";

export interface HolderBudget {
  /** Root first. */
  readonly limits: readonly {
    /** The name of the agent that it was set for; the root has none. */
    readonly agent?: string;
    readonly limit: string;
    readonly used: string;
    /** The part of `used` that requests under way hold. */
    readonly reserved: string;
    readonly left: string;
    /** Of a limit on any span of that length; absent for one in all. */
    readonly seconds?: number;
    /** ISO 8601: when all of such a limit is free again, if nothing more is spent. */
    readonly resetsAt?: string;
  }[];
  /** ISO 8601; when the credential ends. */
  readonly expires?: string;
}

export interface HolderBudgetOptions {
  readonly paywall: Pick<Paywall, "limits">;
  readonly ledger: Pick<Ledger, "usage">;
  /** Unix seconds. */
  readonly now: number;
}

export async function holderBudget(
  verified: Verified,
  { paywall, ledger, now }: HolderBudgetOptions,
): Promise<HolderBudget> {
  const limits = await spendingOf(paywall.limits(verified), ledger, now);
  const { validUntil } = verified;
  return {
    limits: limits.map((limit) => {
      const { agent, unit, max, used, reserved, windowSeconds, resetsAt } = limit;
      const text = (value: bigint) => formatAmount({ unit, value });
      return {
        ...(agent !== undefined && { agent }),
        limit: text(max),
        used: text(used),
        reserved: text(reserved),
        left: text(leftOf(limit)),
        ...(windowSeconds !== undefined && { seconds: windowSeconds }),
        ...(resetsAt !== undefined && { resetsAt: new Date(resetsAt * 1000).toISOString() }),
      };
    }),
    ...(validUntil !== undefined && { expires: new Date(validUntil * 1000).toISOString() }),
  };
}
