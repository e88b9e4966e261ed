/**
 * Reads what a rune permits: after 32 bytes of authentication, `=ID` and the restrictions are
 * joined by `&`, and the alternatives of each restriction by `|` (`doc/schemas/createrune.json`,
 * rustyrussell/runes). The node is not asked, because clnrest writes its requests into the node's
 * log.
 */
import { base64Bytes, utf8Text } from "../internal/bytes.ts";

const AUTHENTICATION_BYTES = 32;
/** The methods that treasuries and services call. */
const NEEDED = new Set(["getinfo", "listpays", "xpay", "pay", "invoice", "listpeerchannels"]);

/** What a rune permits beyond the methods that a wallet needs; empty if it cannot be read. */
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

/** Splits at separators that are not escaped with a backslash. */
function split(text: string, separator: "&" | "|"): string[] {
  return text.match(separator === "&" ? /(?:\\.|[^&\\])+/gs : /(?:\\.|[^|\\])+/gs) ?? [""];
}
