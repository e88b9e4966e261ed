/** Sends what was raised to the webhook, and again until it is taken. */
import type { Outbox, Pending } from "./outbox.ts";
import type { Webhook } from "./webhook.ts";

/** Seconds before each attempt: what Standard Webhooks suggests, three days in all. */
export const ATTEMPTS = [
  ...[0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600],
] as const;

/** Resolves after so many seconds, or once the signal aborts. */
export type Pause = (seconds: number, signal: AbortSignal) => Promise<void>;

export interface DeliveryOptions {
  readonly webhook: Pick<Webhook, "send">;
  readonly outbox: Outbox;
  readonly alarm: (what: string) => void;
  /** @default real time */
  readonly pause?: Pause;
}

/** While an endpoint is away, so many alerts wait. What comes then is in the journal alone. */
const MAX_WAITING = 10_000;

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #end = new AbortController();
  #waiting = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Resolves once it was taken, given up, or left in the outbox for the next start. */
  async send({ id, alert }: Pending): Promise<void> {
    const { webhook, outbox, alarm, pause = realPause } = this.#options;
    const { signal } = this.#end;
    if (this.#waiting >= MAX_WAITING) {
      outbox.remove(id);
      alarm("the webhook for alerts has not answered for so long that an alert was dropped");
      return;
    }
    this.#waiting++;
    try {
      const body = JSON.stringify(alert);
      for (const [index, seconds] of ATTEMPTS.entries()) {
        await pause(seconds, signal);
        if (signal.aborted) return;
        const why = await webhook.send({ id, body });
        if (why === undefined) return outbox.remove(id);
        if (index === 0)
          alarm(`the webhook for alerts did not take one (${why}); it is sent again`);
      }
      outbox.remove(id);
      alarm("the webhook for alerts did not take one for three days, so it was given up");
    } finally {
      this.#waiting--;
    }
  }

  /** What was not taken stays in the outbox. */
  stop(): void {
    this.#end.abort();
  }
}

const realPause: Pause = (seconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(done, seconds * 1000).unref();
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    if (signal.aborted) done();
  });
