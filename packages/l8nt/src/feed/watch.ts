/** Looks at a log whenever there may be something new in it. */
import { every } from "../internal/timers.ts";
import type { DirectiveLog } from "../ports/directives.ts";

/**
 * How often it is looked at where it cannot call: a directive of another process holds within a second.
 * [case 111]
 */
export const POLL_MS = 400;

/** Gives what ends it. */
export function watch(store: DirectiveLog, read: () => void): () => void {
  const timer = every(POLL_MS, read);
  const end = store.onDirective?.(read);
  return () => {
    clearInterval(timer);
    end?.();
  };
}
