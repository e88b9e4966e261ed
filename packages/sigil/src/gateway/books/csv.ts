/** CSV (RFC 4180) of which a spreadsheet runs nothing, and CSV as vendors write it. */
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";

/** Names of models and agents come from requests, and a cell that begins like a formula is run. */
export const csv = (rows: readonly (readonly (string | bigint)[])[]): string =>
  stringify(rows as (string | bigint)[][], { escape_formulas: true, record_delimiter: "\r\n" });

/** @throws Error for what is no CSV */
export const readCsv = (text: string): readonly (readonly string[])[] =>
  parse(text, { bom: true, skip_empty_lines: true, relax_column_count: true });
