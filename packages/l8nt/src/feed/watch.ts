/** Watches a log of directives for new entries. */
import { every } from "../internal/timers.ts";
import type { DirectiveLog } from "../ports/directives.ts";

/**
 * How often the log is read even if it reports nothing. A directive of another process must be in
 * force within a second. [case 111]
 */
export const POLL_MS = 400;

/**
 * Calls `read` whenever the log may have a new entry. Returns a function that stops watching.
 */
export function watch(log: DirectiveLog, read: () => void): () => void {
  const timer = every(POLL_MS, read);
  const end = log.onDirective?.(read);
  return () => {
    clearInterval(timer);
    end?.();
  };
}
