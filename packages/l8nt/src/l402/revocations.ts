/** The nodes that were revoked: remembered for as long as a credential below them could still be valid, and no longer. */

/** How many revocations are taken before those whose credentials have ended are looked for. */
const SWEEP_EVERY = 1024;

export class Revocations {
  /** Unix seconds of the end of everything below the node. */
  readonly #ends = new Map<string, number>();
  #untilSweep = SWEEP_EVERY;

  get size(): number {
    return this.#ends.size;
  }

  has(nodeId: string): boolean {
    return this.#ends.has(nodeId);
  }

  add(nodeId: string, endsAt: number, now: number): void {
    this.#ends.set(nodeId, Math.max(endsAt, this.#ends.get(nodeId) ?? 0));
    if (--this.#untilSweep > 0) return;
    this.#untilSweep = SWEEP_EVERY;
    for (const [id, end] of this.#ends) if (end < now) this.#ends.delete(id);
  }
}
