/**
 * The credentials of services that a treasury handed to a client: kept in memory by origin, for as
 * long as they may work.
 */
import { formatOrigin, type Target } from "../caveat/index.ts";
import { Lru } from "../internal/lru.ts";
import type { Credential } from "../l402/index.ts";

export interface Held {
  readonly credential: Credential;
  /** Whether the service has ever answered a request with it. */
  delivered: boolean;
}

const MAX_ORIGINS = 1000;
const MAX_PER_ORIGIN = 64;

export class HeldCredentials {
  readonly #byOrigin = new Lru<string, readonly Held[]>(MAX_ORIGINS);

  /**
   * Takes a credential that covers this request, as far as its own caveats say. A credential for a
   * single request goes to one request only.
   */
  take(target: Target, now: number): Held | undefined {
    const found = this.#at(target).find(
      ({ credential }) => credential.certainRefusals({ now, target }).length === 0,
    );
    if (found?.credential.chain.isSingleUse) this.drop(target, found);
    return found;
  }

  /**
   * Keeps a credential for the next request, unless it was for a single request that was served.
   */
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
