/**
 * What agents use at one time: a part for each node with all below it, and a bound for all.
 * spec/4-purchase.md §7.
 */
import { AdapterError } from "../errors.ts";

/** A part of the bound, by depth: an agent derives as many nodes as it likes. */
const PART = [1 / 2, 1 / 4, 1 / 8, 1 / 16] as const;

/** What one request uses. */
export interface Use {
  /** @throws AdapterError `ERR_RATE_LIMITED` if a node above, or all together, use too much */
  more(amount: number): void;
  /** Gives everything back. Calls after the first do nothing. */
  end(): void;
}

export class Shares {
  readonly #inAll: number;
  readonly #what: string;
  /** By node id, for nodes that use something. */
  readonly #used = new Map<string, number>();
  #usedInAll = 0;

  /**
   * @param inAll how much all nodes together may use at one time
   * @param what ends the sentence "There are too many …"
   */
  constructor(inAll: number, what: string) {
    this.#inAll = inAll;
    this.#what = what;
  }

  /** How many nodes use something. */
  get size(): number {
    return this.#used.size;
  }

  /** @param nodes the ids of a credential's nodes, root first */
  begin(nodes: readonly string[]): Use {
    let taken = 0;
    let isOver = false;
    return {
      more: (amount) => {
        if (isOver) return;
        this.#demand(nodes, amount);
        taken += amount;
        this.#add(nodes, amount);
      },
      end: () => {
        if (isOver) return;
        isOver = true;
        this.#add(nodes, -taken);
      },
    };
  }

  #demand(nodes: readonly string[], amount: number): void {
    const full = nodes.findIndex(
      (id, depth) => (this.#used.get(id) ?? 0) + amount > this.#partAt(depth),
    );
    if (full === -1 && this.#usedInAll + amount <= this.#inAll) return;
    const whose = full === -1 ? "" : " of this agent, or of agents with the same parent";
    throw new AdapterError(
      "ERR_RATE_LIMITED",
      `There are too many ${this.#what}${whose}. Send the request again when others have ended.`,
      { retryAfterSeconds: 1 },
    );
  }

  #partAt(depth: number): number {
    return Math.max(1, Math.floor(this.#inAll * (PART[depth] ?? PART.at(-1)!)));
  }

  #add(nodes: readonly string[], amount: number): void {
    this.#usedInAll += amount;
    for (const id of nodes) {
      const used = (this.#used.get(id) ?? 0) + amount;
      if (used > 0) this.#used.set(id, used);
      else this.#used.delete(id);
    }
  }
}
