/** When an order is sent again over a broken link. spec/4-purchase.md §2. */

const MAX_TRIES = 5;
const FIRST_PAUSE_MS = 250;
/** No try begins later than this after the first one. */
const MAX_MS = 60_000;

/** The time and the chance that retries depend on. */
export const patience = {
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        // Not `later`: a process must not end while it waits to hear what became of its money.
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener("abort", end, { once: true });
    }),
  /** Milliseconds of a clock that nobody sets. */
  now: (): number => performance.now(),
  /** From 0 to 1. */
  random: (): number => Math.random(),
};

/** The tries of one order: at most five within a minute, until the caller gives up. */
export class Tries {
  readonly #signal: AbortSignal | undefined;
  readonly #startedAt = patience.now();
  #made = 1;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  get made(): number {
    return this.#made;
  }

  /**
   * Waits until the order may be sent again; false if it may not.
   *
   * @param afterSeconds what the other end asked to wait for
   */
  async again(afterSeconds = 0): Promise<boolean> {
    if (this.#made >= MAX_TRIES || this.#signal?.aborted) return false;
    const growing = FIRST_PAUSE_MS * 2 ** (this.#made - 1);
    // Agents behind one proxy must not come back all at once.
    const pause = Math.max(growing * (0.5 + patience.random() / 2), afterSeconds * 1000);
    if (patience.now() - this.#startedAt + pause > MAX_MS) return false;
    await patience.sleep(pause, this.#signal);
    if (this.#signal?.aborted) return false;
    this.#made++;
    return true;
  }
}
