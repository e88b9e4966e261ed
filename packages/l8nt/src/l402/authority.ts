/**
 * A minter, the verifier of what it mints, and the list of what was revoked: the three that a
 * service or a treasury with a secret needs.
 */
import { readBase, type Vocabulary } from "../caveat/index.ts";
import { RevocationList, type Verifier } from "../credential/index.ts";
import { hexBytes, ownBytes, utf8 } from "../internal/bytes.ts";
import { hkdfExpandUnder, hkdfExtract } from "../internal/crypto.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Kind, MinterOptions } from "./credential-minter.ts";
import { HmacVerifier } from "./hmac-verifier.ts";
import { Minter } from "./minter.ts";
import { askedOnce, type Secret, type SecretSource } from "./roots.ts";

export interface AuthorityOptions extends MinterOptions {
  /** Secrets used before: still verified, no longer minted under. */
  readonly previousSecrets?: readonly Secret[];
  /**
   * A list that another authority of the same service uses too.
   *
   * @default a new one
   */
  readonly revocations?: RevocationList;
  /** This service's L402 name, for `services` and `<service>_capabilities`. */
  readonly service?: string;
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
  location: true,
  kind: true,
  service: true,
  tolerate: true,
  clock: true,
  cacheSize: true,
  revocations: true,
} satisfies Keys<AuthorityOptions>;

export class Authority {
  readonly minter: Minter;
  readonly verifier: Verifier;
  readonly revocations: RevocationList;
  readonly service: string | undefined;
  /** Names of conditions of others that it lets pass. */
  readonly tolerate: readonly string[];
  readonly #hmac: HmacVerifier;
  #secrets: readonly [SecretSource, ...SecretSource[]];

  /** @throws TypeError for a secret that is short or not random, or a location that is not a URL */
  constructor(options: AuthorityOptions) {
    checkKeys(options, OPTIONS, "an authority");
    const { previousSecrets, service, cacheSize, revocations, ...given } = options;
    // The minter and the verifier read it at different times.
    const minting = { ...given, secret: askedOnce(given.secret) };
    const { secret, kind, tolerate, clock } = minting;
    this.minter = new Minter(minting);
    this.revocations = revocations ?? new RevocationList({ ...(clock !== undefined && { clock }) });
    this.#hmac = new HmacVerifier({
      secret,
      revocations: this.revocations,
      ledger: this.ledger,
      ...(previousSecrets !== undefined && { previousSecrets }),
      ...(kind !== undefined && { kind }),
      ...(tolerate !== undefined && { tolerate }),
      ...(cacheSize !== undefined && { cacheSize }),
    });
    this.verifier = this.#hmac;
    this.#secrets = [kept(secret), ...(previousSecrets ?? []).map(kept)];
    this.service = service;
    this.tolerate = tolerate ?? [];
  }

  /** The public http(s) URL where its credentials are spent. */
  get location(): string {
    return this.minter.location;
  }

  /** Its location in the form in which `ledger` caveats name it. */
  get ledger(): string | undefined {
    return readBase(this.location)?.text;
  }

  get kind(): Kind {
    return this.minter.kind;
  }

  /** The conditions that it enforces. */
  get vocabulary(): Vocabulary {
    return this.minter.vocabulary;
  }

  /**
   * Reads a secret that a function gives; the first credential would do the same.
   *
   * @throws AdapterError `ERR_SECRET`: there is none, or it is too short or not random
   */
  readSecret(): void {
    this.#hmac.readSecret();
  }

  /**
   * Keys of 32 bytes for `purpose`, by HKDF-SHA256: that of the present secret first, then those of
   * the secrets before it.
   *
   * @throws AdapterError `ERR_SECRET`
   */
  derivedKeys(purpose: string): readonly [Uint8Array, ...Uint8Array[]] {
    this.readSecret();
    const [secret, ...previous] = this.#secrets;
    return [derived(secret, purpose), ...previous.map((one) => derived(one, purpose))];
  }

  /** Mints under `secret` from now on; credentials of earlier secrets stay valid until they end. */
  rotate(secret: Secret): void {
    this.#hmac.rotate(secret);
    this.minter.rotate(secret);
    this.#secrets = [kept(secret), ...this.#secrets];
  }
}

/** The caller may wipe its own bytes. */
const kept = <Source extends SecretSource>(secret: Source): Source | Uint8Array =>
  secret instanceof Uint8Array ? ownBytes(secret) : secret;

/** Of a secret that was read before. */
function derived(source: SecretSource, purpose: string): Uint8Array {
  const secret = (typeof source === "function" ? source() : source)!;
  const bytes = typeof secret === "string" ? hexBytes(secret)! : secret;
  return hkdfExpandUnder(hkdfExtract(bytes))(utf8(`sigil key for ${purpose}`));
}
