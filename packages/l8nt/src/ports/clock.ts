/** Time, injected, so that a test or a simulation decides how it passes. */

/** The time, in Unix seconds (a fraction is allowed). */
export type Clock = () => number;

/**
 * The most that two clocks may be apart, and one clock from itself after it was set, in seconds. A
 * time that another machine wrote, or this one earlier, is compared with this margin on the safe
 * side. Who buys from a service whose clock is further off is refused. spec/4-purchase.md §4.3.
 */
export const MAX_CLOCK_SKEW_SECONDS = 600;

/**
 * When something began, of what is kept in memory by a clock that may be set back: what began later
 * than a clock can be apart from itself began now. [case 109]
 */
export const begunAt = (began: number, now: number): number =>
  began > now + MAX_CLOCK_SKEW_SECONDS ? now : began;

export const systemClock: Clock = () => Date.now() / 1000;

/** Resolves after that many seconds, or as soon as the signal is aborted. */
export type Sleep = (seconds: number, signal?: AbortSignal) => Promise<void>;

const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemSleep: Sleep = (seconds, signal) =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(seconds * 1000, MAX_TIMER_MS));
    signal?.addEventListener("abort", end);
  });
