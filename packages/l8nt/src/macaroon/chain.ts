/**
 * The HMAC chain: each signature keys the next caveat, so a holder can append and never remove.
 * spec/1-credential.md §1.
 */
import { type Bytes, utf8 } from "../internal/bytes.ts";
import { hmacChain, hmacUnder } from "../internal/crypto.ts";

/** The key derivation that every macaroon implementation applies to a root key. */
const deriveKey = hmacUnder(utf8("macaroons-key-generator"));

/** The signatures after the identifier and after each caveat; the last is the macaroon's own. */
export const signatures = (
  rootKey: Uint8Array,
  identifier: Uint8Array,
  caveats: readonly Uint8Array[],
): readonly [Bytes, ...Bytes[]] =>
  hmacChain(deriveKey(rootKey), [identifier, ...caveats]) as [Bytes, ...Bytes[]];

/** The signature after appending `caveats` to a chain that ends in `signature`. */
export const signCaveats = (signature: Bytes, caveats: readonly Uint8Array[]): Bytes =>
  hmacChain(signature, caveats).at(-1) ?? signature;
