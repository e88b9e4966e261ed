/**
 * Recall: revokes a node here, and what was handed over to it at the services that would accept it.
 * spec/4-purchase.md §6.
 */
import { handOverNode, nodesAt, opensNodes } from "../caveat/index.ts";
import type { Revocation } from "../credential/index.ts";
import { Lru } from "../internal/lru.ts";
import type { Credential } from "../l402/index.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { paidCredentialOf } from "./bought.ts";
import type { Directives } from "./directives.ts";
import { HANDOVER_SECONDS, handoverTag } from "./narrowing.ts";

/** A credential that can be revoked at its service. */
interface Revocable {
  readonly origin: string;
  /** The full credential that was paid for: the ancestor that revokes. */
  readonly full: Credential;
  /** The caveats between the full credential and the one to revoke. */
  readonly caveats: readonly string[];
}

export interface HandedOver extends Revocable {
  /** The nodes of the agent that holds it, root first. */
  readonly nodeIds: readonly string[];
  /** Unix seconds. */
  readonly validUntil: number;
}

const REMEMBERED = 10_000;
/** How many nodes below a revoked one are searched for what another process handed over. */
const MAX_NODES = 1000;
const TIMEOUT_MS = 2000;

export interface RecallOptions {
  readonly fetch: typeof fetch;
  readonly store: Store;
  readonly directives: Directives;
  readonly clock: Clock;
  /** Unix seconds at which this process began: it does not remember what was handed over before. */
  readonly since: number;
}

export class Recall {
  readonly #options: RecallOptions;
  /** By number, so that the oldest, which end first, are forgotten first. */
  readonly #all = new Lru<number, HandedOver>(REMEMBERED);
  #count = 0;

  constructor(options: RecallOptions) {
    this.#options = options;
  }

  add(handedOver: HandedOver): void {
    this.#all.set(this.#count++, handedOver);
  }

  /**
   * Revokes a node and all below it: here, and at the services that can revoke what was handed over
   * to them. What a service cannot revoke ends by itself within minutes.
   *
   * @throws AdapterError `ERR_STORE`; the revocation is in force in this process all the same
   */
  async revoke(
    node: Pick<Revocation, "nodeId"> & Partial<Revocation>,
    reason: string,
  ): Promise<void> {
    const { directives, clock } = this.#options;
    await directives.issue({ kind: "revoke", at: clock(), reason, ...node });
    await this.#revokeAtServices(node.nodeId, clock());
  }

  async #revokeAtServices(nodeId: string, now: number): Promise<void> {
    const { store, since } = this.#options;
    const remembered = [...this.#all.values()].filter(
      ({ nodeIds, validUntil }) => nodeIds.includes(nodeId) && validUntil > now,
    );
    const mayHaveForgotten = store.shared || now < since + HANDOVER_SECONDS;
    const others = mayHaveForgotten ? await this.#handedOverElsewhere(nodeId) : [];
    await Promise.all([...remembered, ...others].map((one) => this.#revokeAt(one)));
  }

  /**
   * What other processes may have handed over. The node of each at its service follows from the
   * books.
   */
  async #handedOverElsewhere(nodeId: string): Promise<readonly Revocable[]> {
    const { store, since } = this.#options;
    const nodes = await store.nodes(nodeId, MAX_NODES);
    const [root] = nodes[0]?.path ?? [];
    if (root === undefined) return [];
    const bought = (await store.payments({ nodeId: root, limit: MAX_NODES }))
      .filter(({ preimage, status, enforced }) => {
        const isUsable = preimage !== undefined && status !== "undelivered";
        return isUsable && opensNodes(enforced);
      })
      .map(paidCredentialOf)
      .filter(({ full }) => (full.chain.validUntil ?? 0) > since);
    return nodes.flatMap(({ id, path }) =>
      bought
        .filter(({ record }) => path.includes(record.nodeIds.at(-1)!))
        .map(({ record: { origin, paymentHash }, full }) => ({
          origin,
          full,
          caveats: [handOverNode(handoverTag(id, paymentHash))],
        })),
    );
  }

  /** Asks the service with the full credential, whose holder may revoke what descends from it. */
  async #revokeAt({ origin, full, caveats }: Revocable): Promise<void> {
    if (nodesAt(caveats).length === 0) return;
    const { fetch: fetcher } = this.#options;
    try {
      // Loaded here, because a page that only pays does not need it.
      const { revocationRequest } = await import("../wire/revocation.ts");
      const [url, init] = revocationRequest(origin, full.toString(), caveats);
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetcher(url, { ...init, signal });
      await response.body?.cancel();
    } catch {
      // A service that cannot be reached is not waited for.
    }
  }
}
