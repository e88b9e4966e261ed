/**
 * The time that has certainly passed: what decides when something that has ended is deleted, if the
 * clock may be set ahead and back. [case 109]
 */

/**
 * How fast it catches up with a clock that was ahead: a computer that sleeps two thirds of the day
 * does not count that time. A clock that is set ahead for less than a third of what a store adds
 * to an end deletes nothing.
 */
const CATCHING_UP = 4;

/**
 * How long after its end a limit is forgotten: within a day, a clock that is set back finds its
 * counter as it was.
 */
export const FORGET_SECONDS = 86_400;

const monotonic = (): number => performance.now() / 1000;

export class PassedTime {
  readonly #elapsed: () => number;
  #passed: number | undefined;
  #readAt = 0;

  /** @param elapsed seconds since any moment, by a clock that nobody sets */
  constructor(elapsed: () => number = monotonic) {
    this.#elapsed = elapsed;
  }

  /** Believes the clock, once: what it says later counts as far as time has passed since. */
  begin(now: number): void {
    if (this.#passed === undefined) this.at(now);
  }

  /** Unix seconds, never later than `now`. */
  at(now: number): number {
    const read = this.#elapsed();
    const since = Math.max(0, read - this.#readAt);
    this.#readAt = read;
    this.#passed = Math.min(now, (this.#passed ?? now) + CATCHING_UP * since);
    return this.#passed;
  }

  /** No more than this has passed, whatever the clock said at the beginning. */
  atMost(seconds: number): void {
    this.#passed = Math.min(this.#passed ?? seconds, seconds);
  }
}
