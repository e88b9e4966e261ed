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
  /** By node id: what ends the orders whose credentials have the node. */
  readonly #underWay = new Map<string, Set<() => void>>();

  constructor(revocations: RevocationList) {
    revocations.onRevoked((nodeId) => {
      for (const revoke of this.#underWay.get(nodeId) ?? []) revoke();
    });
  }

  /**
   * @param nodeIds of the order's credential
   * @param gone aborts when the agent has gone
   */
  begin(nodeIds: readonly string[], gone: AbortSignal | undefined): OrderEnd {
    const order = new AbortController();
    let isRevoked = false;
    const end = () => order.abort();
    const revoke = () => {
      isRevoked = true;
      end();
    };
    if (gone?.aborted) end();
    else gone?.addEventListener("abort", end, { once: true });
    for (const id of nodeIds) {
      const others = this.#underWay.get(id);
      if (others === undefined) this.#underWay.set(id, new Set([revoke]));
      else others.add(revoke);
    }
    return {
      signal: order.signal,
      isRevoked: () => isRevoked,
      over: () => {
        gone?.removeEventListener("abort", end);
        for (const id of nodeIds) {
          const left = this.#underWay.get(id);
          left?.delete(revoke);
          if (left?.size === 0) this.#underWay.delete(id);
        }
      },
    };
  }
}
