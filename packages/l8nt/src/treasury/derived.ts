/** Keys that follow from a treasury's secret, each for one purpose. spec/4-purchase.md §4.6. */
import { hexBytes, utf8 } from "../internal/bytes.ts";
import { hkdfExpandUnder, hkdfExtract } from "../internal/crypto.ts";
import type { Secret } from "../l402/index.ts";

/** 32 bytes by HKDF-SHA256, for what `purpose` names. */
export function derivedKey(secret: Secret, purpose: string): Uint8Array {
  const bytes = typeof secret === "string" ? (hexBytes(secret) ?? new Uint8Array()) : secret;
  return hkdfExpandUnder(hkdfExtract(bytes))(utf8(purpose));
}

/**
 * What the key is made from that signs receipts, checkpoints and the feed, if no other is given. No
 * credential is derived under this name.
 */
export const receiptSeedOf = (secret: Secret): Uint8Array => derivedKey(secret, "sigil receipts");

export type Digest = (message: Uint8Array) => Uint8Array;
