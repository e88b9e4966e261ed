/**
 * The text of a credential, `base64(token) ":" hex(preimage)`: one text for every form.
 * spec/1-credential.md §3, spec/9-public-key.md §1.
 */
import { Credential as AnyCredential } from "../credential/credential.ts";
import { forms } from "../credential/forms.ts";
import { readText } from "../credential/text.ts";
import { TokenError } from "../errors.ts";
import type { UnverifiedMacaroon } from "../macaroon/index.ts";
import { readPacket } from "../macaroon/packet.ts";
import { packetOfMacaroon } from "../macaroon/unverified.ts";
import { MacaroonBody, partsOf } from "./macaroon-body.ts";

export type Credential = AnyCredential;

/**
 * Reads the text of a credential: base64 in either alphabet, padded or not, and hex of either case;
 * or its key form, `sk-sigil-…`.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_THIRD_PARTY`
 * @example
 * const credential = Credential.parse(process.env.SIGIL_CREDENTIAL!);
 */
function parse(text: string): Credential {
  const parts = readText(text);
  return new AnyCredential(
    forms.publicKey?.(parts) ?? new MacaroonBody(partsOf(readPacket(parts.token), parts.preimage)),
  );
}

/**
 * The credential that a macaroon and the preimage of its payment make.
 *
 * @param preimage 64 hex digits
 * @throws TokenError `ERR_TOKEN_MALFORMED`
 */
const paid = (macaroon: UnverifiedMacaroon, preimage: string): Credential =>
  new AnyCredential(new MacaroonBody(partsOf(packetOfMacaroon(macaroon), preimage)));

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
