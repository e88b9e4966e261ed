/**
 * The nodes that were revoked: remembered for as long as a credential below them could still be
 * valid, and no longer.
 */

/** How many revocations are taken before those whose credentials have ended are looked for. */
const SWEEP_EVERY = 1024;

export class Revocations {
  /** Unix seconds of the end of everything below the node. */
  readonly #ends = new Map<string, number>();
  #untilSweep = SWEEP_EVERY;
  #certainFrom = Number.NEGATIVE_INFINITY;
  // Nothing is followed, and so nothing can be missed.
  #heardAt = 0;
  #maxSilenceSeconds = Number.POSITIVE_INFINITY;

  /**
   * Unix seconds. What ended before was forgotten, so at an earlier time, on a clock that went
   * back, nobody can tell what was revoked. [case 109]
   */
  get certainFrom(): number {
    return this.#certainFrom;
  }

  /**
   * Whether at Unix second `now` it is known what was revoked elsewhere. Both ways: on a clock that
   * went back, the last word is as far away as on one that went on.
   */
  isKnownAt(now: number): boolean {
    return Math.abs(now - this.#heardAt) <= this.#maxSilenceSeconds;
  }

  heard(at: number, maxSilenceSeconds: number): void {
    this.#heardAt = at;
    this.#maxSilenceSeconds = maxSilenceSeconds;
  }

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
    for (const [id, end] of this.#ends) {
      if (end >= now) continue;
      this.#ends.delete(id);
      this.#certainFrom = Math.max(this.#certainFrom, end);
    }
  }
}
