/** How long a source of revocations may be silent. spec/7-revocation-feed.md. */
import { type Duration, durationSeconds } from "../caveat/duration.ts";

const DEFAULT_MAX_SILENCE: Duration = "10s";
const LEAST_SILENCE_SECONDS = 2;

/** @throws TypeError for a text that is not a duration of two seconds or more */
export function readMaxSilence(
  maxSilence: Duration = DEFAULT_MAX_SILENCE,
  what = "maxSilence",
): number {
  const seconds = durationSeconds(maxSilence, what);
  if (seconds < LEAST_SILENCE_SECONDS)
    throw new TypeError(`${what} must be ${LEAST_SILENCE_SECONDS}s or more`);
  return seconds;
}
