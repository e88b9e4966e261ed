/** The places along a macaroon's chain of signatures. spec/1-credential.md §6. */
import type { Places } from "../credential/index.ts";
import { type Bytes, hexText, utf8 } from "../internal/bytes.ts";
import { hmacSha256 } from "../internal/crypto.ts";
import { signCaveats } from "../macaroon/chain.ts";

const LABEL = utf8("sigil place");

/** Derived one way: an id neither continues the chain nor identifies a credential. */
export const placeId = (signature: Uint8Array): string =>
  hexText(hmacSha256(signature, LABEL).subarray(0, 16));

export class SignedPlaces implements Places {
  /** Private, because each signature is what the next caveat is keyed with. */
  readonly #signatures: readonly Bytes[];

  /** @param signatures after the identifier, then after each caveat */
  constructor(signatures: readonly Bytes[]) {
    this.#signatures = signatures;
  }

  at(count: number): string {
    return placeId(this.#signatures[count]!);
  }

  after(caveats: readonly Uint8Array[]): string {
    return placeId(signCaveats(this.#signatures.at(-1)!, caveats));
  }
}
