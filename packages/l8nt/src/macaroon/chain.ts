/**
 * The HMAC chain: each signature keys the next caveat, so a holder can append and never remove.
 * spec/1-credential.md §1.
 */
import { type Binary, binaryOf } from "../internal/bytes.ts";
import { hmacBinary } from "../internal/crypto.ts";

const GENERATOR = "macaroons-key-generator" as Binary;

/** The key of a chain: what every macaroon implementation derives from a root key first. */
export const chainKey = (rootKey: Uint8Array): Binary => hmacBinary(GENERATOR, binaryOf(rootKey));

/**
 * The signatures along a chain: after the identifier, then after each caveat. The last is the
 * macaroon's own.
 *
 * @param start signatures that are known already, from the first on
 */
export function signatures(
  key: Binary,
  identifier: Binary,
  caveats: readonly Binary[],
  start: readonly Binary[] = [],
): readonly [Binary, ...Binary[]] {
  // Of the right length from the start: an array that grows reserves four times as much.
  const all = new Array<Binary>(caveats.length + 1);
  for (let at = 0; at < all.length; at++)
    all[at] =
      start[at] ??
      (at === 0 ? hmacBinary(key, identifier) : hmacBinary(all[at - 1]!, caveats[at - 1]!));
  return all as [Binary, ...Binary[]];
}

/** The signature after appending `caveats` to a chain that ends in `signature`. */
export function signCaveats(signature: Binary, caveats: readonly Binary[]): Binary {
  let last = signature;
  for (const caveat of caveats) last = hmacBinary(last, caveat);
  return last;
}
