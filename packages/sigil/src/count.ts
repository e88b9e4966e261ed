/** Reads flags whose value is a whole number. */
import type { Arguments } from "./arguments.ts";
import { UsageError } from "./exit.ts";

/** The number of a flag; undefined if the flag is not given. @throws UsageError */
export function countOf<Name extends string>(
  given: Arguments<Name>,
  name: Name,
): number | undefined {
  const text = given.text(name);
  if (text === undefined) return undefined;
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(text))
    throw new UsageError(`--${name} must be a whole number.`);
  return Number(text);
}
