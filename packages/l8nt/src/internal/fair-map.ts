/** A map of limited size: if there is too much in it, the oldest of the one with the most goes. */
import { FairShares } from "./fair-shares.ts";

export class FairMap<Value> {
  readonly #most: number;
  readonly #entries = new Map<string, Value>();
  readonly #shares = new FairShares();

  /** @param most how many entries there are at most */
  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  /** @param nodeIds of the node that it is kept for, and those above it, root first */
  set(key: string, nodeIds: readonly string[], value: Value): void {
    this.#entries.set(key, value);
    this.#shares.add(key, nodeIds, 1);
    this.#shares.reduce(this.#most, (dropped) => this.delete(dropped));
  }

  delete(key: string): void {
    this.#entries.delete(key);
    this.#shares.remove(key);
  }
}
