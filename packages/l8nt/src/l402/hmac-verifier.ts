/**
 * Verifies macaroon credentials with the secret they were minted under. spec/1-credential.md §4-6.
 */
import type { Vocabulary } from "../caveat/index.ts";
import { ProvenTexts, type RevocationList, Verified, type Verifier } from "../credential/index.ts";
import { TokenError } from "../errors.ts";
import { equalBytes } from "../internal/crypto.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { Credential, macaroonBodyOf } from "./credential.ts";
import { type Kind, vocabularyOf } from "./minter.ts";
import { SignedPlaces } from "./places.ts";
import { ProvenPrefixes } from "./prefixes.ts";
import { Roots, type Secret } from "./roots.ts";

export interface HmacVerifierOptions {
  /** What new credentials are minted under. 32 random bytes or more, or their hex. */
  readonly secret: Secret;
  /** Secrets used before: their credentials are still verified. */
  readonly previousSecrets?: readonly Secret[];
  /** @default "access" */
  readonly kind?: Kind;
  /** Unknown conditions that pass. Every other unknown condition denies. */
  readonly tolerate?: readonly string[];
  /** What proven credentials are judged by. */
  readonly revocations: RevocationList;
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
  cacheSize: true,
} satisfies Keys<HmacVerifierOptions>;

/** No database, no look-up, no request to the issuer. */
export class HmacVerifier implements Verifier {
  readonly vocabulary: Vocabulary;
  readonly #revocations: RevocationList;
  readonly #roots: Roots;
  readonly #texts: ProvenTexts;
  readonly #prefixes: ProvenPrefixes;

  /** @throws TypeError for a secret that is short or not random */
  constructor(options: HmacVerifierOptions) {
    checkKeys(options, OPTIONS, "a verifier");
    const { kind = "access", tolerate = [], cacheSize = 4096 } = options;
    this.vocabulary = vocabularyOf(kind, tolerate);
    this.#revocations = options.revocations;
    this.#roots = new Roots(options.secret, options.previousSecrets);
    this.#texts = new ProvenTexts(cacheSize);
    this.#prefixes = new ProvenPrefixes(cacheSize);
  }

  authenticate(credential: Credential | string): Verified {
    const text = typeof credential === "string" ? credential : credential.toString();
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const verified = this.#prove(
      typeof credential === "string" ? Credential.parse(credential) : credential,
    );
    this.#texts.set(text, verified);
    return verified;
  }

  known(text: string): Verified | undefined {
    return this.#texts.get(text);
  }

  /** Verifies credentials of `secret` too; those of the secrets before it stay valid. */
  rotate(secret: Secret): void {
    this.#roots.rotate(secret);
  }

  #prove(credential: Credential): Verified {
    const { macaroon, identifier } = macaroonBodyOf(credential);
    const root = this.#roots.find(identifier.tokenId);
    if (root === undefined)
      throw new TokenError(
        "ERR_TOKEN_ROOT",
        "The credential was not minted here, or under a secret that is no longer used.",
      );
    const prefixes = this.#prefixes.along(root, macaroon);
    if (!equalBytes(prefixes.at(-1)!, macaroon.signature))
      throw new TokenError(
        "ERR_TOKEN_FORGED",
        "The credential's signature is wrong: it was altered, or minted elsewhere.",
      );
    // A preimage alone grants nothing, and neither does a signature alone. [cases 73, 90]
    if (!credential.isPaid)
      throw new TokenError(
        "ERR_TOKEN_PREIMAGE",
        "The credential's preimage does not prove its payment.",
      );
    this.#prefixes.remember(macaroon, prefixes);
    return new Verified({
      credential,
      vocabulary: this.vocabulary,
      places: new SignedPlaces(prefixes),
      revocations: this.#revocations,
    });
  }
}
