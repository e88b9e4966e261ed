/** The orders that run in this process: each one runs once at a time. spec/4-purchase.md §4.2. */
import { AdapterError } from "../errors.ts";
import { Turns } from "../internal/turns.ts";
import type { Order } from "./order.ts";

/** What one pass of an order came to. */
export interface Passed<Result> {
  readonly result: Result;
  /** Resolves when nothing of it is under way any more: its answer may still be read. */
  readonly ended: Promise<void>;
}

interface Running {
  readonly fingerprint: string;
  passes: number;
}

export class RunningOrders {
  readonly #turns = new Turns();
  readonly #running = new Map<string, Running>();

  has(key: string): boolean {
    return this.#running.has(key);
  }

  /**
   * Runs a pass of the order after every earlier pass of it has ended.
   *
   * @throws AdapterError `ERR_REQUEST` if another request runs under its id
   */
  async run<Result>(
    { key, fingerprint }: Order,
    pass: () => Promise<Passed<Result>>,
  ): Promise<Result> {
    const running = this.#running.get(key) ?? { fingerprint, passes: 0 };
    if (running.fingerprint !== fingerprint) throw anotherRequest();
    running.passes++;
    this.#running.set(key, running);
    return new Promise<Result>((resolve, reject) => {
      void this.#turns
        .take(key, async () => {
          const { result, ended } = await pass();
          resolve(result);
          await ended;
        })
        .catch(reject)
        .finally(() => {
          if (--running.passes === 0) this.#running.delete(key);
        });
    });
  }
}

/** An id names one request. */
export const anotherRequest = (): AdapterError =>
  new AdapterError(
    "ERR_REQUEST",
    "The id of this order names an order for another request. Give each request an id of its own; with an Idempotency-Key, a key of its own.",
  );
