/**
 * Keeps the books bounded: folds what is older than they keep, in small steps between other work.
 * spec/5-ledger.md §6.
 */
import { type Duration, durationSeconds } from "../caveat/duration.ts";
import { nextTurn } from "../internal/timers.ts";
import type { Clock } from "../ports/clock.ts";
import type { Foldable } from "../ports/folding.ts";
import { PassedTime } from "./passed-time.ts";

/** Claims and orders that are under way are younger than this. */
const LEAST_SECONDS = 3600;

/** How long the entries of a journal stay. @throws TypeError */
export function keepSeconds(keep: Duration, what: string): number {
  const seconds = durationSeconds(keep, what);
  if (seconds < LEAST_SECONDS) throw new TypeError(`${what} must be "1h" or more`);
  return seconds;
}

/** A step of so many entries holds the event loop for some milliseconds. */
const STEP = 256;
const EVERY_SECONDS = 60;

export interface KeeperOptions {
  readonly books: Foldable;
  readonly clock: Clock;
  readonly keepSeconds: number;
  /** As in `Folding`. @default all entries */
  readonly only?: string;
  readonly failed: (cause: unknown) => void;
}

export class Keeper {
  readonly #options: KeeperOptions;
  /** When it was woken first, or has last begun to fold. */
  #lastAt: number | undefined;
  #folding: Promise<void> | undefined;
  #isStopped = false;
  readonly #passed = new PassedTime();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /**
   * Begins to fold, once a minute. Returns at once: no request waits for it.
   *
   * @param now Unix seconds
   */
  wake(now: number): void {
    this.#lastAt ??= this.#passed.at(now);
    if (Math.abs(now - this.#lastAt) < EVERY_SECONDS) return;
    this.#lastAt = now;
    void this.fold().catch(this.#options.failed);
  }

  /** Resolves once nothing is left to fold. @throws AdapterError `ERR_STORE` */
  fold(): Promise<void> {
    this.#folding ??= this.#fold().finally(() => {
      this.#folding = undefined;
    });
    return this.#folding;
  }

  /** Resolves after the step under way. What is left is folded after the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#folding?.catch(() => {});
  }

  async #fold(): Promise<void> {
    const { books, clock, keepSeconds, only } = this.#options;
    // A clock that is set ahead for a few hours removes nothing. [case 109]
    const own = this.#passed.at(clock());
    // Of processes that share the books, one whose clock is ahead must not forget for all.
    const at = Math.min(own, (await books.now?.()) ?? own);
    const folding = { at, keepSeconds, limit: STEP, ...(only !== undefined && { only }) };
    while (!this.#isStopped && (await books.fold(folding))) await nextTurn();
  }
}
