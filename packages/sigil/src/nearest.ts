/** Finds the name that a mistyped word most likely meant. */
import { UsageError } from "./exit.ts";
import { plainName } from "./secrecy.ts";

/** The name with the fewest changes to `typed`; undefined if all of them differ too much. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, changes: changesBetween(typed, name) }))
    .sort((a, b) => a.changes - b.changes);
  return best !== undefined && best.changes <= Math.max(2, Math.floor(typed.length / 3))
    ? best.name
    : undefined;
}

/** The error for a verb that is missing, or is none of `names`. */
export function wrongVerb(
  typed: string | undefined,
  names: readonly string[],
  usage: string,
): UsageError {
  if (typed === undefined) return new UsageError(`Missing verb. Usage: ${usage}.`);
  const plain = plainName(typed);
  if (plain === undefined) return new UsageError(`Unknown verb. Usage: ${usage}.`);
  const near = nearest(plain, names);
  return new UsageError(
    `Unknown verb ${plain}. ${near === undefined ? `Usage: ${usage}.` : `Did you mean ${near}?`}`,
  );
}

/** The Levenshtein distance, computed row by row. */
function changesBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length]!;
}
