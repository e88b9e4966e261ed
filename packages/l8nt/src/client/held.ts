/** The service credentials that a client was handed: kept by origin, in memory, for as long as they may be worth something. */
import { formatOrigin, type Target } from "../caveat/index.ts";
import { Lru } from "../internal/lru.ts";
import { type Credential, isSingleUse } from "../l402/index.ts";

export interface Held {
  readonly credential: Credential;
  /** Whether the service ever served it. */
  delivered: boolean;
}

const MAX_ORIGINS = 1000;
const MAX_PER_ORIGIN = 64;

export class HeldCredentials {
  readonly #byOrigin = new Lru<string, readonly Held[]>(MAX_ORIGINS);

  /** One that covers this request, as far as its own caveats say. */
  find(target: Target, now: number): Held | undefined {
    return this.#at(target).find(({ credential }) => credential.chain.refusals({ now, target }).length === 0);
  }

  /** What buys a single request is that request's own, and is not kept. */
  keep(target: Target, credential: Credential): Held {
    const held = { credential, delivered: false };
    if (!isSingleUse(credential.macaroon)) {
      const others = this.#at(target).slice(0, MAX_PER_ORIGIN - 1);
      this.#byOrigin.set(formatOrigin(target.origin), [held, ...others]);
    }
    return held;
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
