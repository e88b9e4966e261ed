/**
 * How one character of a text can be written with several: percent-encoding (RFC 3986 §2.1), and
 * the escapes of JSON (RFC 8259 §7), of JavaScript and of HTML.
 */

export interface Escape {
  /** Of the character. */
  readonly code: number;
  /** Bytes of the escape. */
  readonly length: number;
}

/** The bytes that begin an escape. */
export const ESCAPES: readonly number[] = [..."%\\&"].map((one) => one.charCodeAt(0));
const [PERCENT, BACKSLASH, AMPERSAND] = ESCAPES;
const [U, X, HASH, SEMICOLON] = [..."ux#;"].map((one) => one.charCodeAt(0));
/** Of a number in HTML, which may have zeros before it. */
const MAX_DIGITS = 7;
/** Bytes of the longest escape: `&#x000002d;`. */
export const MAX_ESCAPE = MAX_DIGITS + 4;

/** What is escaped at a place; `cut` if the bytes end inside of what may be an escape. */
export function escapeAt(bytes: Uint8Array, at: number): Escape | "cut" | undefined {
  switch (bytes[at]) {
    case PERCENT:
      return hexAt(bytes, at, 1, 2);
    case BACKSLASH: {
      const next = bytes[at + 1];
      if (next === undefined) return "cut";
      if (next === U) return hexAt(bytes, at, 2, 4);
      if (next === X) return hexAt(bytes, at, 2, 2);
      // Of a letter it is another character, such as a line break.
      return isAlphanumeric(next) ? undefined : { code: next, length: 2 };
    }
    case AMPERSAND:
      return entityAt(bytes, at);
    default:
      return undefined;
  }
}

/** So many digits, `skip` bytes behind the place. */
function hexAt(
  bytes: Uint8Array,
  at: number,
  skip: number,
  digits: number,
): Escape | "cut" | undefined {
  let code = 0;
  for (let index = at + skip; index < at + skip + digits; index++) {
    const byte = bytes[index];
    if (byte === undefined) return "cut";
    const digit = digitOf(byte);
    if (digit === undefined) return undefined;
    code = 16 * code + digit;
  }
  return { code, length: skip + digits };
}

function entityAt(bytes: Uint8Array, at: number): Escape | "cut" | undefined {
  let index = at + 1;
  if (index === bytes.length) return "cut";
  if (bytes[index++] !== HASH) return undefined;
  if (index === bytes.length) return "cut";
  const isHex = (bytes[index]! | 0x20) === X;
  if (isHex) index++;
  const base = isHex ? 16 : 10;
  let code = 0;
  for (let digits = 0; digits <= MAX_DIGITS; digits++, index++) {
    const byte = bytes[index];
    if (byte === undefined) return "cut";
    if (byte === SEMICOLON && digits > 0) return { code, length: index + 1 - at };
    const digit = digitOf(byte);
    if (digit === undefined || digit >= base) return undefined;
    code = base * code + digit;
  }
  return undefined;
}

function digitOf(byte: number): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = (byte | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : undefined;
}

const isAlphanumeric = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a);

/** The text with every escape read once. What is none stays as it is. */
export function unescaped(text: string): string {
  if (!/[%\\&]/.test(text)) return text;
  const bytes = Buffer.from(text, "latin1");
  let shown = "";
  for (let at = 0; at < bytes.length; ) {
    const found = escapeAt(bytes, at);
    const isOne = typeof found === "object";
    shown += String.fromCharCode(isOne ? found.code : bytes[at]!);
    at += isOne ? found.length : 1;
  }
  return shown;
}
