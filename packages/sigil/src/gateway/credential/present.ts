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
  const texts = new Set<string>();
  for (const place of places) for (const text of textsIn(place, lines, query)) texts.add(text);
  for (const text of l402Texts(lines)) texts.add(text);
  const [first, ...others] = texts;
  if (first === undefined) return undefined;
  for (const other of others)
    if (textOf(first) !== textOf(other))
      throw new TokenError(
        "ERR_TOKEN_AMBIGUOUS",
        "The request presents two different keys; send one.",
      );
  return first;
}

/** Of `Authorization: L402 …`, as a client of this library sends it. */
function l402Texts(lines: Lines): readonly string[] {
  return valuesOf(lines, "authorization").flatMap((value) => {
    const [, text] = /^(?:l402|lsat) +(\S+)$/i.exec(value) ?? [];
    return text ?? [];
  });
}

/** One spelling of each credential. */
function textOf(text: string): string {
  try {
    return Credential.parse(text).toString();
  } catch {
    return text;
  }
}
