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

/** Levenshtein distance, in one row. */
function editsBetween(a: string, b: string): number {
  const row = [...Array(b.length + 1).keys()];
  for (const letter of a) {
    let before = row[0]!++;
    for (let at = 0; at < b.length; ) {
      const replaced = before + (letter === b[at] ? 0 : 1);
      before = row[++at]!;
      row[at] = Math.min(row[at - 1]! + 1, before + 1, replaced);
    }
  }
  return row[b.length]!;
}
