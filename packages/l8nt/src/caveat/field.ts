/** A key of a scope: how its value becomes caveats. */
import { type Amount, readAmountOption, type Unit, unitName } from "../amount.ts";
import type { Amounts, Scope } from "./scope.ts";

export interface WriteTerms {
  /** Unix seconds; what durations count from. */
  readonly now: number;
  /** Hex, 8 bytes; keeps two agents of one name apart. @default random */
  readonly nonce?: string;
  /** The value's name in messages, such as `scope.budget`. */
  readonly what: string;
}

export interface Field {
  readonly key: keyof Scope;
  /**
   * Returns the caveats of a value.
   *
   * @throws TypeError that names the value, for one that cannot be read
   */
  write(value: never, terms: WriteTerms): readonly string[];
}

export const field = <Key extends keyof Scope>(
  key: Key,
  write: (value: Required<Scope>[Key], terms: WriteTerms) => readonly string[],
): Field => ({ key, write });

/** Reads amounts of different units. @throws TypeError that names the value */
export function readAmounts(amounts: Amounts, what: string): readonly Amount[] {
  const texts: readonly unknown[] = Array.isArray(amounts) ? amounts : [amounts];
  const read = texts.map((text) => readAmountOption(text, what));
  if (read.length === 0) throw new TypeError(`${what} is an empty list; give an amount`);
  for (const [at, { unit }] of read.entries())
    if (read.findIndex((other) => other.unit === unit) < at)
      throw new TypeError(
        `${what} has two amounts in ${unitName(unit)}; give at most one for each unit`,
      );
  return read;
}

/**
 * The value that `amounts` has in a unit; undefined if it has none.
 *
 * @throws TypeError that names the value, for anything but amounts of different units
 */
export const writeAmounts = (
  amounts: Amounts,
  unit: Unit,
  { what }: WriteTerms,
): bigint | undefined => readAmounts(amounts, what).find((one) => one.unit === unit)?.value;

/** Entries joined by commas; undefined if one of them is not of its form. */
export function readList(text: string, entry: RegExp): readonly string[] | undefined {
  const entries = text === "" ? [] : text.split(",");
  return entries.every((one) => entry.test(one)) ? entries : undefined;
}

/** The digits of a whole number. @throws TypeError */
export function writeCount(value: number, { what }: WriteTerms): string {
  if (!Number.isSafeInteger(value) || value < 0) throw notWhole(what);
  return String(value);
}

export const notWhole = (what: string) =>
  new TypeError(`${what} must be a whole number, 0 or more`);

/** The Unix seconds of a date. @throws TypeError */
export function writeDate(value: Date, { what }: WriteTerms): string {
  const seconds = value instanceof Date ? Math.floor(value.getTime() / 1000) : Number.NaN;
  if (!(seconds >= 0)) throw new TypeError(`${what} must be a Date after 1970`);
  return String(seconds);
}

/**
 * The canonical entries of a list. Each entry is read by itself, because a separator inside one
 * would otherwise add a second entry.
 *
 * @throws TypeError that shows the entry
 */
export function writeList(
  entries: readonly string[],
  { what }: Pick<WriteTerms, "what">,
  entry: { readonly read: (text: string) => string | undefined; readonly form: string },
): readonly string[] {
  if (!Array.isArray(entries)) throw new TypeError(`${what} must be a list of ${entry.form}`);
  return entries.map((text) => {
    const canonical = typeof text === "string" ? entry.read(text) : undefined;
    if (canonical === undefined)
      throw new TypeError(
        `${what} has ${typeof text === "string" ? JSON.stringify(text) : `a ${typeof text}`}; it lists ${entry.form}`,
      );
    return canonical;
  });
}
