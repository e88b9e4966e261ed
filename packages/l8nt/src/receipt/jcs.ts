/** Canonical JSON: JCS (RFC 8785), for the values that receipts have. */

export type JcsValue =
  | string
  | number
  | boolean
  | null
  | readonly JcsValue[]
  | { readonly [name: string]: JcsValue };

// In Unicode mode a pair is one character, so that this finds a surrogate that stands alone.
const LONE_SURROGATE = /\p{Cs}/u;

/**
 * Returns the canonical text: members in the order of their names' UTF-16 code units, no white
 * space, the shortest escapes. Numbers must be safe integers, because receipts have no fractions.
 *
 * @throws TypeError for any other value: a fraction, a lone surrogate, an undefined member, a Date
 */
export function canonical(value: JcsValue): string {
  if (typeof value === "string") return stringText(value);
  if (value === null || typeof value === "boolean") return String(value);
  // `+ 0` writes the negative zero as zero (RFC 8785 §3.2.2.3).
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value + 0);
  if (Array.isArray(value)) return `[${Array.from(value, canonical).join()}]`;
  if (typeof value === "object" && isPlain(value))
    return `{${Object.keys(value)
      .sort()
      .map(
        (name) =>
          `${stringText(name)}:${canonical((value as { readonly [name: string]: JcsValue })[name]!)}`,
      )
      .join()}}`;
  throw new TypeError(
    "no canonical text: only strings, safe integers, booleans, null, arrays and plain objects",
  );
}

function stringText(text: string): string {
  if (LONE_SURROGATE.test(text))
    throw new TypeError("no canonical text: a string has a lone surrogate");
  // ECMAScript's escapes are those of RFC 8785 §3.2.2.2.
  return JSON.stringify(text);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
