/**
 * A JSON text without its long strings: pictures, answers and instructions that an event repeats.
 * Counts and names, which a meter reads, are short.
 */

/** A string of more bytes is left empty. */
const MAX_STRING_BYTES = 4096;

const LF = 10;
const CR = 13;
const QUOTE = 34;
const BACKSLASH = 92;

export class Sieve {
  #kept: Buffer = Buffer.alloc(4096);
  #length = 0;
  /** Where the string that is read begins in what is kept; undefined outside of one. */
  #string: number | undefined;
  #isEscaped = false;
  #isSkipping = false;

  /** Bytes that are kept. */
  get length(): number {
    return this.#length;
  }

  get text(): string {
    return this.#kept.toString("utf8", 0, this.#length);
  }

  take(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#string === undefined) {
        this.#keep(byte);
        if (byte === QUOTE) this.#string = this.#length;
      } else if ((byte === QUOTE && !this.#isEscaped) || byte === LF || byte === CR) {
        // No string goes on behind a line break: it was a quotation mark of a comment.
        this.#string = undefined;
        this.#isEscaped = false;
        this.#isSkipping = false;
        this.#keep(byte);
      } else {
        this.#isEscaped = byte === BACKSLASH && !this.#isEscaped;
        if (this.#isSkipping) continue;
        this.#keep(byte);
        if (this.#length - this.#string <= MAX_STRING_BYTES) continue;
        this.#length = this.#string;
        this.#isSkipping = true;
      }
    }
  }

  #keep(byte: number): void {
    if (this.#length === this.#kept.length) {
      const larger = Buffer.allocUnsafe(2 * this.#length);
      this.#kept.copy(larger);
      this.#kept = larger;
    }
    this.#kept[this.#length++] = byte;
  }
}
