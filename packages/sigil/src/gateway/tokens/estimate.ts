/** What a vendor's own count of a request's tokens is taken for. */
import { type Fields, isObject } from "../presets/fields.ts";
import { tokensOf } from "../presets/text.ts";

/** Of a request: about this much is sent once more. */
const MAX_BYTES = 1 << 20;

/**
 * The most tokens that the vendor can come to by its own count. Vendors call it an estimate, so a
 * tenth more is reserved, beside what the bound adds for each request and message. No text has
 * fewer tokens than a sixteenth of its bytes, unless it is made for that, so a lower count is not
 * believed.
 */
export const withMargin = (tokens: number, bytes: number): number =>
  Math.max(Math.ceil(tokens * 1.1), leastOf(bytes));

export const leastOf = (bytes: number): number => Math.ceil(bytes / 16);

/** The bytes of these fields of a body as its bound counts them; undefined if they are too many. */
export function bytesOf(fields: Fields, dataBytes: number): number | undefined {
  // Without the brackets, which belong to the body.
  const bytes = tokensOf(fields) - 2;
  return bytes > MAX_BYTES ? undefined : bytes - dataBytes;
}

/** The count in the vendor's answer; undefined if that has none. */
export function countIn(answer: unknown, member: string): number | undefined {
  const count = isObject(answer) ? answer[member] : undefined;
  return typeof count === "number" && Number.isSafeInteger(count) && count > 0 ? count : undefined;
}
