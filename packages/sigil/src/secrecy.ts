/** Removes secrets and control characters from text that a person typed or a server sent. */

// A secret, preimage or signature in hex, or a macaroon in base64 with its preimage.
const SECRETS =
  /(?:[A-Za-z0-9+/_-]|%2[BFbf]){64,}(?:=|%3[Dd]){0,2}(?:(?::|%3[Aa])[0-9A-Fa-f]{64})?|[0-9A-Fa-f]{32,}/g;

// A whole wallet URL, looked for where a word begins, because a long word would be read again from
// each of its letters; if its form is not recognized, the values of parameters that hold secrets.
const WALLET_URLS =
  /(?<![a-z0-9])[a-z0-9]+\+(?:https?|walletconnect):[^\s"']*|(?<=[?&](?:key|macaroon|rune|secret|password)=)[^&\s"']+/gi;

/** Replaces wallet URLs in a message. */
export const withoutWalletUrls = (message: string): string =>
  message.replace(WALLET_URLS, "(not shown)");

/** Replaces everything in a message that could be a credential, a key or a wallet URL. */
export const withoutSecrets = (message: string): string =>
  withoutWalletUrls(message).replace(SECRETS, "(not shown)");

// As a URL has it too, which is where people put one by mistake.
const DIGIT = "(?:[A-Za-z0-9+/_-]|%2[BFbf])";

/**
 * The token of a credential in base64, as the source of a pattern: a macaroon, or the public-key
 * form, which has 96 bytes of keys and signatures at least. spec/1-credential.md §3.
 */
export const TOKEN_TEXT = `(?:Ag[E-HJ]${DIGIT}{20,}|(?:C[A-P]|E[g-v])${DIGIT}{126,})(?:=|%3[Dd]){0,2}`;

// In the key form too, with its preimage.
const CREDENTIALS = new RegExp(`(?:sk-sigil-)?${TOKEN_TEXT}(?:(?::|%3[Aa])[0-9A-Fa-f]{64})?`, "g");

/** Replaces credentials in a text that a request had a part in. */
export const withoutCredentials = (message: string): string =>
  message.replace(CREDENTIALS, "(not shown)");

/** The text if it is a short, plain name; undefined otherwise, because it may be a secret. */
export const plainName = (text: string): string | undefined =>
  /^[A-Za-z][A-Za-z0-9-]{0,31}$/.test(text) ? text : undefined;

// Control and format characters (such as bidi overrides) and line separators, which a terminal
// would obey.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Text on one line, with characters that a terminal would obey written as escapes. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
