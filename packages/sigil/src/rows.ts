/** Rows of a list that a person reads: as wide as the terminal, and whole in a file. */
import { wrapped } from "./wrap.ts";

/** Indents what belongs to the line above. */
const INDENT = "  ";

/**
 * A row of parts. In a file it is one line. A terminal gets as many parts on each line as fit; a
 * part that is longer than a line is cut, because `--json` and a file have all of it.
 *
 * @param columns of the terminal; undefined for a file
 */
export function row(parts: readonly string[], columns: number | undefined): string {
  const filled = parts.filter((part) => part !== "");
  if (columns === undefined) return filled.join("  ");
  const lines: string[] = [];
  for (const part of filled) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(cut(part, columns));
    else if (last.length + 2 + part.length <= columns) lines[lines.length - 1] = `${last}  ${part}`;
    else lines.push(cut(INDENT + part, columns));
  }
  return lines.join("\n");
}

/** A row whose last part is a sentence, which a terminal gets in lines of whole words. */
export function sentenceRow(start: string, sentence: string, columns: number | undefined): string {
  if (columns === undefined) return `${start}  ${sentence}`;
  // The start is one word, so that it stays together.
  const word = `${start} `.replaceAll(" ", GLUE);
  return wrapped(`${word} ${sentence}`, columns - INDENT.length)
    .map((line, index) => cut((index === 0 ? "" : INDENT) + line.replaceAll(GLUE, " "), columns))
    .join("\n");
}

const GLUE = "\0";

const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
