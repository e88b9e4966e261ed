/**
 * The service credentials that a client was handed: kept by origin, in memory, for as long as they
 * may be worth something.
 */
import { formatOrigin, type Target } from "../caveat/index.ts";
import { Lru } from "../internal/lru.ts";
import type { Credential } from "../l402/index.ts";

export interface Held {
  readonly credential: Credential;
  /** Whether the service ever served it. */
  delivered: boolean;
}

const MAX_ORIGINS = 1000;
const MAX_PER_ORIGIN = 64;

export class HeldCredentials {
  readonly #byOrigin = new Lru<string, readonly Held[]>(MAX_ORIGINS);

  /**
   * One that covers this request, as far as its own caveats say. What buys a single request goes to
   * one taker.
   */
  take(target: Target, now: number): Held | undefined {
    const found = this.#at(target).find(
      ({ credential }) => credential.certainRefusals({ now, target }).length === 0,
    );
    if (found?.credential.chain.isSingleUse) this.drop(target, found);
    return found;
  }

  /** For the next request: what buys a single one only where that was not served. */
  keep(target: Target, held: Held, served: boolean): void {
    const others = this.#at(target).filter((other) => other !== held);
    const worthKeeping = !served || !held.credential.chain.isSingleUse;
    const kept = worthKeeping ? [held, ...others].slice(0, MAX_PER_ORIGIN) : others;
    this.#byOrigin.set(formatOrigin(target.origin), kept);
  }

  drop(target: Target, held: Held): void {
    this.#byOrigin.set(
      formatOrigin(target.origin),
      this.#at(target).filter((other) => other !== held),
    );
  }

  #at({ origin }: Target): readonly Held[] {
    return this.#byOrigin.get(formatOrigin(origin)) ?? [];
  }
}
