/** A map that forgets what was put in long ago. */

/**
 * Keeps the last `size` entries and at most twice as many. Nothing is deleted one by one: a map
 * from which old entries are deleted while new ones come is copied again and again, and what the
 * copies hold lives until a full collection.
 */
export class Recent<Key, Value> {
  readonly #size: number;
  #newer = new Map<Key, Value>();
  #older = new Map<Key, Value>();

  constructor(size: number) {
    this.#size = size;
  }

  get(key: Key): Value | undefined {
    return this.#newer.get(key) ?? this.#older.get(key);
  }

  set(key: Key, value: Value): void {
    this.#newer.set(key, value);
    if (this.#newer.size < this.#size) return;
    this.#older = this.#newer;
    this.#newer = new Map();
  }
}
