/** What is kept in all, by node: if it is too much, the oldest of the one with the most goes. */

/** What is kept for a node and all nodes below it. */
interface Share {
  weight: number;
  readonly below: Map<string, Share>;
  /** What is of the node itself, the oldest first. */
  readonly own: Map<string, Held>;
}

interface Held {
  readonly weight: number;
  readonly nodeIds: readonly string[];
  /** The share of all, and those of the nodes. */
  readonly path: readonly Share[];
}

/**
 * An agent that fills it, also as nodes below its own, drives out only what is its own: a share
 * that one agent's keys can push out would be none.
 */
export class FairShares {
  readonly #held = new Map<string, Held>();
  readonly #all: Share = shareOf();

  /** Of all together. */
  get weight(): number {
    return this.#all.weight;
  }

  /** @param nodeIds of the node that it is kept for, and those above it, root first */
  add(key: string, nodeIds: readonly string[], weight: number): void {
    this.remove(key);
    const path = [this.#all];
    for (const id of nodeIds) {
      const { below } = path.at(-1)!;
      const share = below.get(id) ?? shareOf();
      below.set(id, share);
      path.push(share);
    }
    const held = { weight, nodeIds, path };
    this.#held.set(key, held);
    path.at(-1)!.own.set(key, held);
    for (const share of path) share.weight += weight;
  }

  remove(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    const { path, nodeIds, weight } = held;
    path.at(-1)!.own.delete(key);
    for (const share of path) share.weight -= weight;
    for (const [depth, id] of nodeIds.entries())
      if (path[depth + 1]!.weight === 0) path[depth]!.below.delete(id);
  }

  /**
   * Calls `drop`, which removes a key, until no more than `most` is left: with the oldest of the
   * share that has the most, at each level of the tree. The roots are compared once for all of it.
   */
  reduce(most: number, drop: (key: string) => void): void {
    if (this.weight <= most) return;
    const roots = [...this.#all.below.values()].sort((a, b) => b.weight - a.weight);
    for (let at = 0; this.weight > most && roots.length > 0; ) {
      const root = roots[at]!;
      drop(oldestOfMost(root)!);
      if ((roots[at + 1]?.weight ?? 0) > root.weight) at++;
      else if (roots[0]!.weight > root.weight) at = 0;
    }
  }
}

/** Of a share that is not empty. */
function oldestOfMost(from: Share): string | undefined {
  let share = from;
  for (;;) {
    let most: Share | undefined;
    let belowAll = 0;
    for (const one of share.below.values()) {
      belowAll += one.weight;
      if (most === undefined || one.weight > most.weight) most = one;
    }
    if (most === undefined || most.weight <= share.weight - belowAll)
      return share.own.keys().next().value;
    share = most;
  }
}

const shareOf = (): Share => ({ weight: 0, below: new Map(), own: new Map() });
