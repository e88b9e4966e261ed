/**
 * The nonces of signatures that are still valid, so that each is taken once. spec/9-public-key.md
 * §9.
 */
import { base64Text, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { PassedTime } from "../internal/passed-time.ts";
import { Shares } from "../internal/shares.ts";
import type { Clock } from "../ports/clock.ts";

/** In all, about 100 MB at the most. */
const MAX_NONCES = 200_000;
/**
 * How many nodes of a chain, from its root, have a part of their own. A holder makes keys and nodes
 * for nothing, and roots are the issuer's: so room is shared by nodes, from the root on.
 */
const LEVELS = 4;
const ID_BYTES = 16;
/** What one request forgets at most of what has ended, so that none holds the thread. */
const FORGOTTEN_AT_ONCE = 256;

export interface SeenNonce {
  readonly keyid: string;
  readonly nonce: string;
  /** Unix seconds, whole: when it may be forgotten. */
  readonly until: number;
}

export class Nonces {
  readonly #clock: Clock;
  readonly #passed: PassedTime;
  readonly #shares: Shares;
  /** By a digest of key and nonce: the nodes in whose part it is. */
  readonly #seen = new Map<string, readonly string[]>();
  /** The digests by the second in which they may be forgotten. */
  readonly #endsAt = new Map<number, string[]>();
  /** Those of seconds that are over. */
  readonly #ended: string[][] = [];
  #lookedAt = 0;

  constructor(clock: Clock, most = MAX_NONCES, passed = new PassedTime()) {
    this.#clock = clock;
    this.#passed = passed;
    this.#shares = new Shares(most, "signatures that are still valid");
  }

  get size(): number {
    return this.#seen.size;
  }

  /**
   * Whether the key has not used the nonce before. It is kept then.
   *
   * @param nodes of the credential, root first
   * @throws AdapterError `ERR_RATE_LIMITED` if there is no room: nothing is forgotten early
   */
  isNew({ keyid, nonce, until }: SeenNonce, nodes: readonly { readonly id: string }[]): boolean {
    this.#forget();
    const id = base64Text(sha256(utf8(`${keyid} ${nonce}`)).subarray(0, ID_BYTES));
    if (this.#seen.has(id)) return false;
    const sharing = nodes.slice(0, LEVELS).map((node) => node.id);
    this.#shares.take(sharing, 1);
    this.#seen.set(id, sharing);
    const ends = this.#endsAt.get(until);
    if (ends === undefined) this.#endsAt.set(until, [id]);
    else ends.push(id);
    return true;
  }

  /** Looks at the seconds once in each: they are as many as a signature may live. */
  #forget(): void {
    // A clock that was set ahead and back would make signatures good again.
    const now = Math.floor(this.#passed.at(this.#clock()));
    if (now !== this.#lookedAt) {
      this.#lookedAt = now;
      for (const [until, ids] of this.#endsAt) {
        if (until > now) continue;
        this.#endsAt.delete(until);
        this.#ended.push(ids);
      }
    }
    for (let left = FORGOTTEN_AT_ONCE; left > 0 && this.#ended.length > 0; left--) {
      const ids = this.#ended.at(-1)!;
      const id = ids.pop()!;
      if (ids.length === 0) this.#ended.pop();
      this.#shares.give(this.#seen.get(id)!, 1);
      this.#seen.delete(id);
    }
  }
}
