/**
 * Revocation at a paywall: where it is written, and where revocations of other instances are read.
 * spec/3-challenge.md §6.
 */
import type { Duration } from "../caveat/index.ts";
import type { Revocation } from "../credential/index.ts";
import { AdapterError } from "../errors.ts";
import {
  type FeedSigner,
  type Follower,
  feedSource,
  followRevocations,
  revocationFeed,
} from "../feed/index.ts";
import { storeSource } from "../feed/source.ts";
import { ToldLog } from "../feed/told-log.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Authority, Verified } from "../l402/index.ts";
import type { TopUps } from "../ledger/top-ups.ts";
import type { Clock } from "../ports/clock.ts";
import type { Descent } from "../ports/descent.ts";
import type { DirectiveLog, StandingDirective } from "../ports/directives.ts";

/** A log that all instances share, or the feed of another authority of the same secret. */
export type RevocationsOption =
  | {
      /** Revocations are written to this log before they are answered, and read from it. */
      readonly store: DirectiveLog;
      /**
       * Whether freezes and top-ups in the log count here too. Leave it out if the log is also a
       * treasury's, which has freezes of its own.
       *
       * @default false
       */
      readonly freezes?: boolean;
      /** Signs the feed that `wellKnown` serves. @default no feed */
      readonly key?: FeedSigner;
      /**
       * How long the log may be unreadable before every credential is denied.
       *
       * @default "10s"
       */
      readonly maxSilence?: Duration;
    }
  | {
      /**
       * The URL of the feed. A revocation at this paywall is in force at this instance only, until
       * a restart.
       */
      readonly url: string;
      /** The public key that the feed is signed with, 64 hex. */
      readonly publicKey: string;
      /**
       * How long the feed may be silent before every credential is denied, counted from the time
       * at which its newest page was signed: the clocks of both sides must agree to within half of
       * it, less a second.
       *
       * @default "10s"
       */
      readonly maxSilence?: Duration;
      readonly fetch?: typeof fetch;
    };

export interface RevokingOptions {
  readonly authority: Authority;
  readonly topUps: TopUps;
  readonly clock: Clock;
  readonly alarm: (what: string, cause: unknown) => void;
}

export class Revoking {
  readonly #options: RevokingOptions;
  readonly #store: DirectiveLog | undefined;
  readonly #readsFreezes: boolean = true;
  readonly #follower: Follower | undefined;
  /** Undefined if this paywall publishes no feed. */
  readonly feed: ((request: Request) => Promise<Response>) | undefined;

  /** @throws TypeError for an option that is unknown or cannot work */
  constructor(revocations: RevocationsOption | undefined, options: RevokingOptions) {
    this.#options = options;
    if (revocations === undefined) return;
    const { authority, clock } = options;
    const isLog = "store" in revocations;
    checkKeys(revocations, isLog ? LOG_OPTIONS : FEED_OPTIONS, "a paywall's revocations option");
    const { maxSilence, ...followed } = revocations;
    const log = isLog ? new ToldLog(revocations.store) : undefined;
    const isWhole = isLog && revocations.freezes === true;
    const source = "store" in followed ? storeSource(log!) : feedSource(followed);
    this.#follower = followRevocations(authority, source, {
      clock,
      alarm: options.alarm,
      ...(maxSilence !== undefined && { maxSilence }),
      ...(isWhole && { freezes: this }),
    });
    this.#readsFreezes = isWhole;
    if (!isLog) return;
    const { store, key } = revocations;
    this.#store = log;
    if (key !== undefined)
      this.feed = revocationFeed(store, { key, location: authority.location, clock });
  }

  /** Resolves once every earlier revocation is in force here. */
  async ready(): Promise<void> {
    await this.#follower?.reached();
  }

  /**
   * Revokes a node for the holder of an ancestor's credential. Returns the node's id.
   *
   * @throws AdapterError `ERR_REQUEST`, `ERR_RATE_LIMITED`, `ERR_STORE`
   */
  async below(ancestor: Verified, descent: Descent): Promise<string> {
    const revocation = ancestor.revokeBelow(descent);
    await this.#write(revocation, "by the holder of an ancestor");
    return revocation.nodeId;
  }

  /**
   * Revokes a node for the owner.
   *
   * @throws TypeError for a text that is not a node id; AdapterError `ERR_STORE`
   */
  async node(nodeId: string, endsAt?: number): Promise<void> {
    this.#options.authority.revocations.revoke(nodeId, endsAt);
    await this.#write({ nodeId, ...(endsAt !== undefined && { endsAt }) }, "by the owner");
  }

  /** Applies a freeze, a thaw or a top-up. */
  apply(directive: StandingDirective): void {
    const { kind, nodeId, reason } = directive;
    const { freezes } = this.#options.authority.revocations;
    if (kind === "freeze") freezes.freeze(nodeId, reason);
    else if (kind === "thaw") freezes.thaw(nodeId);
    else this.#options.topUps.apply(directive);
  }

  /**
   * Freezes or thaws a node or all nodes, or tops a node up, for the owner. Resolves once it is
   * written and in force here. A freeze is in force at once.
   *
   * @throws TypeError if freezes are not read here; AdapterError `ERR_STORE`
   */
  async issue(standing: Omit<StandingDirective, "at">): Promise<void> {
    if (!this.#readsFreezes)
      throw new TypeError("a paywall freezes and tops up if its revocations have freezes: true");
    const directive = { ...standing, at: this.#options.clock() };
    if (directive.kind === "freeze" || this.#store === undefined) this.apply(directive);
    try {
      const seq = await this.#store?.addDirective(directive);
      if (seq !== undefined) await this.#follower!.reachedOrFailed(seq);
    } catch (cause) {
      throw new AdapterError(
        "ERR_STORE",
        `The ${directive.kind} could not be written to the log${directive.kind === "freeze" ? ", so it is in force at this instance only" : ""}. Send it again.`,
        { cause },
      );
    }
  }

  /** The revocation is in force at this instance already, even if the log fails. */
  async #write(
    node: Pick<Revocation, "nodeId"> & Partial<Revocation>,
    reason: string,
  ): Promise<void> {
    const at = this.#options.clock();
    try {
      await this.#store?.addDirective({ kind: "revoke", at, reason, ...node });
    } catch (cause) {
      throw new AdapterError(
        "ERR_STORE",
        "The revocation is in force at this instance only, because it could not be written to the log. Send it again.",
        { cause },
      );
    }
  }

  stop(): void {
    this.#follower?.stop();
  }
}

type LogOptions = Extract<RevocationsOption, { readonly store: DirectiveLog }>;
type FeedOptions = Extract<RevocationsOption, { readonly url: string }>;
const LOG_OPTIONS = {
  store: true,
  freezes: true,
  key: true,
  maxSilence: true,
} satisfies Keys<LogOptions>;
const FEED_OPTIONS = {
  url: true,
  publicKey: true,
  maxSilence: true,
  fetch: true,
} satisfies Keys<FeedOptions>;
