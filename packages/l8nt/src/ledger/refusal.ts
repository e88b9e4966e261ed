/** The ledger's refusal as an error for people. */

import { type Amount, formatAmount } from "../amount.ts";
import { type ChainLimit, type Denial, formatWindow, refusal } from "../caveat/index.ts";
import { BudgetError, type Refusal } from "../errors.ts";
import type { Ledger, Usage } from "../ports/ledger.ts";
import type { Counted } from "../ports/limit.ts";

/** What was asked for. `costText` explains an amount, such as a fee that is only the worst case. */
export interface Need {
  readonly amount: Amount;
  readonly uses: bigint;
  readonly costText?: string;
}

export function budgetError(
  limits: readonly ChainLimit[],
  refused: readonly Usage[],
  need: Need,
): BudgetError {
  const refusals = refused.flatMap(({ id, used, resetsAt }): Refusal[] => {
    const limit = limits.find((candidate) => candidate.id === id);
    if (limit === undefined) return [];
    const said = refusal(limit.node, limit.condition, denial(limit, used, need));
    return [{ ...said, ...(resetsAt !== undefined && { resetsAt: Math.ceil(resetsAt) }) }];
  });
  return new BudgetError(refusals as [Refusal, ...Refusal[]]);
}

/**
 * What a ledger refused, and when each limit with a window is whole again, which a refusal does not
 * say. It is asked only after a refusal, and denies nothing if it cannot be.
 */
export async function withResets(
  ledger: Pick<Ledger, "usage">,
  refused: readonly Usage[],
  counted: readonly Counted[],
  at: number,
): Promise<readonly Usage[]> {
  const isRefused = new Set(refused.map(({ id }) => id));
  const windowed = counted.filter(
    ({ id, windowSeconds }) => windowSeconds !== undefined && isRefused.has(id),
  );
  if (windowed.length === 0) return refused;
  const usages = await ledger.usage(windowed, at).catch((): readonly Usage[] => []);
  return refused.map((usage) => {
    const resetsAt = usages.find(({ id }) => id === usage.id)?.resetsAt;
    return resetsAt === undefined ? usage : { ...usage, resetsAt };
  });
}

function denial(limit: ChainLimit, used: bigint, need: Need): Denial {
  const left = used < limit.max ? limit.max - used : 0n;
  const window = formatWindow(limit.windowSeconds);
  const asked = need.costText ?? formatAmount(need.amount);
  switch (limit.kind) {
    case "spend": {
      const { unit } = limit;
      return {
        code: "ERR_BUDGET",
        have: `${formatAmount({ unit, value: left })} left of ${formatAmount({ unit, value: limit.max })}${window}`,
        need: asked,
      };
    }
    case "in-flight-amount": {
      const { unit } = limit;
      return {
        code: "ERR_IN_FLIGHT",
        have: `${formatAmount({ unit, value: used })} in flight of at most ${formatAmount({ unit, value: limit.max })}`,
        need: asked,
      };
    }
    case "in-flight":
      return {
        code: "ERR_IN_FLIGHT",
        have: `${used} payments in flight`,
        need: `fewer than ${limit.max} of them`,
      };
    case "uses":
      return {
        code: "ERR_USES",
        have: `${left} of ${limit.max} uses${window} left`,
        need: `${need.uses}`,
      };
  }
}
