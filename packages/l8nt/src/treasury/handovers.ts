/** The credentials that were handed over and may still be used: what it takes to revoke one at the service that would honour it. */
import { Lru } from "../internal/lru.ts";
import { type Credential, formatAuthorization } from "../l402/index.ts";

export interface Handover {
  readonly origin: string;
  /** The payer's full credential: the ancestor. */
  readonly full: Credential;
  readonly caveats: readonly string[];
  /** The nodes of the agent that it was given to, root first. */
  readonly nodeIds: readonly string[];
  /** Unix seconds. */
  readonly validUntil: number;
}

const REMEMBERED = 10_000;
const TIMEOUT_MS = 2000;

export class Handovers {
  /** By number: the oldest, which end first, are forgotten first. */
  readonly #all = new Lru<number, Handover>(REMEMBERED);
  readonly #fetch: typeof fetch;
  #count = 0;

  constructor(fetcher: typeof fetch) {
    this.#fetch = fetcher;
  }

  add(handover: Handover): void {
    this.#all.set(this.#count++, handover);
  }

  /**
   * Revokes at their services what was handed over to a node and to those below it. Not every service can; what it cannot
   * revoke ends by itself within minutes. spec/4-purchase.md §6.
   */
  async recall(nodeId: string, now: number): Promise<void> {
    const affected = [...this.#all.values()].filter(
      ({ nodeIds, validUntil }) => nodeIds.includes(nodeId) && validUntil > now,
    );
    await Promise.all(affected.map((handover) => this.#revoke(handover)));
  }

  /** As the ancestor that the treasury is. */
  async #revoke({ origin, full, caveats }: Handover): Promise<void> {
    if (!caveats.some((caveat) => caveat.startsWith("agent="))) return;
    const fetcher = this.#fetch;
    try {
      const response = await fetcher(`${origin}/.well-known/l402/revocations`, {
        method: "POST",
        headers: { authorization: formatAuthorization(full), "content-type": "application/json" },
        body: JSON.stringify({ caveats }),
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
    } catch {
      // A service that cannot be reached cannot be told. Nobody is kept waiting for it.
    }
  }
}
