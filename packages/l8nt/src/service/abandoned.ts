/** Uses that were under way when a paywall's process died. spec/5-ledger.md §5. */
import { AdapterError } from "../errors.ts";
import { hexText } from "../internal/bytes.ts";
import { randomBytes } from "../internal/crypto.ts";
import { endAbandonedUses } from "../ledger/claim.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ledger } from "../ports/ledger.ts";

const INSTANCE = /^[A-Za-z0-9_-]{1,64}$/;

/** This run of the program: what its own paywalls claimed is under way, and not abandoned. */
let run: string | undefined;

export class AbandonedUses {
  /** Stands in the id of every claim of this process. */
  readonly claimant: string;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  /**
   * The claimants whose claims this process ends; undefined if it cannot know whether they live.
   */
  readonly #dead: string | undefined;
  #done: Promise<void> | undefined;

  /** @throws TypeError for an instance that cannot stand in an id */
  constructor(ledger: Ledger, instance: string | undefined, clock: Clock) {
    if (instance !== undefined && !INSTANCE.test(instance))
      throw new TypeError("a paywall's instance must be 1 to 64 letters, digits, and any of _ -");
    run ??= hexText(randomBytes(8));
    this.#ledger = ledger;
    this.#clock = clock;
    this.claimant = `service.${instance ?? ""}.${run}`;
    this.#dead = ledger.shared ? instance && `service.${instance}` : "service";
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

  async #end(): Promise<void> {
    if (this.#dead === undefined) return;
    await endAbandonedUses(this.#ledger, {
      of: this.#dead,
      alive: this.claimant,
      before: Number.MAX_SAFE_INTEGER,
      at: this.#clock(),
    });
  }
}
