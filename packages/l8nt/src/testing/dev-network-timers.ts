/**
 * Timers that do not keep the process alive, last no longer than the longest fault, and can all be
 * cleared.
 */
import { MAX_DELAY_MS } from "./dev-network-faults.ts";

export class Timers {
  readonly #running = new Set<NodeJS.Timeout>();

  after(delayMs: number, action: () => void): () => void {
    const timer = setTimeout(
      () => {
        this.#running.delete(timer);
        action();
      },
      Math.min(delayMs, MAX_DELAY_MS),
    );
    timer.unref();
    this.#running.add(timer);
    return () => {
      clearTimeout(timer);
      this.#running.delete(timer);
    };
  }

  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  clear(): void {
    for (const timer of this.#running) clearTimeout(timer);
    this.#running.clear();
  }
}
