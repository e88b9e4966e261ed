/** Timers that do not keep the process alive. */

export type Timer = ReturnType<typeof setTimeout>;

/** Node returns an object, a browser a number. */
function unheld(timer: Timer): Timer {
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

/** Calls `act` once after `ms`. `clearTimeout` cancels it. */
export const later = (ms: number, act: () => void): Timer => unheld(setTimeout(act, ms));

/** Calls `act` every `ms`. `clearInterval` cancels it. */
export const every = (ms: number, act: () => void): Timer => unheld(setInterval(act, ms));
