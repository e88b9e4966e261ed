/**
 * What agents use at one time: a part for each node with all below it, and a bound for all.
 * spec/4-purchase.md §7.
 */
import { AdapterError } from "../errors.ts";

/** Nodes further from the root have nearly the part of the one above. */
const HALVINGS = 4;

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
  readonly #leftBelow: number;
  /** By node id, for nodes that use something. */
  readonly #used = new Map<string, number>();
  #usedInAll = 0;

  /**
   * @param inAll how much all nodes together may use at one time
   * @param what ends the sentence "There are too many …"
   * @param leftBelow how much of its part a node below the fourth level leaves to those below it
   */
  constructor(inAll: number, what: string, leftBelow = 1) {
    this.#leftBelow = leftBelow;
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
        this.take(nodes, amount);
        taken += amount;
      },
      end: () => {
        if (isOver) return;
        isOver = true;
        this.give(nodes, taken);
      },
    };
  }

  /**
   * For what is kept in great numbers, without an object for each. {@link give} gives it back.
   *
   * @param nodes as of `begin`
   * @throws AdapterError as `more`
   */
  take(nodes: readonly string[], amount: number): void {
    this.#demand(nodes, amount);
    this.#add(nodes, amount);
  }

  give(nodes: readonly string[], amount: number): void {
    this.#add(nodes, -amount);
  }

  /**
   * A node has half of what its siblings leave of its parent's part: so there is something left for
   * the next one, however many of them take all that they can.
   */
  #demand(nodes: readonly string[], amount: number): void {
    let [part, used] = [this.#inAll, this.#usedInAll];
    const isFull = used + amount > part;
    const full = nodes.findIndex((id, depth) => {
      const own = this.#used.get(id) ?? 0;
      const left = part - (used - own);
      part = Math.max(1, Math.floor(left * (depth < HALVINGS ? 0.5 : this.#leftBelow)));
      used = own;
      return own + amount > part;
    });
    if (full === -1 && !isFull) return;
    const whose = full === -1 ? "" : " of this agent, or of agents with the same parent";
    throw new AdapterError(
      "ERR_RATE_LIMITED",
      `There are too many ${this.#what}${whose}. Send the request again when others have ended.`,
      { retryAfterSeconds: 1 },
    );
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
