/**
 * The rule that a spend needs a budget of its own unit. Units are never converted.
 * spec/2-caveats.md §5.
 */
import { type Amount, formatAmount, unitName } from "../amount.ts";
import type { Refusal } from "../errors.ts";
import { type CaveatChain, refusal } from "./chain.ts";
import { budgetOf } from "./conditions/budget.ts";
import { maxPriceOf } from "./conditions/max-price.ts";

/**
 * The refusal of a spend that no limit of the chain counts; undefined if one counts it, and for a
 * credential that is not there to spend.
 *
 * @param kind `"spending"` for a credential of a treasury, which spends nothing without a budget.
 * An `"access"` credential without any budget, such as a pass for a time, has no price to pay.
 */
export function uncountedSpend(
  { limits, node }: CaveatChain,
  amount: Amount,
  kind: "access" | "spending",
): Refusal | undefined {
  const budgets = limits.filter((limit) => limit.kind === "spend");
  const isCounted = budgets.some(({ unit }) => unit === amount.unit);
  if (amount.value === 0n || isCounted || (kind === "access" && budgets.length === 0))
    return undefined;
  return refusal(node, budgetOf(amount.unit), {
    code: "ERR_BUDGET",
    have: `no budget in ${unitName(amount.unit)}`,
    need: formatAmount(amount),
  });
}

/**
 * The reasons against a spend, with that no limit counts it. A minter writes a price of 0 into what
 * has no budget in a unit, which then says the same.
 */
export const withUncounted = (
  refusals: readonly Refusal[],
  uncounted: Refusal | undefined,
  { unit }: Amount,
): readonly Refusal[] =>
  uncounted === undefined
    ? refusals
    : [...refusals.filter(({ condition }) => condition !== maxPriceOf(unit)), uncounted];
