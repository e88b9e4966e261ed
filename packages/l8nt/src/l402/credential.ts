/**
 * The text of a credential, `base64(macaroon) ":" hex(preimage)`: the one format, everywhere.
 * spec/1-credential.md §3.
 */
import { Credential as AnyCredential } from "../credential/index.ts";
import { TokenError } from "../errors.ts";
import { base64Bytes } from "../internal/bytes.ts";
import { Macaroon, type UnverifiedMacaroon } from "../macaroon/index.ts";
import { MacaroonBody } from "./macaroon-body.ts";

export type Credential = AnyCredential;

const MAX_CHARACTERS = 8192;

/**
 * Reads the text of a credential: base64 in either alphabet, padded or not, and hex of either case.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_THIRD_PARTY`
 * @example
 * const credential = Credential.parse(process.env.SIGIL_CREDENTIAL!);
 */
function parse(text: string): Credential {
  if (typeof text !== "string")
    throw new TokenError("ERR_TOKEN_MALFORMED", "The credential is not a text.");
  if (text.length > MAX_CHARACTERS)
    throw new TokenError(
      "ERR_TOKEN_TOO_LARGE",
      `A credential has at most ${MAX_CHARACTERS} characters.`,
    );
  const colon = text.lastIndexOf(":");
  const packet = colon === -1 ? undefined : base64Bytes(text.slice(0, colon));
  if (packet === undefined || packet.length === 0)
    throw new TokenError(
      "ERR_TOKEN_MALFORMED",
      "The credential is not base64(macaroon):hex(preimage).",
    );
  return paid(Macaroon.decode(packet), text.slice(colon + 1));
}

/**
 * The credential that a macaroon and the preimage of its payment make.
 *
 * @param preimage 64 hex digits
 * @throws TokenError `ERR_TOKEN_MALFORMED`
 */
const paid = (macaroon: UnverifiedMacaroon, preimage: string): Credential =>
  new AnyCredential(new MacaroonBody(macaroon, preimage));

export const Credential = { parse, paid } as const;

/**
 * The macaroon form of a credential.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED` for a credential of another form
 */
export function macaroonBodyOf({ body }: Credential): MacaroonBody {
  if (body instanceof MacaroonBody) return body;
  throw new TokenError("ERR_TOKEN_MALFORMED", "The credential is not a macaroon.");
}

/**
 * The macaroon inside a credential.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED` for a credential of another form
 */
export const macaroonOf = (credential: Credential): UnverifiedMacaroon =>
  macaroonBodyOf(credential).macaroon;
