/**
 * Keeps the books bounded: folds what is older than they keep, in small steps between other work.
 * spec/5-ledger.md §6.
 */
import { type Duration, durationSeconds } from "../caveat/duration.ts";
import { PassedTime } from "../internal/passed-time.ts";
import { nextTurn } from "../internal/timers.ts";
import type { Clock } from "../ports/clock.ts";
import type { Facts } from "../ports/facts.ts";
import type { CheckpointSeal, Foldable } from "../ports/folding.ts";
import type { SalesBook } from "../ports/sales.ts";

/** Claims and orders that are under way are younger than this. */
const LEAST_SECONDS = 3600;

/** How long the entries of a journal stay. @throws TypeError */
export function keepSeconds(keep: Duration, what: string): number {
  const seconds = durationSeconds(keep, what);
  if (seconds < LEAST_SECONDS) throw new TypeError(`${what} must be "1h" or more`);
  return seconds;
}

/**
 * A step of so many entries holds the event loop for 40 ms or less. A store commits fewer changes
 * at once, so that folding overtakes what is written.
 */
const STEP = 640;
const EVERY_SECONDS = 60;

/** The fact that says up to when time had certainly passed, in Unix seconds. */
const PASSED = "passed";
/**
 * How much of the time since the last process a start believes: all of it only as time goes on,
 * because the clock may be ahead from the start.
 */
const START_SECONDS = 3600;

export interface KeeperOptions {
  /** Without facts, each start believes the clock. */
  readonly books: Foldable &
    Partial<Pick<Facts, "fact" | "setFact"> & Pick<SalesBook, "foldSales">>;
  readonly clock: Clock;
  readonly keepSeconds: number;
  /** How long each sale stays; undefined if no sales are summed up here. */
  readonly salesSeconds?: number;
  /** What signs the checkpoints; undefined if these books are not folded here. */
  readonly seal: () => Promise<CheckpointSeal | undefined>;
  readonly failed: (cause: unknown) => void;
  /** As `PassedTime` takes it. */
  readonly elapsed?: Clock;
}

export class Keeper {
  readonly #options: KeeperOptions;
  /** When it was woken first, or has last begun to fold. */
  #lastAt: number | undefined;
  #folding: Promise<void> | undefined;
  #isStopped = false;
  readonly #passed: PassedTime;
  #begun: Promise<void> | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#passed = new PassedTime(options.elapsed);
  }

  /**
   * Begins to fold, once a minute. Returns at once: no request waits for it.
   *
   * @param now Unix seconds
   */
  wake(now: number): void {
    if (this.#lastAt === undefined) {
      this.#lastAt = now;
      void this.#begin(now).catch(this.#options.failed);
    }
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

  /** The time that had passed for the books before this process goes on, for all of them. */
  #begin(now: number): Promise<void> {
    this.#passed.begin(now);
    this.#begun ??= this.#goOn(now).catch((cause) => {
      this.#begun = undefined;
      throw cause;
    });
    return this.#begun;
  }

  async #goOn(now: number): Promise<void> {
    const { books } = this.#options;
    const before = await books.fact?.(PASSED);
    if (before === undefined) {
      await books.setFact?.(PASSED, String(now));
      return;
    }
    this.#passed.atMost(Number(before) + START_SECONDS);
    // The clock may be behind now, as before the network has set it.
    this.#passed.atLeast(Number(before));
  }

  /**
   * That what was folded before is as the seal's key signed it. A checkpoint of the key before it
   * is signed anew.
   *
   * @throws AdapterError `ERR_STORE`, `ERR_CHECKPOINT`
   */
  async check(): Promise<void> {
    const seal = await this.#options.seal();
    if (seal === undefined) return;
    const nothing = { at: 0, now: Number.POSITIVE_INFINITY, keepSeconds: 0 };
    await this.#options.books.fold({ ...nothing, limit: 1, seal });
  }

  async #fold(): Promise<void> {
    const { books, clock, keepSeconds, salesSeconds } = this.#options;
    const seal = await this.#options.seal();
    const sales = salesSeconds !== undefined && books.foldSales !== undefined;
    if (seal === undefined && !sales) return;
    await this.#begin(clock());
    const read = clock();
    // Of processes that share the books, one whose clock is ahead must not forget for all.
    const now = Math.min(read, (await books.now?.()) ?? read);
    // A clock that is set ahead for a few hours removes nothing. [case 109]
    const at = this.#passed.at(now);
    await books.setFact?.(PASSED, String(at));
    if (sales) {
      const folding = { at, keepSeconds: salesSeconds, limit: STEP };
      while (!this.#isStopped && (await books.foldSales!(folding))) await nextTurn();
    }
    if (seal === undefined) return;
    const folding = { at, now, keepSeconds, limit: STEP, seal };
    while (!this.#isStopped && (await books.fold(folding))) await nextTurn();
  }
}
