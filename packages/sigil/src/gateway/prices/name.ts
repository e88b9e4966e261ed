/** Names of models in a price file: exact, `name*`, or `name-<date>`. */

/** The mark behind which only a date may follow: one more version of the same model. */
export const DATE_MARK = "<date>";

/**
 * How vendors date a version: 20250929, 2026-03-05, 2512, 0613, 05-20, 09-2025, 001. Anything else
 * behind a name, such as `-fast` or `-5`, is another model with another price.
 */
export const DATE = /^(?:20\d{2}-?[01]\d-?[0-3]\d|\d{4}|[01]\d-[0-3]\d|[01]\d-20\d{2}|00\d)$/;

export interface Name {
  readonly kind: "exact" | "prefix" | "dated";
  /** Without the mark. */
  readonly text: string;
}

export function readName(name: string): Name {
  if (name.endsWith(DATE_MARK)) return { kind: "dated", text: name.slice(0, -DATE_MARK.length) };
  return name.endsWith("*")
    ? { kind: "prefix", text: name.slice(0, -1) }
    : { kind: "exact", text: name };
}
