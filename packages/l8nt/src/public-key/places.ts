/** The places along a chain of blocks. spec/9-public-key.md §4. */

import type { Places } from "../credential/index.ts";
import { concat, hexText } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import type { Descent } from "../ports/descent.ts";

const ID_BYTES = 16;

/**
 * A block of version 0 does not sign the one before it, and may follow several: a place is named by
 * all of them.
 *
 * @param signatures of the blocks from the first one to that of the place
 * @param count how many caveats of the last of them stand before the place
 */
export const placeId = (signatures: readonly Uint8Array[], count: number): string =>
  hexText(sha256(concat(...signatures, Uint8Array.of(count))).subarray(0, ID_BYTES));

/** What tells which nodes the blocks that follow open. */
interface Below {
  nodesBelow(following: readonly string[], location?: string): readonly string[];
}

export class BlockPlaces implements Places {
  readonly #signatures: readonly Uint8Array[];
  readonly #counts: readonly number[];
  readonly #read: () => Below;

  /**
   * @param counts how many caveats each block has
   * @param read reads the credential again: places are kept by the thousand
   */
  constructor(signatures: readonly Uint8Array[], counts: readonly number[], read: () => Below) {
    this.#signatures = signatures;
    this.#counts = counts;
    this.#read = read;
  }

  /** @param count how many caveats of the whole chain stand before the place */
  at(count: number): string {
    let block = 0;
    let inBlock = count;
    while (inBlock > this.#counts[block]!) inBlock -= this.#counts[block++]!;
    return placeId(this.#signatures.slice(0, block + 1), inBlock);
  }

  below(descent: Descent, location?: string): readonly string[] {
    if ("blocks" in descent) return this.#read().nodesBelow(descent.blocks, location);
    throw new TypeError("a credential of the public-key form is revoked by its blocks");
  }
}
