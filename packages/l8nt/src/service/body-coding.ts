/**
 * Whether the body of a request has one reading. A body parser decodes it by `Content-Encoding` and
 * by the charset of `Content-Type`, and a price function reads the bytes that were sent.
 * spec/3-challenge.md §5.
 */
import { AdapterError } from "../errors.ts";

/** What a parser before the paywall has undone: the content coding, or the charset as well. */
export type Decoded = "coding" | "charset";

/**
 * Refuses a body that a parser may read as another text, before it is priced.
 *
 * @throws AdapterError `ERR_MEDIA_TYPE`
 */
export function checkCoding(headers: Headers, decoded: Decoded | undefined): void {
  const coding = headers.get("content-encoding") ?? "";
  if (decoded === undefined && !/^(?:identity)?$/i.test(coding.trim()))
    throw unpriced("The body has a Content-Encoding. Send it without one.");
  if (decoded !== "charset" && charsetsOf(headers).some((charset) => !READ.test(charset)))
    throw unpriced("The body is not declared as UTF-8. Send it as UTF-8, or name no charset.");
}

/**
 * Refuses bytes that are no ASCII although they are declared as such: parsers drop a bit of each.
 *
 * @throws AdapterError `ERR_MEDIA_TYPE`
 */
export function checkAscii(headers: Headers, bytes: Uint8Array): void {
  if (charsetsOf(headers).some(isAscii) && bytes.some((byte) => byte > 0x7f))
    throw unpriced("The body is declared as US-ASCII, and is not. Send it as UTF-8.");
}

/**
 * Refuses JSON in a body that is declared as something else: a parser of forms reads other values
 * in the same text.
 *
 * @throws AdapterError `ERR_MEDIA_TYPE`
 */
export function checkIsJson(headers: Headers): void {
  if (!MAY_BE_JSON.test(headers.get("content-type") ?? ""))
    throw unpriced(
      "The body is not declared as JSON. Send it with Content-Type: application/json.",
    );
}

/** Whatever looks like a charset: parsers differ on quotes, and on which of two holds. */
const charsetsOf = (headers: Headers): readonly string[] =>
  (headers.get("content-type") ?? "").match(/charset[^;,]*/gi) ?? [];

const READ = /^charset=(?:"(?:utf-?8|us-ascii)"|utf-?8|us-ascii)[ \t]*$/i;
const isAscii = (charset: string): boolean => /ascii/i.test(charset);
/** No type, and those of plain text and bytes, are what clients send that set none. */
const MAY_BE_JSON =
  /^[ \t]*(?:$|(?:[^\s;,/]+\/(?:[^\s;,/]+\+)?json|text\/plain|application\/octet-stream)[ \t]*(?:;[^,]*)?$)/i;

const unpriced = (what: string): AdapterError =>
  new AdapterError("ERR_MEDIA_TYPE", `${what} Otherwise its price is not known.`);
