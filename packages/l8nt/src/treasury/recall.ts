/**
 * The credentials that were handed over and may still be used: what it takes to revoke one at the
 * service that would honour it.
 */
import { Lru } from "../internal/lru.ts";
import type { Credential } from "../l402/index.ts";
import type { Store } from "../ports/store.ts";
import { writeRequest } from "../wire/message.ts";
import { revocation } from "../wire/revocation.ts";
import { paidCredentialOf } from "./bought.ts";
import { HANDOVER_SECONDS, handoverTag } from "./narrowing.ts";

/** What it takes to revoke it. */
interface Revocable {
  readonly origin: string;
  /** The payer's full credential: the ancestor. */
  readonly full: Credential;
  readonly caveats: readonly string[];
}

export interface HandedOver extends Revocable {
  /** The nodes of the agent that it was given to, root first. */
  readonly nodeIds: readonly string[];
  /** Unix seconds. */
  readonly validUntil: number;
}

const REMEMBERED = 10_000;
/**
 * How many nodes below a revoked one are looked at for what a process before this one handed over.
 */
const MAX_NODES = 1000;
const TIMEOUT_MS = 2000;

export class Recall {
  /** By number: the oldest, which end first, are forgotten first. */
  readonly #all = new Lru<number, HandedOver>(REMEMBERED);
  readonly #fetch: typeof fetch;
  readonly #store: Store;
  /** Unix seconds. What was handed over before then, this process does not remember. */
  readonly #since: number;
  #count = 0;

  constructor(fetcher: typeof fetch, store: Store, since: number) {
    this.#fetch = fetcher;
    this.#store = store;
    this.#since = since;
  }

  add(handover: HandedOver): void {
    this.#all.set(this.#count++, handover);
  }

  /**
   * Revokes at their services what was handed over to a node and to those below it. Not every
   * service can; what it cannot revoke ends by itself within minutes. spec/4-purchase.md §6.
   */
  async recall(nodeId: string, now: number): Promise<void> {
    const affected = [...this.#all.values()].filter(
      ({ nodeIds, validUntil }) => nodeIds.includes(nodeId) && validUntil > now,
    );
    const forgotten =
      this.#store.shared || now < this.#since + HANDOVER_SECONDS ? await this.#before(nodeId) : [];
    await Promise.all([...affected, ...forgotten].map((handover) => this.#revoke(handover)));
  }

  /**
   * What other processes may have handed over and this one would not know of: its node at the
   * service follows from the books.
   */
  async #before(nodeId: string): Promise<readonly Revocable[]> {
    const nodes = await this.#store.nodes(nodeId, MAX_NODES);
    const [root] = nodes[0]?.path ?? [];
    if (root === undefined) return [];
    const bought = (await this.#store.payments({ nodeId: root, limit: MAX_NODES }))
      .filter(({ preimage, status, enforced }) => {
        const isUsable = preimage !== undefined && status !== "undelivered";
        return isUsable && enforced?.includes("agent");
      })
      .map(paidCredentialOf)
      .filter(({ full }) => (full.chain.validUntil ?? 0) > this.#since);
    return nodes.flatMap(({ id, path }) =>
      bought
        .filter(({ record }) => path.includes(record.nodeIds.at(-1)!))
        .map(({ record: { origin, paymentHash }, full }) => ({
          origin,
          full,
          caveats: [`agent=handed-over.${handoverTag(id, paymentHash)}`],
        })),
    );
  }

  /** As the ancestor that the treasury is. */
  async #revoke({ origin, full, caveats }: Revocable): Promise<void> {
    if (!caveats.some((caveat) => caveat.startsWith("agent="))) return;
    const fetcher = this.#fetch;
    try {
      const [url, init] = writeRequest(revocation, origin, full.toString(), { body: { caveats } });
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetcher(url, { ...init, signal });
      await response.body?.cancel();
    } catch {
      // A service that cannot be reached cannot be told. Nobody is kept waiting for it.
    }
  }
}
