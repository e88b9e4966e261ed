/**
 * Verifies macaroon credentials with the secret they were minted under. spec/1-credential.md §4-6.
 */
import type { Vocabulary } from "../caveat/index.ts";
import { isPublicKeyForm } from "../credential/forms.ts";
import {
  ProvenTexts,
  type RevocationList,
  SeenOnce,
  Verified,
  type Verifier,
  type VerifierFacts,
} from "../credential/index.ts";
import { readText } from "../credential/text.ts";
import { TokenError } from "../errors.ts";
import { type Binary, hexOfBinary } from "../internal/bytes.ts";
import { equalBinary } from "../internal/crypto.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { Lru } from "../internal/lru.ts";
import { signatures } from "../macaroon/chain.ts";
import { readPacket } from "../macaroon/packet.ts";
import { Credential } from "./credential.ts";
import { type Kind, vocabularyOf } from "./credential-minter.ts";
import { isPaid, type Parts, partsOf } from "./macaroon-body.ts";
import { SignedPlaces } from "./places.ts";
import { Roots, type Secret, type SecretSource } from "./roots.ts";

export interface HmacVerifierOptions {
  /**
   * What new credentials are minted under. 32 random bytes or more, or their hex. A function is
   * called when the secret is first needed.
   */
  readonly secret: SecretSource;
  /** Secrets used before: their credentials are still verified. */
  readonly previousSecrets?: readonly Secret[];
  /** @default "access" */
  readonly kind?: Kind;
  /** Unknown conditions that pass. Every other unknown condition denies. */
  readonly tolerate?: readonly string[];
  /** What proven credentials are judged by. */
  readonly revocations: RevocationList;
  /** The location of the ledger that counts their limits. @default none */
  readonly ledger?: string | undefined;
  /**
   * How many proven credentials are kept.
   *
   * @default 4096
   */
  readonly cacheSize?: number;
}

const OPTIONS = {
  secret: true,
  previousSecrets: true,
  kind: true,
  tolerate: true,
  revocations: true,
  ledger: true,
  cacheSize: true,
} satisfies Keys<HmacVerifierOptions>;

/** No database, no look-up, no request to the issuer. */
export class HmacVerifier implements Verifier {
  readonly vocabulary: Vocabulary;
  readonly #facts: VerifierFacts;
  readonly #roots: Roots;
  readonly #texts: ProvenTexts;
  /** By identifier: the most recently proven chain, which a sub-agent's credential continues. */
  readonly #chains: Lru<Binary, SignedPlaces>;
  // Two, because the first signature of a chain without caveats is also its last.
  readonly #seenTexts: SeenOnce;
  readonly #seenChains: SeenOnce;

  /** @throws TypeError for a secret that is short or not random */
  constructor(options: HmacVerifierOptions) {
    checkKeys(options, OPTIONS, "a verifier");
    const { kind = "access", tolerate = [], cacheSize = 4096, revocations, ledger } = options;
    this.vocabulary = vocabularyOf(kind, tolerate);
    this.#facts = { vocabulary: this.vocabulary, revocations, ledger, parse: Credential.parse };
    this.#roots = new Roots(options.secret, options.previousSecrets);
    this.#texts = new ProvenTexts(cacheSize);
    this.#chains = new Lru(cacheSize);
    this.#seenTexts = new SeenOnce(cacheSize);
    this.#seenChains = new SeenOnce(cacheSize);
  }

  authenticate(credential: Credential | string): Verified {
    const text = typeof credential === "string" ? credential : credential.toString();
    return this.#texts.get(text) ?? this.#prove(text);
  }

  known(text: string): Verified | undefined {
    return this.#texts.get(text);
  }

  proved(verified: Verified): boolean {
    return verified.isBy(this.#facts);
  }

  /** Reads a secret that a function gives. @throws AdapterError `ERR_SECRET` */
  readSecret(): void {
    this.#roots.read();
  }

  /** Verifies credentials of `secret` too; those of the secrets before it stay valid. */
  rotate(secret: Secret): void {
    this.#roots.rotate(secret);
  }

  #prove(text: string): Verified {
    const parts = readParts(text);
    const { identifier, caveats, signature } = parts.packet;
    const root = this.#roots.find(identifier);
    if (root === undefined)
      throw new TokenError(
        "ERR_TOKEN_ROOT",
        "The credential was not minted here, or under a secret that is no longer used.",
      );
    const start = this.#chains.get(identifier)?.startOf(caveats);
    const chain = signatures(root.key, identifier, caveats, start);
    if (!equalBinary(chain.at(-1)!, signature))
      throw new TokenError(
        "ERR_TOKEN_FORGED",
        "The credential's signature is wrong: it was altered, or minted elsewhere.",
      );
    // A preimage alone grants nothing, and neither does a signature alone. [cases 73, 90]
    if (!isPaid(parts))
      throw new TokenError(
        "ERR_TOKEN_PREIMAGE",
        "The credential's preimage does not prove its payment.",
      );
    const places = new SignedPlaces(chain, caveats);
    const paymentHash = hexOfBinary(parts.paymentHash);
    const verified = new Verified({ text, caveats, paymentHash, places }, this.#facts);
    if (this.#seenChains.before(chain[0])) this.#chains.set(identifier, places);
    // A credential for one request is not presented again.
    if (!verified.chain.isSingleUse && this.#seenTexts.before(signature))
      this.#texts.set(text, verified);
    return verified;
  }
}

/** @throws TokenError as `Credential.parse`; `ERR_TOKEN_ISSUER` for the public-key form */
function readParts(text: string): Parts {
  const { token, preimage } = readText(text);
  if (isPublicKeyForm(token))
    throw new TokenError(
      "ERR_TOKEN_ISSUER",
      "The credential is of the public-key form, and no issuer is trusted here.",
    );
  return partsOf(readPacket(token), preimage);
}
