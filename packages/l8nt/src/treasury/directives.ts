/**
 * The directives of a treasury: applied here at once, written to the store, and followed when other
 * processes write them. spec/4-purchase.md §6.
 */
import type { Duration } from "../caveat/index.ts";
import { type Follower, followRevocations } from "../feed/follow.ts";
import { storeSource } from "../feed/source.ts";
import { ToldLog } from "../feed/told-log.ts";
import type { Authority } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Directive } from "../ports/directives.ts";
import type { Store } from "../ports/store.ts";
import type { Alarm } from "./alarm.ts";
import type { SpendingGate } from "./gate.ts";

export interface DirectivesOptions {
  readonly store: Store;
  readonly authority: Authority;
  readonly gate: SpendingGate;
  readonly clock: Clock;
  readonly alarm: Alarm;
  readonly maxSilence: Duration | undefined;
}

export class Directives extends ToldLog {
  readonly #options: DirectivesOptions;
  #follower: Follower | undefined;

  constructor(options: DirectivesOptions) {
    super(options.store);
    this.#options = options;
  }

  /**
   * Applies every directive in the store, and follows it if other processes write to it as well.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async start(): Promise<void> {
    const { store, authority, gate, clock, alarm, maxSilence } = this.#options;
    if (!store.shared) {
      for (const directive of await store.directives(0)) this.#apply(directive);
      return;
    }
    // A start that failed later on is tried again, and follows already.
    this.#follower ??= followRevocations(authority, storeSource(this), {
      clock,
      alarm,
      freezes: gate,
      ...(maxSilence !== undefined && { maxSilence }),
    });
    try {
      await this.#follower.reachedOrFailed();
    } catch (error) {
      this.#follower?.stop();
      this.#follower = undefined;
      throw error;
    }
  }

  /**
   * Applies every directive again after the clock was turned back: what had ended by then is
   * forgotten, and may be in force again.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async again(): Promise<void> {
    const { store, authority } = this.#options;
    const all = await store.directives(0);
    authority.revocations.certainAgain();
    for (const directive of all) this.#apply(directive);
  }

  stop(): void {
    this.#follower?.stop();
  }

  /**
   * In force in this process at once, even if the store fails; in force at every process once the
   * promise resolves, up to the time that they take to read it.
   *
   * @throws AdapterError `ERR_STORE`
   */
  async issue(directive: Directive): Promise<void> {
    this.#apply(directive);
    const seq = await this.addDirective(directive);
    // Others may have written before: the order of the log decides whether a node is frozen.
    await this.#follower?.reachedOrFailed(seq);
  }

  #apply(directive: Directive): void {
    const { authority, gate } = this.#options;
    if (directive.kind === "revoke")
      authority.revocations.revoke(directive.nodeId, directive.endsAt, directive);
    else gate.apply(directive);
  }
}
