/**
 * Grants: what a treasury mints for one tree of agents at one service. Nothing of a grant is kept
 * but its id, from which the same credential is made again. spec/4-purchase.md §5.
 */
import type { Base } from "../caveat/index.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { Lru } from "../internal/lru.ts";
import type { Credential } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { KeyRing } from "../public-key/key-ring.ts";
import type { Digest } from "./derived.ts";

/**
 * How long what is minted is good at its service. It is handed over for less, and to revoke that it
 * is made again.
 */
const LIFE_SECONDS = 3600;
/**
 * How long a grant is used. What is handed over last still ends before it does, by the clock of a
 * service that is ten minutes ahead.
 */
const USED_SECONDS = 2400;
/** A grant that is refused is replaced if it is older than that. */
const FRESH_SECONDS = 60;
/** One that is forgotten is replaced by another one. */
const REMEMBERED = 10_000;

const KEY_DIGITS = 8;
const TIME_DIGITS = 16;
const RANDOM_BYTES = 20;

export interface Grant {
  /** 64 hex digits: when it was made, the id of the key, and a random number. */
  readonly id: string;
  /** Unix seconds. */
  readonly madeAt: number;
  /** In full: it never leaves the treasury. */
  readonly full: Credential;
}

export interface GrantsOptions {
  readonly keys: KeyRing;
  /** Of the ids: what a credential is made from, so that nobody else can make it. */
  readonly digest: Digest;
  readonly clock: Clock;
  /** The services that the owner listed, by their origins. */
  readonly bases: ReadonlyMap<string, Base>;
  /** Counts the freezes that this process knows of. */
  readonly freezes: () => number;
}

interface Kept {
  readonly grant: Grant;
  readonly freezes: number;
}

export class Grants {
  readonly #options: GrantsOptions;
  /** By the root of the tree and the origin. */
  readonly #kept = new Lru<string, Kept>(REMEMBERED);

  constructor(options: GrantsOptions) {
    this.#options = options;
  }

  /** The origin whose keys mint. */
  get issuer(): string {
    return this.#options.keys.issuer;
  }

  /**
   * The grant of a tree at an origin. A freeze revokes what was handed over, so the grant after it
   * is another one. Undefined if every key has ended, or the service is not listed.
   *
   * @param rootId of the tree's root
   */
  of(rootId: string, origin: string): Grant | undefined {
    const key = `${rootId} ${origin}`;
    const freezes = this.#options.freezes();
    const kept = this.#kept.get(key);
    const isUsable = kept?.freezes === freezes && this.#age(kept.grant) < USED_SECONDS;
    if (isUsable && !this.#hasEnded(kept.grant)) return kept.grant;
    const grant = this.#make(origin);
    if (grant !== undefined) this.#kept.set(key, { grant, freezes });
    return grant;
  }

  /**
   * The service refuses what is of this grant.
   *
   * @returns whether another one can be tried: that one is not in use any more, or is replaced now.
   * One that is fresh is not: a service that refuses would be asked again and again
   */
  renew(rootId: string, origin: string, refused: Grant): boolean {
    const key = `${rootId} ${origin}`;
    const grant = this.#kept.get(key)?.grant;
    if (grant?.id !== refused.id) return true;
    if (this.#age(grant) < FRESH_SECONDS) return false;
    this.#kept.delete(key);
    return true;
  }

  /**
   * Makes the credential of a grant again; undefined if its key is not in the ring any more, or its
   * service not in the list.
   */
  again(id: string, origin: string): Credential | undefined {
    const { keyId } = partsOf(id);
    return this.#options.keys.keys.some((key) => key.id === keyId)
      ? this.#mint(id, origin)
      : undefined;
  }

  #make(origin: string): Grant | undefined {
    const { keys, clock } = this.#options;
    const madeAt = Math.floor(clock());
    const key = keys.mintingKey(madeAt);
    if (key === undefined) return undefined;
    const random = hexText(randomBytes(RANDOM_BYTES));
    const id = hexOf(madeAt, TIME_DIGITS) + hexOf(key.id, KEY_DIGITS) + random;
    const full = this.#mint(id, origin);
    return full && { id, madeAt, full };
  }

  /** Good at the listed service alone, and not at others of its origin. */
  #mint(id: string, origin: string): Credential | undefined {
    const { keys, digest, clock, bases } = this.#options;
    const base = bases.get(origin);
    if (base === undefined) return undefined;
    const { madeAt, keyId } = partsOf(id);
    const itself = base.path === "" ? [] : [`* ${base.text}`];
    return keys.minter({ keyId, location: base.text, clock }).mint(
      {
        endpoints: [...itself, `* ${base.text}/**`],
        expiresAt: new Date((madeAt + LIFE_SECONDS) * 1000),
      },
      { seed: digest(utf8(`${id} ${base.text}`)) },
    );
  }

  /** Whether the key of a grant verifies nothing any more. */
  #hasEnded({ id }: Grant): boolean {
    const { keys, clock } = this.#options;
    const { keyId } = partsOf(id);
    const key = keys.keys.find((one) => one.id === keyId);
    return key?.expiresAt !== undefined && clock() >= key.expiresAt;
  }

  /** In seconds; without end for one of a clock that was turned back since. */
  #age({ madeAt }: Grant): number {
    const age = this.#options.clock() - madeAt;
    return age < 0 ? Number.POSITIVE_INFINITY : age;
  }
}

const hexOf = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

const partsOf = (id: string) => ({
  madeAt: Number.parseInt(id.slice(0, TIME_DIGITS), 16),
  keyId: Number.parseInt(id.slice(TIME_DIGITS, TIME_DIGITS + KEY_DIGITS), 16),
});
