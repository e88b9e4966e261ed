/**
 * What a rune permits, read from the rune itself: 32 bytes of authentication, then `=ID` and the
 * restrictions, joined by `&`, each of alternatives joined by `|` (`doc/schemas/createrune.json`,
 * rustyrussell/runes). Nobody is asked: clnrest writes what it is asked into the node's log.
 */
import { base64Bytes, utf8Text } from "../internal/bytes.ts";

const AUTHENTICATION_BYTES = 32;
/** What treasuries and services call. */
const NEEDED = new Set(["getinfo", "listpays", "xpay", "pay", "invoice", "listpeerchannels"]);

/**
 * What it permits beyond what any wallet needs; none where it permits just that, or cannot be read.
 */
export function excessOf(rune: string): readonly string[] {
  const bytes = base64Bytes(rune);
  const text = bytes === undefined ? undefined : utf8Text(bytes.slice(AUTHENTICATION_BYTES));
  if (text === undefined) return [];
  const [id, ...restrictions] = split(text, "&");
  if (restrictions.length === 0 && (id === "" || id!.startsWith("=")))
    return ["everything: the rune has no restrictions"];
  const groups = restrictions.map((restriction) => split(restriction, "|"));
  const permitted = groups.find((alternatives) =>
    alternatives.every((one) => /^method[=^]/.test(one)),
  );
  if (permitted === undefined)
    return ["every method: no restriction of the rune names the methods"];
  return permitted.filter(
    (one) => !(one.startsWith("method=") && NEEDED.has(one.slice("method=".length))),
  );
}

/** A separator that is escaped with a backslash is none. */
function split(text: string, separator: "&" | "|"): string[] {
  return text.match(separator === "&" ? /(?:\\.|[^&\\])+/gs : /(?:\\.|[^|\\])+/gs) ?? [""];
}
