/** Time, injected, so that a test or a simulation decides how it passes. */

/** The time, in Unix seconds (a fraction is allowed). */
export type Clock = () => number;

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
