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

/** Each line of a text wrapped for itself, and indented as far as it began. */
export function filled(text: string, width: number): string {
  return text
    .split("\n")
    .flatMap((line) => {
      const indent = /^ */.exec(line)?.[0] ?? "";
      if (line.length <= width) return [line];
      return wrapped(line, Math.max(width - indent.length, 20)).map((part) => `${indent}${part}`);
    })
    .join("\n");
}
