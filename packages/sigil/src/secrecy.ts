/** What may be printed of a text that somebody typed or sent. */

// A secret, a preimage or a signature in hex; a macaroon in base64, with its preimage. Neither is
// worth repeating.
const SECRETS = /[A-Za-z0-9+/_-]{64,}={0,2}(?::[0-9A-Fa-f]{64})?|[0-9A-Fa-f]{32,}/g;

// A wallet's URL: all of it, and, where it is too malformed for that, the values of the parameters
// that hold power.
const WALLET_URLS =
  /[a-z][a-z0-9]*\+(?:https?|walletconnect):[^\s"']*|(?<=[?&](?:key|macaroon|rune|secret|password)=)[^&\s"']+/gi;

export const withoutWalletUrls = (message: string): string =>
  message.replace(WALLET_URLS, "(not shown)");

/**
 * A message about what somebody typed, without anything in it that could be a credential, a key or
 * a wallet.
 */
export const withoutSecrets = (message: string): string =>
  withoutWalletUrls(message).replace(SECRETS, "(not shown)");

/**
 * A name that is short and plain enough to be repeated; undefined for anything else: it may be a
 * mistyped secret.
 */
export const plainName = (text: string): string | undefined =>
  /^[A-Za-z][A-Za-z0-9-]{0,31}$/.test(text) ? text : undefined;

// Controls, formats (bidi overrides, zero widths), line separators: a terminal would obey them
// instead of showing them.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Somebody else's text on one line, with nothing in it that a terminal obeys. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
