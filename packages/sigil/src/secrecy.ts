/** What may be printed of a text that somebody typed or sent. */

// A secret, a preimage or a signature in hex; a macaroon in base64, with its preimage. Neither is worth repeating.
const SECRETS = /[A-Za-z0-9+/_-]{64,}={0,2}(?::[0-9A-Fa-f]{64})?|[0-9A-Fa-f]{32,}/g;

// A wallet's URL: all of it, and, where it is too malformed for that, the values of the parameters that hold power.
const WALLET_URLS =
  /[a-z][a-z0-9]*\+(?:https?|walletconnect):[^\s"']*|(?<=[?&](?:key|macaroon|rune|secret|password)=)[^&\s"']+/gi;

export const withoutWalletUrls = (message: string): string => message.replace(WALLET_URLS, "(not shown)");

/** A message about what somebody typed, without anything in it that could be a credential, a key or a wallet. */
export const withoutSecrets = (message: string): string =>
  withoutWalletUrls(message).replace(SECRETS, "(not shown)");

// Looked for from its end: a pattern for the whole would take quadratic time on long runs of letters.
const PREIMAGE = /(?:=|%3d){0,2}(?::|%3a)[0-9a-f]{64}(?![0-9a-f])/gi;
const SHORTEST_MACAROON = 80;

/** Somebody else's text without the credentials in it, such as a service that repeats what it was sent. */
export function withoutCredentials(text: string): string {
  let shown = "";
  let from = 0;
  for (const { 0: end, index } of text.matchAll(PREIMAGE)) {
    let start = index;
    while (start > from && /[A-Za-z0-9+/_-]/.test(text[start - 1]!)) start--;
    if (index - start < SHORTEST_MACAROON) continue;
    shown += `${text.slice(from, start)}(a credential, not shown)`;
    from = index + end.length;
  }
  return shown + text.slice(from);
}

/** A name that is short and plain enough to be repeated; undefined for anything else: it may be a mistyped secret. */
export const plainName = (text: string): string | undefined =>
  /^[A-Za-z][A-Za-z0-9-]{0,31}$/.test(text) ? text : undefined;

// Controls, formats (bidi overrides, zero widths), line separators: a terminal would obey them instead of showing them.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Somebody else's text on one line, with nothing in it that a terminal obeys. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
