/** Ends the orders of an agent that is revoked while they are under way. spec/4-purchase.md §6. */
import type { RevocationList } from "../credential/index.ts";

/** One order under way. */
export interface OrderEnd {
  /** Aborts when the agent has gone, or a node of its credential is revoked. */
  readonly signal: AbortSignal;
  isRevoked(): boolean;
  /** The order is no longer under way. */
  over(): void;
}

/**
 * Without it, an agent that was revoked would keep its answers, and the connections of its
 * services, for as long as a service goes on sending.
 */
export class OrderEnds {
  /** By node id: the orders whose credentials have the node. */
  readonly #underWay = new Map<string, Set<AbortController>>();

  constructor(revocations: RevocationList) {
    revocations.onRevoked((nodeId) => {
      for (const order of this.#underWay.get(nodeId) ?? []) order.abort();
    });
  }

  /**
   * @param nodeIds of the order's credential
   * @param gone aborts when the agent has gone
   */
  begin(nodeIds: readonly string[], gone: AbortSignal | undefined): OrderEnd {
    const order = new AbortController();
    for (const id of nodeIds) {
      const others = this.#underWay.get(id);
      if (others === undefined) this.#underWay.set(id, new Set([order]));
      else others.add(order);
    }
    const over = () => {
      for (const id of nodeIds) {
        const left = this.#underWay.get(id);
        left?.delete(order);
        if (left?.size === 0) this.#underWay.delete(id);
      }
    };
    const revoked = order.signal;
    return {
      signal: gone === undefined ? revoked : AbortSignal.any([gone, revoked]),
      isRevoked: () => revoked.aborted,
      over,
    };
  }
}
