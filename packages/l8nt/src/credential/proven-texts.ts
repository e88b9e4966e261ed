/** A cache of proven credentials by their text, for verifiers. */
import { Lru } from "../internal/lru.ts";
import type { Verified } from "./verified.ts";

/**
 * The end of a text holds the signature and the preimage: as telling as the whole, and far less to
 * hash.
 */
const KEY_CHARACTERS = 43 + 1 + 64;

/** Keeps what was proven about a text, never what the credential allows now. */
export class ProvenTexts {
  readonly #cache: Lru<string, { readonly text: string; readonly verified: Verified }>;

  constructor(capacity: number) {
    this.#cache = new Lru(capacity);
  }

  get(text: string): Verified | undefined {
    const known = this.#cache.get(text.slice(-KEY_CHARACTERS));
    return known?.text === text ? known.verified : undefined;
  }

  set(text: string, verified: Verified): void {
    this.#cache.set(text.slice(-KEY_CHARACTERS), { text, verified });
  }
}
