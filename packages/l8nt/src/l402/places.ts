/** A proven chain of signatures, and the places along it. spec/1-credential.md §6. */
import { nodesAt } from "../caveat/index.ts";
import type { Places } from "../credential/index.ts";
import { type Binary, binaryOfUtf8, hexOfBinary } from "../internal/bytes.ts";
import { equalBinary, hmacBinary } from "../internal/crypto.ts";
import { signatures } from "../macaroon/chain.ts";
import { checkDescent } from "../macaroon/descent.ts";
import type { Descent } from "../ports/descent.ts";

const LABEL = "sigil place" as Binary;
const ID_BYTES = 16;

/** Derived one way: an id neither continues the chain nor identifies a credential. */
export const placeId = (signature: Binary): string =>
  hexOfBinary(hmacBinary(signature, LABEL).slice(0, ID_BYTES) as Binary);

/** A chain that was proven: its last signature is correct, which makes every one before it so. */
export class SignedPlaces implements Places {
  /** Private, because each signature is what the next caveat is keyed with. */
  readonly #signatures: readonly Binary[];
  readonly #caveats: readonly Binary[];

  /** @param signatures after the identifier, then after each caveat */
  constructor(signatures: readonly Binary[], caveats: readonly Binary[]) {
    this.#signatures = signatures;
    this.#caveats = caveats;
  }

  at(count: number): string {
    return placeId(this.#signatures[count]!);
  }

  /** @throws TypeError for blocks; TokenError `ERR_TOKEN_TOO_LARGE` before anything is derived */
  below(descent: Descent): readonly string[] {
    if ("blocks" in descent) throw new TypeError("a macaroon has caveats, and no blocks");
    const caveats = descent.map(binaryOfUtf8);
    checkDescent(this.#caveats, caveats);
    // No key and no identifier are needed where the first signature is known.
    const along = signatures(LABEL, LABEL, caveats, this.#signatures.slice(-1));
    return nodesAt(descent).map((at) => placeId(along[at + 1]!));
  }

  /** The signatures that the chain of these caveats has in common with this one. */
  startOf(caveats: readonly Binary[]): readonly Binary[] {
    let shared = 0;
    while (shared < caveats.length && this.#begins(shared, caveats[shared]!)) shared++;
    return this.#signatures.slice(0, shared + 1);
  }

  #begins(at: number, presented: Binary): boolean {
    const known = this.#caveats[at];
    return known !== undefined && equalBinary(known, presented);
  }
}
