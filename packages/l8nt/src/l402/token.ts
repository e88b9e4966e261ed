/**
 * What a service sells: a macaroon of spec page 1, or the token of another L402 server, which is
 * kept as text. spec/3-challenge.md §2.
 */
import { TokenError } from "../errors.ts";
import { base64Bytes, base64Text } from "../internal/bytes.ts";
import { Macaroon, type UnverifiedMacaroon } from "../macaroon/index.ts";
import { Identifier, isIdentifier } from "./identifier.ts";

export type Token =
  | {
      readonly form: "macaroon";
      /** As it is sent and stored. */
      readonly text: string;
      readonly macaroon: UnverifiedMacaroon;
      readonly identifier: Identifier;
    }
  /** Nothing is known of it: it is presented as it is, and never narrowed. */
  | { readonly form: "opaque"; readonly text: string };

const MAX_CHARACTERS = 8192;
/** Visible ASCII without blanks: it travels in a header field, before the colon of a preimage. */
const OPAQUE = /^[\x21-\x7e]+$/;

/**
 * Decides what the token of a challenge is, and what is read back from the books.
 *
 * @throws TokenError `ERR_TOKEN_THIRD_PARTY`, `ERR_TOKEN_TOO_LARGE`; `ERR_TOKEN_MALFORMED` if it
 * commits to no payment, or cannot be sent in a header field
 */
export function tokenOf(text: string): Token {
  const macaroon = macaroonIn(text);
  // In another spelling, such as URL-safe base64, it is a text: its service may compare the text.
  const isOurs = macaroon !== undefined && base64Text(Macaroon.encode(macaroon)) === text;
  if (isOurs && isIdentifier(macaroon.identifier))
    return { form: "macaroon", text, macaroon, identifier: Identifier.decode(macaroon.identifier) };
  if (text.length > MAX_CHARACTERS)
    throw new TokenError(
      "ERR_TOKEN_TOO_LARGE",
      `A token has at most ${MAX_CHARACTERS} characters.`,
    );
  if (!OPAQUE.test(text))
    throw new TokenError(
      "ERR_TOKEN_MALFORMED",
      "The token has characters that a header field cannot carry.",
    );
  return { form: "opaque", text };
}

function macaroonIn(text: string): UnverifiedMacaroon | undefined {
  const packet = base64Bytes(text);
  if (packet === undefined || packet.length === 0) return undefined;
  try {
    return Macaroon.decode(packet);
  } catch (error) {
    // It would be paid for, and be of no use without a discharge that nobody here can get.
    if (error instanceof TokenError && error.code === "ERR_TOKEN_THIRD_PARTY") throw error;
    return undefined;
  }
}
