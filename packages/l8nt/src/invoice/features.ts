/**
 * The feature bits of an invoice: readers may ignore an odd bit and must understand an even one.
 * BOLT 9; BOLT 11, "Feature Bits".
 */
import { malformed } from "./malformed.ts";
import type { Words } from "./words.ts";

/**
 * The features that BOLT 9 allows in an invoice, by their even bit: var_onion_optin,
 * payment_secret, basic_mpp, option_route_blinding, option_attribution_data,
 * option_payment_metadata; and blinded paths in an invoice (bLIP 39). BOLT 9 assumes the features
 * that they depend on.
 */
const KNOWN: ReadonlySet<number> = new Set([8, 14, 16, 24, 36, 48, 262]);

/**
 * Returns the set bits, ascending.
 *
 * @throws ChallengeError (`ERR_INVOICE_MALFORMED`) for an unknown even bit
 */
export function readFeatures(words: Words): readonly number[] {
  const features: number[] = [];
  for (let bit = 0; bit < words.length * 5; bit++) {
    const word = words[words.length - 1 - Math.floor(bit / 5)]!;
    if (((word >> (bit % 5)) & 1) === 0) continue;
    if (bit % 2 === 0 && !KNOWN.has(bit)) throw malformed(`it requires the unknown feature ${bit}`);
    features.push(bit);
  }
  return Object.freeze(features);
}

/** Returns as few words as the highest bit needs; none for no features. */
export function writeFeatures(features: readonly number[]): number[] {
  const words: number[] = new Array(Math.floor(Math.max(-1, ...features) / 5) + 1).fill(0);
  for (const bit of features) words[words.length - 1 - Math.floor(bit / 5)]! |= 1 << (bit % 5);
  return words;
}
