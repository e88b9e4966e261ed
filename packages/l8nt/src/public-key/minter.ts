/**
 * Mints credentials that anyone can verify with the issuer's public key. spec/9-public-key.md §2.
 */
import { Symbols } from "../biscuit/block.ts";
import { beginToken } from "../biscuit/signatures.ts";
import { type Scope, serviceVocabulary } from "../caveat/index.ts";
import { capsOfOtherUnits, mintedCaveats } from "../caveat/minted-scope.ts";
import { formatOrigin, readOrigin } from "../caveat/target.ts";
import { Credential } from "../credential/index.ts";
import { hexBytes, hexText, utf8 } from "../internal/bytes.ts";
import { hmacSha256, randomBytes, sha256 } from "../internal/crypto.ts";
import { KEY_BYTES, type Signer, signerOf } from "../internal/ed25519.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { BiscuitBody, checkLength } from "./body.ts";
import { MAX_KEY_ID } from "./key-page.ts";
import { authorityBlock, checkSizes } from "./profile.ts";

export interface MinterOptions {
  /** An Ed25519 private key: 32 bytes, or their hex. It mints credentials for everything. */
  readonly privateKey: Uint8Array | string;
  /** The origin that publishes the public key, such as `https://treasury.example`. */
  readonly issuer: string;
  /**
   * The number of the key in what the issuer publishes: 0 to 4294967295.
   *
   * @default 0
   */
  readonly keyId?: number;
  /** The http(s) URL where the credentials are spent. @default the issuer */
  readonly location?: string;
  /** @default the system's clock */
  readonly clock?: Clock;
}

const OPTIONS = {
  privateKey: true,
  issuer: true,
  keyId: true,
  location: true,
  clock: true,
} satisfies Keys<MinterOptions>;

export interface SeedOptions {
  /**
   * 32 secret bytes, for one credential alone: with them, and an `expiresAt` in the scope, the same
   * credential is made again, byte for byte. So is what is appended to it, until it is written out.
   *
   * @default random, so no credential is made twice
   */
  readonly seed?: Uint8Array;
}

const MINT = { seed: true } satisfies Keys<SeedOptions>;

export class Minter {
  /** The origin, in canonical form. */
  readonly issuer: string;
  readonly location: string;
  readonly keyId: number;
  readonly #signer: Signer;
  readonly #clock: Clock;

  /** @throws TypeError for a key that is none, or an issuer that is no origin */
  constructor(options: MinterOptions) {
    checkKeys(options, OPTIONS, "a minter");
    const { issuer, keyId = 0, location = issuer, clock = systemClock } = options;
    this.issuer = readIssuer(issuer);
    if (readOrigin(location) === undefined)
      throw new TypeError("location must be the http(s) URL where the credentials are spent");
    if (!Number.isInteger(keyId) || keyId < 0 || keyId > MAX_KEY_ID)
      throw new TypeError("keyId must be a whole number from 0 to 4294967295");
    this.location = location;
    this.keyId = keyId;
    this.#signer = signerOf(readPrivateKey(options.privateKey));
    this.#clock = clock;
  }

  /** 32 bytes. */
  get publicKey(): Uint8Array {
    return this.#signer.publicKey;
  }

  /**
   * A credential that needs no payment: its preimage is made here.
   *
   * @throws TypeError for a scope without endpoints (or services), or without an end
   * @throws TokenError `ERR_TOKEN_TOO_LARGE`
   * @example
   * minter.mint({ endpoints: ["GET https://api.example/**"], expiresIn: "1h" });
   */
  mint(scope: Scope, options: SeedOptions = {}): Credential {
    checkKeys(options, MINT, "what is minted");
    const { seed } = options;
    if (seed !== undefined && seed.length !== KEY_BYTES)
      throw new TypeError("a seed must have 32 bytes");
    const terms = capsOfOtherUnits(scope);
    const caveats = mintedCaveats(scope, terms, serviceVocabulary(), this.#clock());
    checkSizes(caveats);
    const ofSeed = (what: string) => seed && hmacSha256(seed, utf8(`sigil ${what}`));
    const preimage = ofSeed("preimage") ?? randomBytes(KEY_BYTES);
    const { issuer, location } = this;
    const authority = { issuer, location, paymentHash: hexText(sha256(preimage)) };
    const symbols = new Symbols();
    const block = authorityBlock(authority, caveats, symbols);
    const token = beginToken(this.#signer, this.keyId, block, ofSeed("next"));
    const contents = { ...authority, caveats: [caveats], symbols };
    const isRepeatable = seed !== undefined;
    const body = new BiscuitBody({ token, contents, preimage: hexText(preimage), isRepeatable });
    checkLength(body);
    return new Credential(body);
  }
}

/** The canonical text of an issuer's origin. @throws TypeError */
export function readIssuer(issuer: string): string {
  const origin = readOrigin(issuer);
  const isOrigin = origin !== undefined && new URL(issuer).href === `${new URL(issuer).origin}/`;
  if (!isOrigin)
    throw new TypeError(
      'an issuer is an http(s) origin without a path, such as "https://treasury.example"',
    );
  return formatOrigin(origin);
}

/** @throws TypeError that does not repeat the key */
function readPrivateKey(key: Uint8Array | string): Uint8Array {
  const bytes = typeof key === "string" ? hexBytes(key) : key;
  if (!(bytes instanceof Uint8Array) || bytes.length !== KEY_BYTES)
    throw new TypeError("privateKey must be an Ed25519 private key: 32 bytes, or 64 hex digits");
  return bytes;
}
