/**
 * The HMAC chain: each signature keys the next caveat, so a holder can append and never remove.
 * spec/1-credential.md §1.
 */
import { type Bytes, utf8 } from "../internal/bytes.ts";
import { hmacChain, hmacSha256 } from "../internal/crypto.ts";

const GENERATOR = utf8("macaroons-key-generator");

/** The key of a chain: what every macaroon implementation derives from a root key first. */
export const chainKey = (rootKey: Uint8Array): Bytes => hmacSha256(GENERATOR, rootKey);

/**
 * The signatures after the identifier and after each caveat; the last is the macaroon's own.
 *
 * @param key the {@link chainKey} of the root key
 */
export const signatures = (
  key: Uint8Array,
  identifier: Uint8Array,
  caveats: readonly Uint8Array[],
): readonly [Bytes, ...Bytes[]] => hmacChain(key, [identifier, ...caveats]) as [Bytes, ...Bytes[]];

/** The signature after appending `caveats` to a chain that ends in `signature`. */
export const signCaveats = (signature: Bytes, caveats: readonly Uint8Array[]): Bytes =>
  hmacChain(signature, caveats).at(-1) ?? signature;
