/** Timers that do not keep the process alive. */

export type Timer = ReturnType<typeof setTimeout>;

/** Node returns an object, a browser a number. */
function unheld(timer: Timer): Timer {
  (timer as { unref?: () => void }).unref?.();
  return timer;
}

/** Calls `act` once after `ms`. `clearTimeout` cancels it. */
export const later = (ms: number, act: () => void): Timer => unheld(setTimeout(act, ms));

/** Resolves in a later turn of the event loop: what others have waited for is done before. */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    const { setImmediate: soon } = globalThis as { setImmediate?: (act: () => void) => unknown };
    if (soon === undefined) setTimeout(resolve, 0);
    else soon(resolve);
  });

/** Calls `act` every `ms`. `clearInterval` cancels it. */
export const every = (ms: number, act: () => void): Timer => unheld(setInterval(act, ms));
