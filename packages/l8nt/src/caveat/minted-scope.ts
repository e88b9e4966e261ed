/** What every minter asks of a scope, and adds to it: nobody gets what nobody gave. */
import { parseAmount, UNITS } from "../amount.ts";
import { boundsOf, checkCaveats, compileScope } from "./compile.ts";
import { maxPriceOf } from "./conditions/max-price.ts";
import type { Scope } from "./scope.ts";
import type { Vocabulary } from "./vocabulary.ts";

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

/**
 * The caveats of a credential that is minted: there is none for everything, none without an end,
 * and none that can pay without a budget. spec/2-caveats.md §1.
 *
 * @param terms more caveats, behind those of the scope
 * @param now Unix seconds; what durations count from
 * @throws TypeError
 */
export function mintedCaveats(
  scope: Scope,
  terms: readonly string[],
  vocabulary: Vocabulary,
  now: number,
  isSpending = false,
): readonly string[] {
  // First, so that a misspelt key is named, not missed.
  const caveats = [...compileScope(scope, { now }), ...terms];
  checkCaveats(caveats, vocabulary);
  const bounds = boundsOf(scope);
  if (!bounds.has("place"))
    throw new TypeError(
      "a credential needs endpoints (or services): there is no credential for everything",
    );
  if (!bounds.has("time"))
    throw new TypeError('a credential needs an end: expiresIn: "1h", or expiresAt');
  if (isSpending && !bounds.has("spend"))
    throw new TypeError(
      'a credential that can spend needs a budget: budget: "500 sat", or budgetPerDay',
    );
  return caveats;
}
