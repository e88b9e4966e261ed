/** Flags whose value is a whole number. */
import type { Arguments } from "./arguments.ts";
import { UsageError } from "./exit.ts";

/** @throws UsageError */
export function countOf<Name extends string>(
  given: Arguments<Name>,
  name: Name,
): number | undefined {
  const text = given.text(name);
  if (text === undefined) return undefined;
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(text)) throw new UsageError(`--${name} is a whole number.`);
  return Number(text);
}
