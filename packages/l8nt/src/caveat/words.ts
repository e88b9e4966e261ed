/** Caveats in words for people: "until 2030-01-01 00:00:00 UTC (in 42 min)", "500 sat in all". */
import { formatAmount } from "../amount.ts";
import type { CaveatText } from "./chain.ts";
import type { LimitTerms } from "./condition.ts";
import { conditionNamed } from "./conditions/table.ts";
import { textsOf } from "./conditions/texts.ts";

/**
 * What a caveat allows, in lines. None for a caveat that only names a node. The lines repeat the
 * sender's text as it stands: escape it before printing.
 *
 * @param now Unix seconds
 */
export function caveatWords(
  { condition: name, value }: Pick<CaveatText, "condition" | "value">,
  now: number,
): readonly string[] {
  const condition = conditionNamed(name);
  if (condition === undefined) {
    // A long name is not repeated: 64 characters may be a preimage.
    const shown = /^[a-z0-9_]{1,63}$/.test(name) ? name : "a condition with a strange name";
    return [`${shown}: unknown here, so everything is denied`];
  }
  const { words } = textsOf(condition);
  if (condition.isSecret) return words(undefined as never, now, condition);
  const parsed = condition.parse(value);
  return parsed === undefined
    ? [`${name}: a value that cannot be read, so everything is denied`]
    : words(parsed, now, condition);
}

/** What a condition counts, and in which window; undefined for a condition that counts nothing. */
export function countedBy(name: string): LimitTerms | undefined {
  const condition = conditionNamed(name);
  return condition?.limit?.(0n as never);
}

/** A number that a condition counts: "12 sat", or "5" for uses. */
export function formatCounted(name: string, value: bigint): string {
  const unit = conditionNamed(name)?.unit;
  return unit === undefined ? `${value}` : formatAmount({ unit, value });
}

/** The limit of a condition in words: "500 sat in all". */
export const limitWords = (name: string, max: bigint): string =>
  caveatWords({ condition: name, value: `${max}` }, 0).join();

/** Whether the words of a condition are shown as a list, line by line. */
export const isListed = (name: string): boolean => conditionNamed(name)?.meets !== undefined;
