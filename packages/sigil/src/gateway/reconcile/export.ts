/** A vendor's export of usage or costs, as numbers by day and model. */
import { UsageError } from "../../exit.ts";
import { readCsv } from "../books/csv.ts";
import { type Columns, columnsOf, type Measure } from "./columns.ts";

export type Numbers = Readonly<Partial<Record<Measure, number>>>;

export interface Export {
  readonly columns: Columns;
  /** By day, then by the model's name without its date. */
  readonly numbers: ReadonlyMap<string, Numbers>;
}

/** Both sides are added up under it. */
export const keyOf = (day: string, model: string): string => `${day} ${model}`;
export const partsOf = (key: string): readonly [day: string, model: string] => [
  key.slice(0, 10),
  key.slice(11),
];

/**
 * The name of a model without its date, in one spelling: a request says `gpt-4.1`, OpenAI's export
 * `gpt-4.1-2025-04-14`, and Anthropic's costs `Claude Haiku 4.5` for `claude-haiku-4-5-20251001`.
 */
export const familyOf = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[ .]/g, "-")
    .replace(/-(?:\d{4}-\d\d-\d\d|20\d{6}|latest)$/, "");

/** @throws UsageError that names the line */
export function readExport(text: string, given: readonly string[]): Export {
  let rows: readonly (readonly string[])[];
  try {
    rows = readCsv(text);
  } catch {
    throw new UsageError("The file is no CSV: a quote in it does not end.");
  }
  const [header = [], ...lines] = rows;
  const columns = columnsOf(header, given);
  const at = (name: string): number => header.indexOf(name);
  const numbers = new Map<string, Numbers>();
  for (const [index, line] of lines.entries()) {
    const read = (name: string): number => {
      const value = (line[at(name)] ?? "").replaceAll(",", "").replace(/^\$/, "").trim();
      // OpenAI has a row without values for a day on which nothing was used.
      const number = value === "" ? 0 : Number(value);
      if (!Number.isFinite(number))
        throw new UsageError(`Line ${index + 2} of the file: ${name} is no number.`);
      return number;
    };
    const day = dayIn(line[at(columns.day)] ?? "");
    if (day === undefined)
      throw new UsageError(`Line ${index + 2} of the file: ${columns.day} is no date.`);
    const name = columns.modelName === undefined ? "" : (line[at(columns.modelName)] ?? "");
    // A line item of OpenAI's costs has more behind a comma.
    const key = keyOf(day, familyOf(name.split(",")[0]!));
    const sums: Partial<Record<Measure, number>> = { ...numbers.get(key) };
    for (const [measure, names] of Object.entries(columns.measures) as [Measure, string[]][])
      sums[measure] = (sums[measure] ?? 0) + names.reduce((sum, one) => sum + read(one), 0);
    numbers.set(key, sums);
  }
  return { columns, numbers };
}

/** The day of UTC of a date, of an instant, or of Unix seconds. */
function dayIn(text: string): string | undefined {
  const value = text.trim();
  if (/^\d{10}$/.test(value)) return new Date(Number(value) * 1000).toISOString().slice(0, 10);
  // An instant without a zone is one of UTC, as both vendors write.
  const [, date, time = "T00:00:00", zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?\s*(Z|[+-]\d\d:?\d\d)?$/.exec(
      value,
    ) ?? [];
  const ms = Date.parse(`${date}T${time.replace(/^T/, "")}${zone}`);
  return date === undefined || Number.isNaN(ms)
    ? undefined
    : new Date(ms).toISOString().slice(0, 10);
}
