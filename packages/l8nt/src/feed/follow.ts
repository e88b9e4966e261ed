/**
 * Keeps an authority in step with what was revoked elsewhere; one that does not hear of it any more
 * lets nobody in.
 */
import type { Authority } from "../l402/index.ts";
import { type Clock, systemClock } from "../ports/clock.ts";
import { notAPage } from "./page.ts";
import { pause } from "./pause.ts";
import type { Reading, RevocationSource } from "./source.ts";

export interface FollowOptions {
  /** How old the last sign of life may be. 10 where it is not given. */
  readonly maxSilenceSeconds?: number;
  /** The authority's own. */
  readonly clock?: Clock;
  /** Told when the source fails, once until it works again, and must not throw. */
  readonly alarm?: (what: string, cause: unknown) => void;
}

export interface Follower {
  /**
   * Resolves once everything up to number `seq` is in force here; without one, at the first sign of
   * life.
   */
  reached(seq?: number): Promise<void>;
  /**
   * Ends it. What is revoked from now on is not known, so that the authority fails closed after the
   * silence that is borne.
   */
  stop(): void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;

/**
 * Applies what a source tells. Until it has told something, and whenever it is silent for longer
 * than `maxSilenceSeconds`, the authority denies everything with `ERR_REVOCATION_UNKNOWN`.
 *
 * @throws TypeError for a silence that is no number of seconds, 2 or more
 * @example
 * const source = feedSource({ url: "https://treasury.example/.well-known/l402/revocations", publicKey });
 * const follower = followRevocations(authority, source, { maxSilenceSeconds: 10 });
 */
export function followRevocations(
  authority: Authority,
  source: RevocationSource,
  { maxSilenceSeconds = 10, clock = systemClock, alarm = console.error }: FollowOptions = {},
): Follower {
  if (!(Number.isFinite(maxSilenceSeconds) && maxSilenceSeconds >= 2))
    throw new TypeError("maxSilenceSeconds is a number of seconds, 2 or more");
  const end = new AbortController();
  const { signal } = end;
  let waiting: { readonly seq: number; readonly resolve: () => void }[] = [];
  let seq = 0;
  let isAlive = false;
  let pauseMs = FIRST_PAUSE_MS;
  let isTold = false;
  authority.revocations.heard(Number.NEGATIVE_INFINITY, maxSilenceSeconds);

  function take({ after, seq: until, entries, aliveAt }: Reading): void {
    if (after !== seq) throw notAPage(`it begins after ${after}, and ${seq} was expected`);
    for (const { node, endsAt } of entries) authority.revocations.revoke(node, endsAt);
    // Only then: a sign of life vouches for all that came before it.
    seq = until;
    if (aliveAt !== undefined) {
      authority.revocations.heard(aliveAt, maxSilenceSeconds);
      isAlive = true;
      isTold = false;
      pauseMs = FIRST_PAUSE_MS;
    }
    if (!isAlive) return;
    const reached = waiting.filter((one) => one.seq <= seq);
    waiting = waiting.filter((one) => one.seq > seq);
    for (const { resolve } of reached) resolve();
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
        if (!isTold)
          alarm(
            `l8nt: the revocations of ${authority.location} could not be read; after ${maxSilenceSeconds} seconds without them nobody is let in`,
            cause,
          );
        isTold = true;
      }
      await pause(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
  void run();

  return {
    reached: (until = 0) =>
      isAlive && seq >= until
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push({ seq: until, resolve });
          }),
    stop: () => end.abort(),
  };
}
