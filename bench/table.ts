/** Figures as a table of 80 columns: what was measured, beside what was meant to be reached. */
import type { Figure } from "./figure.ts";

const COLUMNS = 80;
const NUMBER_COLUMNS = 10;
const VERDICT_COLUMNS = 8;

const numberOf = ({ value, unit }: Pick<Figure, "value" | "unit">): string =>
  `${value >= 100 ? Math.round(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} ${unit}`;

/** One line a figure. A name that is too long is cut. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, target, met, ...measured }) => [
    name,
    numberOf(measured),
    target === undefined ? "" : `${target} ${measured.unit}`,
    met === undefined ? "" : met ? "met" : "MISSED",
  ]);
  const nameColumns = COLUMNS - 2 * NUMBER_COLUMNS - VERDICT_COLUMNS;
  const line = ([name = "", result = "", target = "", verdict = ""]: readonly string[]) =>
    [
      (name.length > nameColumns - 1 ? `${name.slice(0, nameColumns - 2)}…` : name).padEnd(
        nameColumns,
      ),
      result.padStart(NUMBER_COLUMNS),
      target.padStart(NUMBER_COLUMNS),
      verdict.padStart(VERDICT_COLUMNS),
    ]
      .join("")
      .trimEnd();
  return [line(["", "result", "target"]), "-".repeat(COLUMNS), ...rows.map(line)].join("\n");
}
