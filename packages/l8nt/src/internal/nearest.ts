/** Finds the name that a misspelt one was probably meant to be. */

/** The name with the fewest edits to `typed`; undefined if every name is too far from it. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const name of names) {
    const edits = editsBetween(typed, name);
    if (edits < fewest) [best, fewest] = [name, edits];
  }
  return best;
}

/** Levenshtein distance, row by row. */
function editsBetween(a: string, b: string): number {
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
