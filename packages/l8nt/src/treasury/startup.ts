/**
 * The start of a treasury: reads what was revoked and frozen, and takes up what the process before
 * this one left unfinished. spec/4-purchase.md §7.
 */
import { endAbandonedUses } from "../ledger/claim.ts";
import type { Keeper } from "../ledger/index.ts";
import { type Clock, MAX_CLOCK_SKEW_SECONDS } from "../ports/clock.ts";
import { MADE_AT } from "../ports/facts.ts";
import type { Store } from "../ports/store.ts";
import type { Digests } from "./digests.ts";
import type { Directives } from "./directives.ts";
import { finishTurning } from "./finish-turning.ts";
import type { ForwardClock } from "./forward-clock.ts";
import type { Recall } from "./recall.ts";
import type { Reconciler } from "./reconciler.ts";
import type { RestoredBooks } from "./restored-books.ts";
import type { Rewrapping } from "./rewrapping.ts";
import { turnedBack } from "./turned-back.ts";

/** Who claims the uses of orders. */
export const CLAIMANT = "treasury";

/** No order takes this long, so a use that was claimed before then belongs to a dead process. */
const LONGEST_ORDER_SECONDS = 3600;

export interface StartupOptions {
  readonly store: Store;
  readonly time: ForwardClock;
  readonly clock: Clock;
  readonly directives: Directives;
  readonly recall: Recall;
  readonly reconciler: Reconciler;
  readonly restored: RestoredBooks;
  readonly rewrapping: Rewrapping;
  readonly digests: Digests;
  readonly keeper: Pick<Keeper, "check">;
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
   * @throws AdapterError `ERR_STORE`, `ERR_CHECKPOINT`
   */
  async done(): Promise<void> {
    const { store, time } = this.#options;
    await time.align(store);
    this.#done ??= this.#start().catch((error: unknown) => {
      this.#done = undefined;
      throw error;
    });
    await this.#done;
  }

  async #start(): Promise<void> {
    const { store, time, clock, directives, recall, reconciler, restored } = this.#options;
    const began = clock();
    const latest = await store.latest();
    time.atLeast(latest);
    const now = String(clock());
    const areNew = (await store.fact(MADE_AT)) === undefined;
    reconciler.lookFrom(Number(await store.firstFact(MADE_AT, now)), areNew);
    await this.#options.keeper.check();
    await this.#options.digests.read();
    await directives.start();
    await recall.start();
    const turned = await turnedBack(store);
    if (turned !== undefined) await finishTurning(turned, { store, recall, reconciler });
    // On a shared store, other treasuries are serving orders at this moment. On another one, what
    // is open is the dead process's, even if its clock was ahead.
    const before = store.shared
      ? began - LONGEST_ORDER_SECONDS - MAX_CLOCK_SKEW_SECONDS
      : Number.POSITIVE_INFINITY;
    await endAbandonedUses(store, { of: CLAIMANT, before, at: clock() });
    await restored.check();
    await reconciler.reconcile();
    this.#options.rewrapping.begin();
  }
}
