/** Remembers which credentials were met once, for a cache that keeps those that come again. */

/** Of the table, for each entry of the cache. */
const SLOTS_PER_ENTRY = 4;
/** Slots that one key may stand in; the one that came first gives way. */
const WAYS = 8;

/**
 * Stands before a cache: what is met once is not kept, so that credentials that are never presented
 * again neither push out those that are, nor live long enough for the garbage collector to move
 * them. A table of numbers, which it does not look into. A key that gave way counts as new.
 */
export class SeenOnce {
  readonly #slots: number;
  #table: Int32Array | undefined;

  /** @param capacity entries of the cache */
  constructor(capacity: number) {
    this.#slots = 2 ** Math.ceil(Math.log2(Math.max(WAYS, capacity * SLOTS_PER_ENTRY)));
  }

  /**
   * Whether the key was met before.
   *
   * @param key a MAC that was verified. Four bytes of it are enough: a key that shares them with
   * another one is kept at its first sight
   */
  before(key: string): boolean {
    this.#table ??= new Int32Array(this.#slots);
    const table = this.#table;
    const bits =
      key.charCodeAt(0) |
      (key.charCodeAt(1) << 8) |
      (key.charCodeAt(2) << 16) |
      (key.charCodeAt(3) << 24);
    const start = (bits * WAYS) & (this.#slots - 1);
    for (let at = start; at < start + WAYS; at++) if (table[at] === bits) return true;
    table.copyWithin(start + 1, start, start + WAYS - 1);
    table[start] = bits;
    return false;
  }
}
