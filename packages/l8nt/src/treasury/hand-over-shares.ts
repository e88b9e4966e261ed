/**
 * How many hand-overs that cost nothing are in the books at one time: a part for each node with all
 * below it, and a bound for all. spec/4-purchase.md §6.
 */
import { AdapterError } from "../errors.ts";
import { Shares, type Use } from "../internal/shares.ts";

/** Rows below the nodes that paid, of all trees. */
const MAX_ROWS = 60_000;
/** Far from the root a node keeps a sixteenth of its part to itself. */
const LEFT_BELOW = 15 / 16;
/** How many that have ended are let go with each new one, so that no turn takes long. [case 118] */
const ENDED_AT_ONCE = 100;

interface Counted {
  readonly use: Use;
  readonly end: number;
}

/** Counts in this process. A hand-over that finds no room is relayed. */
export class HandOverShares {
  readonly #shares = new Shares(MAX_ROWS, "hand-overs", LEFT_BELOW);
  readonly #counted = new Map<string, Counted>();
  /** Keys by the end of their rows, which is a full minute. */
  readonly #ends = new Map<number, Set<string>>();

  /** How many hand-overs are counted. */
  get size(): number {
    return this.#counted.size;
  }

  /**
   * Counts the rows of a hand-over until they end. The same one again moves its end.
   *
   * @param key of node and payment
   * @param nodeIds root first, down to the node that gets it
   * @param rows how many of them are below the node that paid
   * @returns whether there is room
   */
  take(key: string, nodeIds: readonly string[], rows: number, end: number, now: number): boolean {
    this.#letGo(now);
    if (rows === 0) return true;
    const before = this.#counted.get(key);
    if (before !== undefined && before.end >= end) return true;
    const use = before?.use ?? this.#shares.begin(nodeIds);
    try {
      if (before === undefined) use.more(rows);
    } catch (error) {
      if (error instanceof AdapterError) return false;
      throw error;
    }
    if (before !== undefined) this.#ends.get(before.end)?.delete(key);
    this.#counted.set(key, { use, end });
    const together = this.#ends.get(end);
    if (together === undefined) this.#ends.set(end, new Set([key]));
    else together.add(key);
    return true;
  }

  /** Gives back what was counted for rows that were not written. */
  release(key: string): void {
    const counted = this.#counted.get(key);
    if (counted === undefined) return;
    counted.use.end();
    this.#counted.delete(key);
    this.#ends.get(counted.end)?.delete(key);
  }

  #letGo(now: number): void {
    let left = ENDED_AT_ONCE;
    for (const [end, keys] of this.#ends) {
      if (end > now) continue;
      for (const key of keys) {
        if (left-- === 0) return;
        this.release(key);
      }
      this.#ends.delete(end);
    }
  }
}
