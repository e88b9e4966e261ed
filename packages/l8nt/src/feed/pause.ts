/** A pause that ends early when its signal aborts, and keeps no process alive. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer: ReturnType<typeof setTimeout> & { unref?: () => void } = setTimeout(done, ms);
    timer.unref?.();
    signal.addEventListener("abort", done);
  });
