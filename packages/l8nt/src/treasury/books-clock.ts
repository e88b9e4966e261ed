/**
 * The clock of the books, for their owner: after this machine's clock was ahead and was set right,
 * the books may go back to it. spec/4-purchase.md §8. [case 109]
 */
import { AdapterError } from "../errors.ts";
import type { ClockView } from "../ports/owner.ts";
import type { Store } from "../ports/store.ts";
import type { Directives } from "./directives.ts";
import { finishTurning } from "./finish-turning.ts";
import type { ForwardClock } from "./forward-clock.ts";
import type { SpendingGate } from "./gate.ts";
import type { Recall } from "./recall.ts";
import type { Reconciler } from "./reconciler.ts";
import type { RestoredBooks } from "./restored-books.ts";
import { keepTurned, type TurnedBack, turnedBack } from "./turned-back.ts";

export interface BooksClockOptions {
  readonly store: Store;
  readonly time: ForwardClock;
  readonly gate: SpendingGate;
  readonly directives: Directives;
  readonly recall: Recall;
  readonly reconciler: Reconciler;
  readonly restored: RestoredBooks;
}

export class BooksClock {
  readonly #options: BooksClockOptions;

  constructor(options: BooksClockOptions) {
    this.#options = options;
  }

  async view(): Promise<ClockView> {
    const { time, store } = this.#options;
    await time.align(store);
    return time.view;
  }

  /**
   * Makes this machine's time the latest of the books. Uses and budgets stay as they were counted;
   * what is kept by time is as after a start. What it does not get to is done by the next start, or
   * if it is called again.
   *
   * @throws AdapterError `ERR_REQUEST` if the books are not ahead; `ERR_STORE`
   */
  async accept(reason: string): Promise<void> {
    const { store, time } = this.#options;
    const { machine: at, books, behindSeconds } = await this.view();
    const unfinished = await turnedBack(store);
    if (!(behindSeconds > 0) && unfinished === undefined)
      throw new AdapterError(
        "ERR_REQUEST",
        "This machine's clock is not behind the books, so there is nothing to accept.",
      );
    if (!(behindSeconds > 0)) return this.#finish(unfinished!);
    const turned = {
      at,
      bySeconds: behindSeconds,
      lookBackTo: Math.min(at - behindSeconds, unfinished?.lookBackTo ?? Number.POSITIVE_INFINITY),
    };
    await keepTurned(store, turned);
    await store.turnBack(
      at,
      `override: the time of the books goes back from ${textOf(books)} to this machine's, ${textOf(at)}: ${reason}`,
    );
    time.turnBack(at);
    await this.#finish(turned);
  }

  async #finish(turned: TurnedBack): Promise<void> {
    const { gate, directives, reconciler, restored } = this.#options;
    await directives.again();
    gate.turnBack();
    await finishTurning(turned, this.#options);
    await restored.keep();
    // Without the wallet, the next comparison does it, in this process or after a start.
    await reconciler.reconcile().catch(() => {});
  }
}

const textOf = (at: number): string => new Date(at * 1000).toISOString();
