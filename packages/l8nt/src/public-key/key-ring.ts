/** The private keys of one issuer, and when each of them mints. spec/9-public-key.md §6. */
import { type Duration, durationSeconds } from "../caveat/duration.ts";
import { hexText } from "../internal/bytes.ts";
import { signerOf } from "../internal/ed25519.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { dateText, MAX_AGE, MAX_KEY_ID, MAX_KEYS, writeKeyPage } from "./key-page.ts";
import { Minter, type MinterOptions, readIssuer } from "./minter.ts";
import { type RingEntry, readRing, writeRing } from "./ring-file.ts";

export interface NewKeyOptions {
  /** When the key ends, and with it all that was minted under it. @default never */
  readonly expiresIn?: Duration;
  /** @default the system's clock */
  readonly clock?: Clock;
}

export interface KeyRingOptions extends NewKeyOptions {
  /** The origin that will publish the public keys, such as `https://treasury.example`. */
  readonly issuer: string;
}

export interface RingMinterOptions extends Pick<MinterOptions, "location" | "clock"> {
  /** The key to mint under. @default the newest one that every verifier knows by now */
  readonly keyId?: number;
}

/** What may be said of a key to anyone. */
export interface RingKey {
  readonly id: number;
  /** 64 hex digits. */
  readonly publicKey: string;
  /** Unix seconds. */
  readonly createdAt: number;
  /** Unix seconds; undefined for a key without an end. */
  readonly expiresAt?: number | undefined;
}

const NEW_KEY = { expiresIn: true, clock: true } satisfies Keys<NewKeyOptions>;
const RING = { ...NEW_KEY, issuer: true } satisfies Keys<KeyRingOptions>;
const MINTER = { keyId: true, location: true, clock: true } satisfies Keys<RingMinterOptions>;

/**
 * The private keys of an issuer. It is not changed: `rotate` and `retire` return another one. Its
 * keys are in what {@link KeyRing.serialize} returns, and in nothing else.
 *
 * @example
 * const ring = KeyRing.create({ issuer: "https://treasury.example" });
 * const credential = ring.minter().mint({
 *   endpoints: ["GET https://api.example/**"],
 *   expiresIn: "1h",
 * });
 */
export class KeyRing {
  /** The origin, in canonical form. */
  readonly issuer: string;
  /** From the lowest id to the highest. */
  readonly keys: readonly RingKey[];
  readonly #entries: readonly RingEntry[];

  private constructor(issuer: string, entries: readonly RingEntry[]) {
    this.issuer = issuer;
    this.#entries = entries;
    this.keys = entries.map(({ id, privateKey, createdAt, expiresAt }) => ({
      id,
      publicKey: hexText(signerOf(privateKey).publicKey),
      createdAt,
      ...(expiresAt !== undefined && { expiresAt }),
    }));
  }

  /**
   * A ring with one new key, which mints at once.
   *
   * @throws TypeError for an issuer that is no origin
   */
  static create(options: KeyRingOptions): KeyRing {
    checkKeys(options, RING, "a key ring");
    return new KeyRing(readIssuer(options.issuer), [newEntry(0, options)]);
  }

  /**
   * Reads what {@link KeyRing.serialize} wrote.
   *
   * @throws TypeError that says what is wrong, and repeats no key
   */
  static parse(text: string): KeyRing {
    const { issuer, entries } = readRing(text);
    return new KeyRing(issuer, entries);
  }

  /** JSON with the private keys: anyone who reads it mints as this issuer. Keep it as a secret. */
  serialize(): string {
    return writeRing(this.issuer, this.#entries);
  }

  /** The text of the page that the issuer publishes at `/.well-known/biscuit-web-keys`. */
  page(): string {
    return writeKeyPage(
      this.issuer,
      this.#entries.map(({ id: keyId, privateKey, expiresAt }) => ({
        keyId,
        publicKey: signerOf(privateKey).publicKey,
        expiresAt,
      })),
    );
  }

  /**
   * The key that mints: the newest one that was made a day ago, when the last page without it has
   * ended everywhere; or the oldest one, if there is none such. Undefined if all have ended.
   *
   * @param now Unix seconds
   */
  mintingKey(now: number): RingKey | undefined {
    const usable = this.keys
      .filter(({ expiresAt = Number.POSITIVE_INFINITY }) => now < expiresAt)
      .sort((one, other) => one.createdAt - other.createdAt || one.id - other.id);
    return usable.findLast(({ createdAt }) => createdAt + MAX_AGE <= now) ?? usable[0];
  }

  /**
   * A minter under the key that mints now. Ask for another one for each credential, or at least
   * each day, so that rotation takes effect.
   *
   * @throws TypeError if there is no such key, or all keys have ended
   */
  minter(options: RingMinterOptions = {}): Minter {
    checkKeys(options, MINTER, "a minter of a key ring");
    const { keyId, clock = systemClock, ...rest } = options;
    const id = keyId === undefined ? this.mintingKey(clock())?.id : this.#entry(keyId).id;
    if (id === undefined)
      throw new TypeError(`every key of ${this.issuer} has ended: rotate, and publish the new key`);
    const { privateKey } = this.#entry(id);
    return new Minter({ ...rest, privateKey, issuer: this.issuer, keyId: id, clock });
  }

  /**
   * The ring with a new key, which is published at once and mints a day later. Until then, and as
   * long as credentials of the key before it are in use, that one stays.
   *
   * @throws TypeError if there is no place for one
   */
  rotate(options: NewKeyOptions = {}): KeyRing {
    checkKeys(options, NEW_KEY, "a new key");
    if (this.#entries.length >= MAX_KEYS)
      throw new TypeError(`a key ring has at most ${MAX_KEYS} keys: retire old ones first`);
    const id = this.#entries.at(-1)!.id + 1;
    if (id > MAX_KEY_ID)
      throw new TypeError(`no key id is left above ${MAX_KEY_ID}: begin another key ring`);
    return new KeyRing(this.issuer, [...this.#entries, newEntry(id, options)]);
  }

  /**
   * The ring without a key. Once its page is published, that key verifies nothing.
   *
   * @throws TypeError if there is no such key, or it is the one with the highest id: a later key
   * would get that id again, and pages that are still kept would refuse what it signs
   */
  retire(id: number): KeyRing {
    const { id: gone } = this.#entry(id);
    if (gone === this.#entries.at(-1)!.id)
      throw new TypeError(`key ${gone} is the newest one: rotate first, then retire it`);
    return new KeyRing(
      this.issuer,
      this.#entries.filter((entry) => entry.id !== gone),
    );
  }

  /** Without private keys. */
  toJSON(): Record<string, unknown> {
    return { issuer: this.issuer, keys: this.keys };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toJSON();
  }

  #entry(id: number): RingEntry {
    const entry = this.#entries.find((one) => one.id === id);
    if (entry !== undefined) return entry;
    const ids = this.#entries.map((one) => one.id).join(", ");
    throw new TypeError(`the key ring has no key with this id; it has: ${ids}`);
  }
}

/** @throws TypeError for a duration that is none, or for times that the file cannot hold */
function newEntry(id: number, { expiresIn, clock = systemClock }: NewKeyOptions): RingEntry {
  const createdAt = Math.floor(clock());
  dateText(createdAt, "the time of the clock");
  const { privateKey } = signerOf();
  if (expiresIn === undefined) return { id, privateKey, createdAt };
  const expiresAt = createdAt + durationSeconds(expiresIn, "expiresIn");
  dateText(expiresAt, "the end that expiresIn gives a key");
  return { id, privateKey, createdAt, expiresAt };
}
