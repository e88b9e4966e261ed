/** A cache of proven credentials by their text, for verifiers. */
import { Lru } from "../internal/lru.ts";
import type { Verified } from "./verified.ts";

const PREIMAGE_CHARACTERS = 1 + 64;
const KEY_CHARACTERS = 24;

/**
 * The part of a text that ends before the preimage: 18 bytes of the signature. Two texts that share
 * it are two spellings of one credential, so the whole is hashed for neither.
 */
const keyOf = (text: string): string =>
  text.slice(-(PREIMAGE_CHARACTERS + KEY_CHARACTERS), -PREIMAGE_CHARACTERS);

/** Keeps what was proven about a text, never what the credential allows now. */
export class ProvenTexts {
  readonly #cache: Lru<string, Verified>;

  constructor(capacity: number) {
    this.#cache = new Lru(capacity);
  }

  get(text: string): Verified | undefined {
    const known = this.#cache.get(keyOf(text));
    return known?.isOf(text) ? known : undefined;
  }

  set(text: string, verified: Verified): void {
    this.#cache.set(keyOf(text), verified);
  }
}
