/** Checks the keys of options objects: a misspelt limit would otherwise be no limit. [case 97] */
import { nearest } from "./nearest.ts";

/**
 * The keys of an options interface, as a value. Write it as `const KEYS = { price: true, … }
 * satisfies Keys<Options>`, so that the compiler reports a key that is missing from the table or
 * left over in it.
 */
export type Keys<Options> = Readonly<Record<keyof Options, true>>;

/**
 * @param what the thing that has the options, with its article: `a paywall`
 * @throws TypeError for an unknown key: names it, and the known key that is spelt most like it
 */
export function checkKeys(
  options: object,
  known: Readonly<Record<string, true>>,
  what: string,
): void {
  const unknown = unknownKey(options, known);
  if (unknown === undefined) return;
  const names = Object.keys(known).join(", ");
  throw new TypeError(`${what} has no option "${unknown.key}"${unknown.hint} Options: ${names}`);
}

/**
 * The first unknown key, and the end of a sentence about it that names the most similar known key.
 */
export function unknownKey(
  options: object,
  known: Readonly<Record<string, true>>,
): { readonly key: string; readonly hint: string } | undefined {
  const key = Object.keys(options).find((one) => !Object.hasOwn(known, one));
  if (key === undefined) return undefined;
  const similar = nearest(key, Object.keys(known));
  return { key, hint: similar === undefined ? "." : `; did you mean "${similar}"?` };
}
