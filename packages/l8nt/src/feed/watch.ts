/** Looks at a log whenever there may be something new in it. */
import { every } from "../internal/timers.ts";
import type { StopLog } from "../ports/stops.ts";

/**
 * How often it is looked at where it cannot call: a stop by another process holds within a second.
 * [case 111]
 */
export const POLL_MS = 400;

/** Gives what ends it. */
export function watch(store: StopLog, read: () => void): () => void {
  const timer = every(POLL_MS, read);
  const end = store.onStop?.(read);
  return () => {
    clearInterval(timer);
    end?.();
  };
}
