/** The one credential of a request, from whichever places its route reads. */
import { Credential, TokenError } from "l8nt";
import { type Lines, valuesOf } from "../core/fields.ts";
import type { CredentialPlace } from "../presets/preset.ts";
import { textsIn } from "./place.ts";

/**
 * The text of the credential that a request presents; undefined if it presents none.
 *
 * A text that is no credential of ours is one all the same: an agent that still sends the vendor's
 * own key is told so.
 *
 * @throws TokenError `ERR_TOKEN_AMBIGUOUS` for two different ones
 */
export function presentedKey(
  places: readonly CredentialPlace[],
  lines: Lines,
  query: string,
): string | undefined {
  let first: string | undefined;
  const compare = (text: string): void => {
    first ??= text;
    if (text !== first && textOf(first) !== textOf(text))
      throw new TokenError(
        "ERR_TOKEN_AMBIGUOUS",
        "The request presents two different keys; send one.",
      );
  };
  for (const place of places) for (const text of textsIn(place, lines, query)) compare(text);
  for (const value of valuesOf(lines, "authorization")) {
    const [, text] = L402.exec(value) ?? [];
    if (text !== undefined) compare(text);
  }
  return first;
}

/** As a client of this library sends it. */
export const L402 = /^(?:l402|lsat) +(\S+)$/i;

/** One spelling of each credential. */
function textOf(text: string): string {
  try {
    return Credential.parse(text).toString();
  } catch {
    return text;
  }
}
