/** A pause that ends early when its signal aborts. It does not keep the process alive. */
import { later } from "../internal/timers.ts";

export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = later(ms, done);
    signal.addEventListener("abort", done);
  });
