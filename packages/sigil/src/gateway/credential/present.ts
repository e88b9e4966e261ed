/** The one credential of a request, from whichever places its route reads. */
import { Credential, TokenError } from "l8nt";
import type { Lines } from "../core/fields.ts";
import type { CredentialPlace } from "../presets/preset.ts";
import { isOurs, namedIn, textsIn } from "./place.ts";

/**
 * The text of the credential that a request presents; undefined if it presents none.
 *
 * A text that is no credential of ours is one all the same: an agent that still sends the vendor's
 * own key is told so. Beside a credential in the scheme `L402` it is the API's own, and none.
 *
 * @throws TokenError `ERR_TOKEN_AMBIGUOUS` for two different ones, and as `namedIn`
 */
export function presentedKey(
  places: readonly CredentialPlace[],
  lines: Lines,
  query: string,
): string | undefined {
  const named = namedIn(lines);
  let first = named;
  for (const place of places)
    for (const text of textsIn(place, lines, query)) {
      if (named !== undefined && !isOurs(text)) continue;
      first ??= text;
      if (text !== first && textOf(first) !== textOf(text))
        throw new TokenError(
          "ERR_TOKEN_AMBIGUOUS",
          "The request presents two different keys; send one.",
        );
    }
  return first;
}

/** One spelling of each credential. */
function textOf(text: string): string {
  try {
    return Credential.parse(text).toString();
  } catch {
    return text;
  }
}
