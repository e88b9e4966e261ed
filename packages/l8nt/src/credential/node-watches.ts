/** Who waits for the end of a node, revoked or frozen: orders and answers under way. */
import { nextTurn } from "../internal/timers.ts";

/** How many are ended in one turn of the event loop. [case 118] */
const IN_A_TURN = 64;

type End = () => void;

export class NodeWatches {
  readonly #ofNodes = new Map<string, Set<End>>();

  /** Calls `end` when one of these nodes is revoked or frozen. Returns what stops watching. */
  add(nodeIds: readonly string[], end: End): () => void {
    for (const id of nodeIds) {
      const others = this.#ofNodes.get(id);
      if (others === undefined) this.#ofNodes.set(id, new Set([end]));
      else others.add(end);
    }
    return () => {
      for (const id of nodeIds) {
        const left = this.#ofNodes.get(id);
        left?.delete(end);
        if (left?.size === 0) this.#ofNodes.delete(id);
      }
    };
  }

  async stopped(nodeId: string): Promise<void> {
    let ended = 0;
    // An end that stops watching leaves the set, and is not called again.
    for (const end of this.#ofNodes.get(nodeId) ?? []) {
      end();
      if (++ended % IN_A_TURN === 0) await nextTurn();
    }
  }
}
