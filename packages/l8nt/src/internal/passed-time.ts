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
 * A clock that has gone as time passes for so long is believed: it was behind before, as where a
 * machine without a battery for its clock starts, and is right now.
 */
const STEADY_SECONDS = 7 * 86_400;
/** What the network may set a clock by, between two reads. */
const STEP_SECONDS = 600;

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
  /** What the clock said then. */
  #now = 0;
  /** Since when it goes as time passes. */
  #steadySince = 0;
  #least = Number.NEGATIVE_INFINITY;

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
    if (this.#passed === undefined || Math.abs(now - this.#now - since) > STEP_SECONDS)
      this.#steadySince = read;
    this.#readAt = read;
    this.#now = now;
    const isSteady = read - this.#steadySince >= STEADY_SECONDS;
    const passed = Math.max(this.#least, (this.#passed ?? now) + CATCHING_UP * since);
    this.#passed = Math.min(now, isSteady ? now : passed);
    return this.#passed;
  }

  /** So much has passed, as soon as the clock says so too. */
  atLeast(seconds: number): void {
    this.#least = Math.max(this.#least, seconds);
  }

  /** No more than this has passed, whatever the clock said at the beginning. */
  atMost(seconds: number): void {
    this.#passed = Math.min(this.#passed ?? seconds, seconds);
  }
}
