/**
 * A clock that never goes back, not even over a restart, so that what has expired stays expired;
 * and that goes as the database does which several treasuries share. [case 109]
 */
import { formatInstant } from "../caveat/instant.ts";
import { AdapterError } from "../errors.ts";
import { type Clock, MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import type { ClockView } from "../ports/owner.ts";
import type { Store } from "../ports/store.ts";

/** A smaller step is the network setting the clock. */
const NOTABLE_SECONDS = 60;
/**
 * How fast time goes while this machine's clock is a little behind the books: what waits for a
 * while goes on, and the clock catches up. A clock that is far behind makes time stand still,
 * because the books would never meet it.
 */
const CATCHING_UP = 0.5;
/** The books of a treasury are written to more often than this. */
const LEAP_SECONDS = 366 * 86_400;
const ALIGN_EVERY_SECONDS = 60;
/** An answer that took longer does not say what the time is. */
const PROMPT_SECONDS = 1;

const monotonic: Clock = () => performance.now() / 1000;

export class ForwardClock {
  readonly #clock: Clock;
  readonly #alarm: (what: string) => void;
  #latest = Number.NEGATIVE_INFINITY;
  #isBehind = false;
  /** What is added to this machine's clock. */
  #offset = 0;
  /** Whether something was written by this clock, so that it must not go back. */
  #isInUse = false;
  /** When the store was asked last, by this machine's clock. */
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Seconds by a clock that nobody sets, when the time was read last. */
  #readAt: number;
  #read = Number.NaN;
  readonly #elapsed: Clock;
  #aligning: Promise<void> | undefined;
  #isApart = false;

  /** @param elapsed seconds since any moment, by a clock that nobody sets */
  constructor(clock: Clock, alarm: (what: string) => void, elapsed: Clock = monotonic) {
    this.#clock = clock;
    this.#alarm = alarm;
    this.#elapsed = elapsed;
    this.#readAt = elapsed();
  }

  /**
   * Sets the clock by the store's, if that is a minute ago. Treasuries on the same books would
   * otherwise not see in a window what another one counted by a clock that is behind.
   */
  align(store: Pick<Store, "now">): Promise<void> {
    const read = this.#clock();
    const isSoon = Math.abs(read - this.#askedAt) < ALIGN_EVERY_SECONDS;
    if (store.now === undefined || (isSoon && this.#aligning === undefined))
      return Promise.resolve();
    this.#askedAt = read;
    this.#aligning ??= this.#align(store)
      // The clock goes on as it did, and is set by the next request.
      .catch(() => {})
      .finally(() => {
        this.#aligning = undefined;
      });
    return this.#aligning;
  }

  async #align(store: Pick<Store, "now">): Promise<void> {
    const sent = this.#clock();
    const theirs = await store.now!();
    const received = this.#clock();
    if (Math.abs(received - sent) > PROMPT_SECONDS) return;
    const offset = theirs - (sent + received) / 2;
    if (!(Math.abs(offset) <= MAX_CLOCK_SKEW_SECONDS)) {
      if (!this.#isApart)
        this.#alarm(
          "this machine's clock is more than ten minutes off that of the database, which is left aside: limits in windows may count less than other treasuries on these books spent",
        );
      this.#isApart = true;
      return;
    }
    this.#isApart = false;
    this.#offset = offset;
    // Nothing was written by the clock as it was.
    if (!this.#isInUse) this.#latest = Number.NEGATIVE_INFINITY;
  }

  /** @param latest Unix seconds that the books have already reached */
  atLeast(latest: number): void {
    this.#isInUse = true;
    if (latest > 0 && this.#clock() + this.#offset - latest > LEAP_SECONDS)
      this.#alarm(
        "more than a year has passed since the last entry in the books: is this machine's clock right?",
      );
    this.#latest = Math.max(this.#latest, latest);
  }

  /** This machine's time, by the database's clock if there is one. Unix seconds. */
  readonly machine = (): number => this.#clock() + this.#offset;

  /** This machine's time beside the books'. */
  get view(): ClockView {
    const [machine, books] = [this.machine(), this.now()];
    const behindSeconds = books - machine;
    return { machine, books, behindSeconds, stopped: behindSeconds > MAX_CLOCK_SKEW_SECONDS };
  }

  /** Why no order is taken: the clock is too far behind the books; undefined if it is not. */
  get reason(): string | undefined {
    const { machine, books, stopped } = this.view;
    return stopped
      ? `this machine's clock says ${formatInstant(machine)} and is behind the time of its books, ${formatInstant(books)}, which stands still. The owner sets the clock right, or looks at both and accepts this machine's time: sigil treasury clock`
      : undefined;
  }

  /** @throws AdapterError `ERR_TREASURY_STOPPED` if the clock is too far behind the books */
  demand(): void {
    const { reason } = this;
    if (reason !== undefined)
      throw new AdapterError("ERR_TREASURY_STOPPED", `The treasury takes no orders: ${reason}.`);
  }

  /** The owner has accepted this machine's time, and the books have it as their latest. */
  turnBack(at: number): void {
    this.#latest = at;
    this.#isBehind = false;
  }

  /** Seconds that have passed since the last read: the least of what both clocks say. */
  #since(read: number): number {
    const elapsed = this.#elapsed();
    const since = Math.min(elapsed - this.#readAt, read - this.#read);
    this.#readAt = elapsed;
    this.#read = read;
    return since > 0 ? since : 0;
  }

  /** Unix seconds. @throws TypeError if the clock has never returned a number */
  readonly now = (): number => {
    const read = this.#clock() + this.#offset;
    const since = this.#since(read);
    if (this.#latest > read && this.#latest - read <= MAX_CLOCK_SKEW_SECONDS)
      this.#latest += since * CATCHING_UP;
    if (read >= this.#latest) {
      this.#latest = read;
      this.#isBehind = false;
    } else if (!this.#isBehind && !(this.#latest - read < NOTABLE_SECONDS)) {
      this.#isBehind = true;
      this.#alarm(
        `this machine's clock is behind the books, which were written at ${formatInstant(this.#latest)}: time ${this.#latest - read > MAX_CLOCK_SKEW_SECONDS ? "stands still" : "goes at half its speed"} until it has caught up, or the owner accepts the clock: sigil treasury clock`,
      );
    }
    if (!Number.isFinite(this.#latest))
      throw new TypeError("the clock returned no number of seconds");
    return this.#latest;
  };
}
