/**
 * The digests that stay the same while the treasury's secret is replaced: an order that is sent
 * again has to have the names that it had. spec/4-purchase.md §4.6.
 */
import { base64Bytes, base64Text } from "../internal/bytes.ts";
import { hmacUnder, randomBytes } from "../internal/crypto.ts";
import type { Facts } from "../ports/facts.ts";
import { type Digest, derivedKey } from "./derived.ts";
import type { Wrapping } from "./wrapping.ts";

const KEY = "digest key";

/** The fact that has the key, wrapped with the secret whose wrapping has this id. */
const factOf = (id: string): string => `${KEY} ${id}`;

/** Nobody has the key but the treasuries on these books, which have one of its secrets. */
export class Digests {
  readonly #facts: Facts;
  readonly #wrapping: Wrapping;
  #ofGrant: Digest | undefined;
  #ofUse: Digest | undefined;
  #ofField: Digest | undefined;

  constructor(facts: Facts, wrapping: Wrapping) {
    this.#facts = facts;
    this.#wrapping = wrapping;
  }

  /** Of the `Idempotency-Key` of a relay. */
  readonly ofUse: Digest = (message) => this.#ofUse!(message);

  /** Of what agents send to log in at services, which the books have nothing else of. */
  readonly ofField: Digest = (message) => this.#ofField!(message);

  /** Of the ids of grants: what a credential that is minted is made from. */
  readonly ofGrant: Digest = (message) => this.#ofGrant!(message);

  /** Reads the key, and makes it if the books have none. Every digest needs it. */
  async read(): Promise<void> {
    const key = await this.#key();
    this.#ofUse = hmacUnder(derivedKey(key, "sigil idempotency"));
    this.#ofGrant = hmacUnder(derivedKey(key, "sigil grant"));
    this.#ofField = hmacUnder(derivedKey(key, "sigil authorization"));
  }

  /** Each secret has a fact of its own, so that treasuries with the old and the new one agree. */
  async #key(): Promise<Uint8Array> {
    const [own, ...previous] = this.#wrapping.ids;
    const kept = await this.#open(own);
    if (kept !== undefined) return kept;
    let key: Uint8Array | undefined;
    for (const id of previous) key ??= await this.#open(id);
    key ??= randomBytes(32);
    const wrapped = await this.#wrapping.wrap(base64Text(key), KEY);
    const first = await this.#facts.firstFact(factOf(own), wrapped);
    if (first === wrapped) return key;
    // Another treasury was faster, or what is there is empty or cannot be opened.
    const others = await this.#open(own);
    if (others !== undefined) return others;
    await this.#facts.setFact(factOf(own), wrapped);
    return key;
  }

  async #open(id: string): Promise<Uint8Array | undefined> {
    const wrapped = await this.#facts.fact(factOf(id));
    const text = wrapped === undefined ? undefined : await this.#wrapping.unwrap(wrapped, KEY);
    return text === undefined ? undefined : base64Bytes(text);
  }

  /** Empties what is wrapped with the secrets before the present one. */
  async dropPrevious(): Promise<void> {
    const [own, ...previous] = this.#wrapping.ids;
    for (const id of previous)
      if (id !== own && (await this.#facts.fact(factOf(id))) !== undefined)
        await this.#facts.setFact(factOf(id), "");
  }
}
