/**
 * The list of revoked nodes that a verifier's credentials are judged by. spec/1-credential.md §6.
 */
import { type Denial, type Node, refusal } from "../caveat/index.ts";
import { AdapterError, type DeniedError, denied, type Refusal } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import { Lru } from "../internal/lru.ts";
import { type Clock, systemClock } from "../ports/clock.ts";

/** After this many additions, entries that have ended are removed. */
const SWEEP_EVERY = 1024;
/** Every revocation by a holder has to be remembered, so holders get a limited number per root. */
const MAX_REVOKED_BELOW = 1000;
const MAX_ROOTS = 100_000;

/** A node whose id a verifier has derived. */
export type ProvenNode = Node & { readonly id: string };

export interface RevocationListOptions {
  /** @default the system's clock */
  readonly clock?: Clock;
}

const OPTIONS = { clock: true } satisfies Keys<RevocationListOptions>;

/** An entry is kept for as long as a credential below its node can be valid, and no longer. */
export class RevocationList {
  readonly #clock: Clock;
  /** By node id: Unix seconds of the end of everything below the node. */
  readonly #ends = new Map<string, number>();
  /** By root: how many nodes its holders revoked. */
  readonly #revokedBelow = new Lru<string, number>(MAX_ROOTS);
  #untilSweep = SWEEP_EVERY;
  #certainFrom = Number.NEGATIVE_INFINITY;
  // Until a feed is followed there is nothing to miss.
  #heardAt = 0;
  #maxSilenceSeconds = Number.POSITIVE_INFINITY;

  /** @throws TypeError for an unknown option */
  constructor(options: RevocationListOptions = {}) {
    checkKeys(options, OPTIONS, "a list of revocations");
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Revokes a node and everything below it, never its parent. For the owner.
   *
   * @param endsAt Unix seconds after which nothing below the node can be valid; without it the
   * entry is kept for good
   * @throws TypeError if `nodeId` is not a node id
   */
  revoke(nodeId: string, endsAt: number = Number.POSITIVE_INFINITY): void {
    // A mistyped id would revoke nothing without a word.
    if (!/^[0-9a-f]{32}$/.test(nodeId))
      throw new TypeError("a node id is 32 hex digits, in lower case");
    this.#ends.set(nodeId, Math.max(endsAt, this.#ends.get(nodeId) ?? 0));
    if (--this.#untilSweep > 0) return;
    this.#untilSweep = SWEEP_EVERY;
    const now = this.#clock();
    for (const [id, end] of this.#ends) {
      if (end >= now) continue;
      this.#ends.delete(id);
      this.#certainFrom = Math.max(this.#certainFrom, end);
    }
  }

  /**
   * Revokes a node for a holder of the credential that the tree of `rootId` began with.
   *
   * @throws AdapterError `ERR_RATE_LIMITED` after a thousand nodes of one root
   */
  revokeBelow(rootId: string, nodeId: string, endsAt?: number): void {
    if (!this.has(nodeId)) {
      const count = this.#revokedBelow.get(rootId) ?? 0;
      if (count >= MAX_REVOKED_BELOW)
        throw new AdapterError(
          "ERR_RATE_LIMITED",
          "Too many nodes of this tree were revoked. Revoke a node above them.",
        );
      this.#revokedBelow.set(rootId, count + 1);
    }
    this.revoke(nodeId, endsAt);
  }

  has(nodeId: string): boolean {
    return this.#ends.has(nodeId);
  }

  /** How many nodes are remembered. */
  get size(): number {
    return this.#ends.size;
  }

  /**
   * Unix seconds of the latest end that was forgotten. At an earlier time, on a clock that was set
   * back, nothing can say what was revoked. [case 109]
   */
  get certainFrom(): number {
    return this.#certainFrom;
  }

  /**
   * Records that at Unix second `at` everything revoked elsewhere was known. Nothing is granted
   * more than `maxSilenceSeconds` away from it.
   */
  heard(at: number, maxSilenceSeconds: number): void {
    this.#heardAt = at;
    this.#maxSilenceSeconds = maxSilenceSeconds;
  }

  /** Why nothing is granted at Unix second `now`; undefined if the list is known to be complete. */
  silence(now: number): DeniedError | undefined {
    return this.#isCompleteAt(now) ? undefined : denied([SILENCE]);
  }

  /** Why revocation denies a credential with these nodes, root first; undefined if it does not. */
  refusalOf(nodes: () => readonly ProvenNode[], now: number): Refusal | undefined {
    if (!this.#isCompleteAt(now)) return SILENCE;
    if (now < this.#certainFrom) return refusal(nodes().at(-1)!, "revocation", FORGOTTEN);
    // Ids are derived only if there is something to look for.
    if (this.#ends.size === 0) return undefined;
    const revoked = nodes().find(({ id }) => this.#ends.has(id));
    return revoked && refusal(revoked, "revocation", denialOf(revoked));
  }

  // In both directions: on a clock that was set back, the last report is as far away as on one that
  // went on.
  #isCompleteAt(now: number): boolean {
    return Math.abs(now - this.#heardAt) <= this.#maxSilenceSeconds;
  }
}

/** The list may be incomplete, so nothing is granted. [case 111] */
const SILENCE: Refusal = {
  code: "ERR_REVOCATION_UNKNOWN",
  condition: "revocation",
  have: "a list of revocations that may be out of date",
  need: "a current one: try again in a moment",
};

const FORGOTTEN: Denial = {
  code: "ERR_REVOKED",
  have: "a clock that was set back to before revocations that are forgotten by now",
  need: "a clock that goes forward",
};

const denialOf = ({ agent }: Node): Denial => ({
  code: "ERR_REVOKED",
  have:
    agent === undefined
      ? "a credential that was revoked"
      : `a credential whose agent ${agent} was revoked`,
  need: "a credential that was not",
});
