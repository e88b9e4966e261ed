/** Wraps text to a number of columns. */

/** Lines of at most `width` columns. A quoted text or a `[group]` stays on one line if it fits. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.match(/(?:"[^"\n]*"|\[[^\]\n]*\]|[^\s])+/g) ?? []) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
