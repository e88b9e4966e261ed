/**
 * Mints credentials from a secret alone: what a page with a wallet loads at its start.
 * spec/1-credential.md §4.
 */
import { capsOfOtherUnits, mintedCaveats } from "../caveat/minted-scope.ts";
import type { Scope } from "../caveat/scope.ts";
import { readOrigin } from "../caveat/target.ts";
import { serviceVocabulary, treasuryVocabulary, type Vocabulary } from "../caveat/vocabulary.ts";
import { Credential } from "../credential/credential.ts";
import { type Bytes, binaryOf, binaryOfUtf8, bytesOf, concat, hexText } from "../internal/bytes.ts";
import { nonceBytes, randomBytes, sha256 } from "../internal/crypto.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Packet } from "../macaroon/packet.ts";
import { appendCaveats, mintUnder } from "../macaroon/unverified.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { Identifier, ROOT_ID_BYTES } from "./identifier.ts";
import { MacaroonBody, partsOf } from "./macaroon-body.ts";
import { type Root, Roots, type Secret, type SecretSource } from "./roots.ts";

/**
 * What credentials are for: `"access"` to a service, or `"spending"` by a treasury, which needs a
 * budget.
 */
export type Kind = "access" | "spending";

export interface MinterOptions {
  /**
   * 32 random bytes or more, or their hex. Anyone who has it can mint any credential, so it stays
   * in this process. A function is called when the secret is first needed.
   */
  readonly secret: SecretSource;
  /** The public http(s) URL where the credentials are spent. */
  readonly location: string;
  /** @default "access" */
  readonly kind?: Kind;
  /** Unknown conditions that the verifier lets pass. */
  readonly tolerate?: readonly string[];
  /** @default the system's clock */
  readonly clock?: Clock;
}

const OPTIONS = {
  secret: true,
  location: true,
  kind: true,
  tolerate: true,
  clock: true,
} satisfies Keys<MinterOptions>;

/** The conditions that credentials of a kind may have, and that their verifier enforces. */
export const vocabularyOf = (kind: Kind, tolerate: readonly string[]): Vocabulary =>
  kind === "spending" ? treasuryVocabulary() : serviceVocabulary(tolerate);

/** A minter without challenges, which take the reader of invoices. */
export class CredentialMinter {
  readonly location: string;
  readonly kind: Kind;
  readonly vocabulary: Vocabulary;
  readonly #roots: Roots;
  readonly #clock: Clock;

  /** @throws TypeError for a secret that is short or not random, or a location that is not a URL */
  constructor(options: MinterOptions) {
    checkKeys(options, OPTIONS, "a minter");
    const { secret, location, kind = "access", tolerate = [], clock = systemClock } = options;
    if (readOrigin(location) === undefined)
      throw new TypeError("location must be the public http(s) URL where credentials are spent");
    this.location = location;
    this.kind = kind;
    this.vocabulary = vocabularyOf(kind, tolerate);
    this.#roots = new Roots(secret);
    this.#clock = clock;
  }

  /**
   * A credential that needs no payment: its preimage is made here.
   *
   * @throws TypeError for a scope without endpoints (or services), without an end, or, for a
   * spending credential, without a budget
   * @example
   * minter.mint({ endpoints: ["GET https://api.example/**"], expiresIn: "1h" });
   */
  mint(scope: Scope): Credential {
    const preimage = randomBytes(32);
    const packet = this.packet(sha256(preimage), scope, capsOfOtherUnits(scope));
    return new Credential(new MacaroonBody(partsOf(packet, hexText(preimage))));
  }

  /** Mints under `secret` from now on. */
  rotate(secret: Secret): void {
    this.#roots.rotate(secret);
  }

  /**
   * Checks a scope, without the secret.
   *
   * @throws TypeError as {@link mint}
   * @throws TokenError `ERR_TOKEN_TOO_LARGE`
   */
  check(scope: Scope): void {
    this.#packet(SAMPLE, new Uint8Array(32), scope, capsOfOtherUnits(scope));
  }

  /** @throws TypeError as {@link mint} */
  protected packet(
    paymentHash: Bytes,
    scope: Scope,
    terms: readonly string[] = [],
    mark: Bytes = nonceBytes(MARK_BYTES),
  ): Packet {
    return this.#packet(this.#roots.current, paymentHash, scope, terms, mark);
  }

  #packet(
    root: Root,
    paymentHash: Bytes,
    scope: Scope,
    terms: readonly string[],
    mark: Bytes = nonceBytes(MARK_BYTES),
  ): Packet {
    const caveats = this.#caveats(scope, terms);
    const identifier = Identifier.encode(paymentHash, concat(bytesOf(root.id), mark));
    const minted = mintUnder(root.key, binaryOf(identifier), this.location);
    return appendCaveats(minted, caveats.map(binaryOfUtf8));
  }

  #caveats(scope: Scope, terms: readonly string[]): readonly string[] {
    return mintedCaveats(scope, terms, this.vocabulary, this.#clock(), this.kind === "spending");
  }
}

const MARK_BYTES = 32 - ROOT_ID_BYTES;
/** A root of nothing, for credentials that are thrown away. */
const SAMPLE: Root = {
  id: binaryOf(new Uint8Array(ROOT_ID_BYTES)),
  key: binaryOf(new Uint8Array(32)),
};
