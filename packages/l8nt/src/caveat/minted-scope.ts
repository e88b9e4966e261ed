/** What a minter adds to a scope, so that its holder can spend nothing that it was not given. */
import { parseAmount, UNITS } from "../amount.ts";
import { maxPriceOf } from "./conditions/max-price.ts";
import type { Scope } from "./scope.ts";

const BUDGETS = ["budget", "budgetPerHour", "budgetPerDay", "budgetPerMonth"] as const;

/**
 * A price of 0 at most in each unit that a scope with budgets has none in. A holder may append a
 * budget in another unit, and would spend from it what nobody gave. spec/2-caveats.md §5.
 */
export function capsOfOtherUnits(scope: Scope): readonly string[] {
  const given = BUDGETS.flatMap((key) => scope[key] ?? []).map((text) => parseAmount(text)?.unit);
  const others = UNITS.filter((unit) => given.length > 0 && !given.includes(unit));
  return others.map((unit) => `${maxPriceOf(unit)}=0`);
}
