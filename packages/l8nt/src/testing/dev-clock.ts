/** A clock that a test turns. */
import { type Duration, durationSeconds } from "../caveat/duration.ts";
import { type Clock, systemClock } from "../ports/clock.ts";

/** Stands still until it is advanced. Called, it returns the time in Unix seconds. */
export interface DevClock extends Clock {
  /** @throws TypeError for anything but a duration such as `"90s"` or `"1h"` */
  advance(by: Duration): void;
  /** Sets the time, in Unix seconds, forward or back. */
  set(now: number): void;
}

/**
 * @param startsAt Unix seconds; the present time if it is left out
 * @example
 * const clock = devClock(2_000_000_000);
 * clock.advance("1h");
 * clock(); // 2000003600
 */
export function devClock(startsAt: number = Math.floor(systemClock())): DevClock {
  let now = startsAt;
  return Object.assign(() => now, {
    advance(by: Duration) {
      now += durationSeconds(by, "the time to advance by");
    },
    set(time: number) {
      now = time;
    },
  });
}
