/** Timers that keep no process alive: what they end or look at is no reason to stay. */

export type Timer = ReturnType<typeof setTimeout>;

/** Node gives an object, a browser a number. */
function unheld(timer: Timer): Timer {
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

/** `clearTimeout` ends it. */
export const later = (ms: number, act: () => void): Timer => unheld(setTimeout(act, ms));

/** `clearInterval` ends it. */
export const every = (ms: number, act: () => void): Timer => unheld(setInterval(act, ms));
