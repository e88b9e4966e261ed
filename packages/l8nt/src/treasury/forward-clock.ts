/**
 * A clock that never goes back, not even over a restart, so that what has expired stays expired.
 * [case 109]
 */
import type { Clock } from "../ports/clock.ts";

/** A smaller step is the network setting the clock. */
const NOTABLE_SECONDS = 60;
/** The books of a treasury are written to more often than this. */
const LEAP_SECONDS = 366 * 86_400;

export class ForwardClock {
  readonly #clock: Clock;
  readonly #alarm: (what: string) => void;
  #latest = Number.NEGATIVE_INFINITY;
  #isBehind = false;

  constructor(clock: Clock, alarm: (what: string) => void) {
    this.#clock = clock;
    this.#alarm = alarm;
  }

  /** @param latest Unix seconds that the books have already reached */
  atLeast(latest: number): void {
    if (latest > 0 && this.#clock() - latest > LEAP_SECONDS)
      this.#alarm(
        "more than a year has passed since the last entry in the books: is this machine's clock right?",
      );
    this.#latest = Math.max(this.#latest, latest);
  }

  /** Unix seconds. @throws TypeError if the clock has never returned a number */
  readonly now = (): number => {
    const read = this.#clock();
    if (read >= this.#latest) {
      this.#latest = read;
      this.#isBehind = false;
    } else if (!this.#isBehind && !(this.#latest - read < NOTABLE_SECONDS)) {
      this.#isBehind = true;
      this.#alarm(
        `this machine's clock is behind the books, which were written at ${this.#latest} (Unix seconds): time stands still until it has caught up`,
      );
    }
    if (!Number.isFinite(this.#latest))
      throw new TypeError("the clock returned no number of seconds");
    return this.#latest;
  };
}
