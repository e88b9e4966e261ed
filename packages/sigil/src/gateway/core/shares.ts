/** What the gateway has of something, such as memory, and what each holder has of it. */

export class Shares {
  readonly total: number;
  /** The most that one holder may have. */
  readonly each: number;
  #held = 0;
  readonly #of = new Map<string, number>();

  /** @param least what one holder may have at least, of a small total */
  constructor(total: number, least = 0) {
    this.total = total;
    this.each = Math.max(least, Math.floor(total / 4));
  }

  get held(): number {
    return this.#held;
  }

  of(holder: string): number {
    return this.#of.get(holder) ?? 0;
  }

  /** Takes it in any case; tells whether it fits in all, and in the share of the holder. */
  take(holder: string, amount: number): boolean {
    const own = this.of(holder) + amount;
    if (own === 0) this.#of.delete(holder);
    else this.#of.set(holder, own);
    this.#held += amount;
    return this.#held <= this.total && own <= this.each;
  }

  give(holder: string, amount: number): void {
    this.take(holder, -amount);
  }
}
