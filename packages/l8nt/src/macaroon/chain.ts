/**
 * The HMAC chain: every caveat's signature keys the next, so whoever holds one end can only add to
 * it.
 */
import { type Bytes, utf8 } from "../internal/bytes.ts";
import { hmacChain, hmacUnder } from "../internal/crypto.ts";

/** Root keys of any length go through the generator that every implementation uses. */
const deriveKey = hmacUnder(utf8("macaroons-key-generator"));

/**
 * Every prefix of the chain: after the identifier, then after each caveat. The last one is the
 * macaroon's signature.
 */
export const signatures = (
  rootKey: Uint8Array,
  identifier: Uint8Array,
  caveats: readonly Uint8Array[],
): readonly [Bytes, ...Bytes[]] =>
  hmacChain(deriveKey(rootKey), [identifier, ...caveats]) as [Bytes, ...Bytes[]];

/** The signature after more caveats. */
export const signCaveats = (signature: Bytes, caveats: readonly Uint8Array[]): Bytes =>
  hmacChain(signature, caveats).at(-1) ?? signature;
