/** The places along a chain of blocks. spec/9-public-key.md §4. */

import type { Places } from "../credential/index.ts";
import { concat, hexText } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import type { Descent } from "../ports/descent.ts";

const ID_BYTES = 16;

/** @param count how many caveats of the block stand before the place */
export const placeId = (signature: Uint8Array, count: number): string =>
  hexText(sha256(concat(signature, Uint8Array.of(count))).subarray(0, ID_BYTES));

/** What tells which nodes the blocks that follow open. */
interface Below {
  nodesBelow(following: readonly string[]): readonly string[];
}

export class BlockPlaces implements Places {
  /** By the number of caveats before the place: the signature of its block, and how many in it. */
  readonly #at: readonly (readonly [Uint8Array, number])[];

  readonly #read: () => Below;

  /**
   * @param counts how many caveats each block has
   * @param read reads the credential again: places are kept by the thousand
   */
  constructor(signatures: readonly Uint8Array[], counts: readonly number[], read: () => Below) {
    this.#read = read;
    const [root = new Uint8Array(0)] = signatures;
    this.#at = [
      [root, 0],
      ...signatures.flatMap((signature, block) =>
        Array.from({ length: counts[block]! }, (_, at) => [signature, at + 1] as const),
      ),
    ];
  }

  at(count: number): string {
    return placeId(...this.#at[count]!);
  }

  below(descent: Descent): readonly string[] {
    if ("blocks" in descent) return this.#read().nodesBelow(descent.blocks);
    throw new TypeError("a credential of the public-key form is revoked by its blocks");
  }
}
