/** The HMAC chain: every caveat's signature keys the next, so whoever holds one end can only add to it. */
import { type Bytes, utf8 } from "../internal/bytes.ts";
import { hmacSha256, hmacUnder } from "../internal/crypto.ts";

const deriveKey = hmacUnder(utf8("macaroons-key-generator"));

/** The signature over the identifier alone. Root keys of any length go through the generator that every implementation uses. */
export const signIdentifier = (rootKey: Uint8Array, identifier: Uint8Array): Bytes =>
  hmacSha256(deriveKey(rootKey), identifier);

export const signCaveat = (signature: Uint8Array, caveat: Uint8Array): Bytes => hmacSha256(signature, caveat);

/** Every prefix of the chain: after the identifier, then after each caveat. The last one is the macaroon's signature. */
export function signatures(
  rootKey: Uint8Array,
  identifier: Uint8Array,
  caveats: readonly Uint8Array[],
): readonly [Bytes, ...Bytes[]] {
  let signature = signIdentifier(rootKey, identifier);
  const prefixes: [Bytes, ...Bytes[]] = [signature];
  for (const caveat of caveats) {
    signature = signCaveat(signature, caveat);
    prefixes.push(signature);
  }
  return prefixes;
}
