/**
 * The start of a treasury: reads what was revoked and frozen, and takes up what the process before
 * this one left unfinished. spec/4-purchase.md §7.
 */
import { endAbandonedUses } from "../ledger/claim.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { Directives } from "./directives.ts";
import type { ForwardClock } from "./forward-clock.ts";
import type { Recall } from "./recall.ts";
import type { Reconciler } from "./reconciler.ts";
import type { RestoredBooks } from "./restored-books.ts";

/** The fact that says when the books were made, in Unix seconds. */
export const MADE_AT = "made at";

/** Who claims the uses of orders. */
export const CLAIMANT = "treasury";

export interface StartupOptions {
  readonly store: Store;
  readonly time: ForwardClock;
  readonly clock: Clock;
  /** This process among those that share the store. */
  readonly instance: string;
  readonly directives: Directives;
  readonly recall: Recall;
  readonly reconciler: Reconciler;
  readonly restored: RestoredBooks;
}

export class Startup {
  readonly #options: StartupOptions;
  #done: Promise<void> | undefined;

  constructor(options: StartupOptions) {
    this.#options = options;
  }

  /**
   * Resolves once the treasury is ready. The first call starts it, and a start that failed is tried
   * again. [cases 56, 105, 109]
   *
   * @throws AdapterError `ERR_STORE`
   */
  done(): Promise<void> {
    this.#done ??= this.#start().catch((error: unknown) => {
      this.#done = undefined;
      throw error;
    });
    return this.#done;
  }

  async #start(): Promise<void> {
    const { store, time, clock, instance, directives, recall, reconciler, restored } =
      this.#options;
    const began = clock();
    const latest = await store.latest();
    time.atLeast(latest);
    reconciler.lookFrom(Number(await store.firstFact(MADE_AT, String(clock()))));
    await directives.start();
    await recall.start();
    // Other processes on the same store are still using what they claimed.
    await store.unclaimAll(store.shared ? `${instance}.` : "");
    if (!store.shared) await endAbandonedUses(store, { of: CLAIMANT, before: began, at: clock() });
    await restored.check();
    await reconciler.reconcile();
  }
}
