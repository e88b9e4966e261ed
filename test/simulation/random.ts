/** One seed's random numbers: the same text gives the same ones, whatever machine draws them. */
import { createHash } from "node:crypto";

export class Random {
  readonly #state: Uint32Array;

  constructor(seed: string) {
    const digest = createHash("sha256").update(seed).digest();
    this.#state = Uint32Array.from([0, 4, 8, 12], (at) => digest.readUInt32LE(at));
  }

  /** 32 bits. The generator is sfc32: small, fast, and not for secrets. */
  word(): number {
    const state = this.#state;
    const [a, b, c, d] = state as unknown as [number, number, number, number];
    const word = (a + b + d) | 0;
    state[3] = d + 1;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + word;
    return word >>> 0;
  }

  /** From 0 up to 1, and never 1. */
  unit(): number {
    return this.word() / 2 ** 32;
  }

  /** A whole number from 0 up to `count`, and never `count`. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  between(least: number, most: number): number {
    return least + this.unit() * (most - least);
  }

  chance(probability: number): boolean {
    return probability > 0 && this.unit() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  fill<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.word() & 255;
    return bytes;
  }
}
