/** Uses that were under way when a paywall's process died. spec/5-ledger.md §5. */
import { AdapterError } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { endAbandonedUses } from "../ledger/claim.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ledger } from "../ports/ledger.ts";

/** Who claims the uses of services. */
export const SERVICE = "service";

/** This run of the program: what its own paywalls claimed is under way, and not abandoned. */
let run: string | undefined;
/** How many claims it has made. */
let made = 0;

/**
 * In a store of several processes nobody knows which of them live. There the age alone decides, for
 * the living as for the dead: an answer that has not begun after this time counts as an answer.
 */
const MAX_SECONDS_TO_HEAD = 15 * 60;
/** How often a shared store is asked, at most. */
const SWEEP_SECONDS = 60;

export class AbandonedUses {
  /** Stands in the id of every claim of this process. */
  readonly claimant: string;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  #done: Promise<void> | undefined;
  #sweptAt: number;

  constructor(ledger: Ledger, clock: Clock) {
    run ??= hexText(randomBytes(8));
    this.#ledger = ledger;
    this.#clock = clock;
    this.#sweptAt = clock();
    this.claimant = `${SERVICE}.${run}`;
  }

  /** The id of a new claim. Claims that follow each other stand next to each other in an index. */
  nextId(): string {
    return String(++made).padStart(12, "0");
  }

  /**
   * Commits them, because they may have been served. A call after one that failed tries again.
   * [case 89]
   *
   * @throws AdapterError `ERR_STORE`
   */
  end(): Promise<void> {
    this.#done ??= this.#end().catch((cause: unknown) => {
      this.#done = undefined;
      throw new AdapterError(
        "ERR_STORE",
        "The uses that were under way when this service last died could not be read, so they stay reserved. Call paywall.ready() to try again.",
        { cause },
      );
    });
    return this.#done;
  }

  /**
   * Looks again in a shared store, where another process may have died since. Called when a limit
   * is used up, perhaps by uses that nobody will end.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async sweep(): Promise<void> {
    const now = this.#clock();
    if (!this.#ledger.shared || now - this.#sweptAt < SWEEP_SECONDS) return;
    this.#sweptAt = now;
    this.#done = undefined;
    await this.end();
  }

  async #end(): Promise<void> {
    const at = this.#clock();
    await endAbandonedUses(
      this.#ledger,
      this.#ledger.shared
        ? { of: SERVICE, before: at - MAX_SECONDS_TO_HEAD, at }
        : { of: SERVICE, alive: this.claimant, before: Number.MAX_SAFE_INTEGER, at },
    );
  }
}
