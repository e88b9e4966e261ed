/**
 * The follower of revocations: keeps an authority in step with what is revoked elsewhere.
 * spec/7-revocation-feed.md.
 */
import type { Duration } from "../caveat/duration.ts";
import { AdapterError } from "../errors.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Authority } from "../l402/index.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import type { StandingDirective } from "../ports/directives.ts";
import { readMaxSilence } from "./max-silence.ts";
import { notAPage } from "./page.ts";
import { pause } from "./pause.ts";
import type { Reading, RevocationSource } from "./source.ts";

export interface FollowOptions {
  /**
   * How long the source may be silent before the authority denies everything. Two seconds or more.
   * A published feed counts as silent since its newest page was signed, by the publisher's clock:
   * the clocks of both sides must agree to within half of it, less a second.
   *
   * @default "10s"
   */
  readonly maxSilence?: Duration;
  /** @default the system's clock; it must be the authority's own */
  readonly clock?: Clock;
  /**
   * Called when the source fails: once, until the source works again. It must not throw.
   *
   * @default console.error
   */
  readonly alarm?: (what: string, cause: unknown) => void;
  /** Also applies freezes, thaws and top-ups, which a log carries and a published feed does not. */
  readonly freezes?: Freezable;
}

const OPTIONS = {
  maxSilence: true,
  clock: true,
  alarm: true,
  freezes: true,
} satisfies Keys<FollowOptions>;

/** What freezes, thaws and top-ups apply to. */
export interface Freezable {
  /** Called once for each directive, in the order of the log. */
  apply(directive: StandingDirective): void;
}

export interface Follower {
  /**
   * Resolves once every directive up to number `seq` is in force here; without `seq`, at the first
   * reading. A source that fails is tried again for as long as it takes.
   */
  reached(seq?: number): Promise<void>;
  /** As `reached`, but rejects with the source's error if the source fails first. */
  reachedOrFailed(seq?: number): Promise<void>;
  /** Stops following. Once `maxSilence` has passed, the authority denies everything. */
  stop(): void;
}

interface Waiting {
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject?: (cause: unknown) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

/**
 * Applies everything that a source reports to an authority. The authority denies everything with
 * `ERR_REVOCATION_UNKNOWN` before the first reading, and whenever the source has been silent for
 * longer than `maxSilence`. [case 111]
 *
 * @throws TypeError for a `maxSilence` that is not a duration of two seconds or more
 * @example
 * const source = feedSource({ url: "https://treasury.example/.well-known/l402/revocations",
 * publicKey }); const follower = followRevocations(authority, source, { maxSilence: "10s" });
 */
export function followRevocations(
  authority: Authority,
  source: RevocationSource,
  options: FollowOptions = {},
): Follower {
  checkKeys(options, OPTIONS, "followRevocations");
  const { clock = systemClock, alarm = console.error, freezes } = options;
  const maxSilenceSeconds = readMaxSilence(options.maxSilence);
  const end = new AbortController();
  const { signal } = end;
  let waiting: readonly Waiting[] = [];
  let seq = 0;
  let isAlive = false;
  let pauseMs = FIRST_PAUSE_MS;
  let isReported = false;
  authority.revocations.heard(Number.NEGATIVE_INFINITY, maxSilenceSeconds);

  function take({ after, seq: until, entries, freezes: read = [], aliveAt }: Reading): void {
    if (after !== seq) throw notAPage(`it begins after ${after}, and ${seq} was expected`);
    for (const { node, endsAt, ...place } of entries)
      authority.revocations.revoke(node, endsAt, place);
    for (const directive of read) freezes?.apply(directive);
    // Last: a sign of life says that everything before it is in force here.
    seq = until;
    if (aliveAt !== undefined) {
      authority.revocations.heard(aliveAt, maxSilenceSeconds);
      const distance = clock() - aliveAt;
      if (Math.abs(distance) > maxSilenceSeconds) fail(late(distance));
      else {
        isAlive = true;
        isReported = false;
      }
      pauseMs = FIRST_PAUSE_MS;
    }
    if (!isAlive) return;
    const reached = waiting.filter((one) => one.seq <= seq);
    waiting = waiting.filter((one) => one.seq > seq);
    for (const { resolve } of reached) resolve();
  }

  function rejectWaiting(cause: unknown): void {
    const failed = waiting.filter(({ reject }) => reject !== undefined);
    waiting = waiting.filter(({ reject }) => reject === undefined);
    for (const { reject } of failed) reject!(cause);
  }

  function fail(cause: unknown): void {
    rejectWaiting(cause);
    if (!isReported)
      alarm(
        `l8nt: the revocations of ${authority.location} could not be read; after ${maxSilenceSeconds} seconds without them every credential is denied`,
        cause,
      );
    isReported = true;
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        const following = {
          location: authority.location,
          clock,
          seq: () => seq,
          maxSilenceSeconds,
          signal,
        };
        for await (const reading of source(following)) take(reading);
      } catch (cause) {
        if (signal.aborted) return;
        fail(cause);
      }
      await pause(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
  void run();

  function wait(until: number, mayFail: boolean): Promise<void> {
    if (isAlive && seq >= until) return Promise.resolve();
    if (mayFail && signal.aborted) return Promise.reject(stopped());
    return new Promise((resolve, reject) => {
      waiting = [...waiting, { seq: until, resolve, ...(mayFail && { reject }) }];
    });
  }

  return {
    reached: (until = 0) => wait(until, false),
    reachedOrFailed: (until = 0) => wait(until, true),
    stop() {
      end.abort();
      rejectWaiting(stopped());
    },
  };
}

const late = (seconds: number): AdapterError =>
  new AdapterError(
    "ERR_FEED",
    `The newest page of the revocation feed is ${Math.round(Math.abs(seconds))} seconds ${seconds > 0 ? "old" : "ahead"} by this clock. Compare the clocks of both sides; if they agree, the feed is delayed on its way.`,
  );

const stopped = (): AdapterError =>
  new AdapterError("ERR_FEED", "The follower of the revocations was stopped.");
