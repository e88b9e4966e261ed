/**
 * One hash of all folded counters, which changes with each of them and needs no other to be read:
 * LtHash with 1024 words of 16 bits, over SHAKE256. spec/5-ledger.md §6.
 */

import { AdapterError } from "../errors.ts";
import { hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import { platformShake, type Shake } from "../internal/shake.ts";

import type { FoldedCounter } from "../ports/folding.ts";

export const SUM_BYTES = 2048;

export class CounterSum {
  /** Little-endian words. */
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #shake: Shake;

  /**
   * @param bytes what an earlier sum came to; copied
   * @param shake SHAKE256. @default the runtime's
   */
  constructor(
    bytes: Uint8Array = new Uint8Array(SUM_BYTES),
    shake: Shake = platformShake ?? missing,
  ) {
    this.#shake = shake;
    this.#bytes = new Uint8Array(bytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  add(counter: FoldedCounter): void {
    this.#move(counter, 1);
  }

  remove(counter: FoldedCounter): void {
    this.#move(counter, -1);
  }

  /** A counter with nothing folded is not in the sum. */
  #move(counter: FoldedCounter, sign: 1 | -1): void {
    if (counter.committed === 0n) return;
    const added = this.#shake(utf8(counterText(counter)), SUM_BYTES);
    const words = new DataView(added.buffer, added.byteOffset, SUM_BYTES);
    for (let at = 0; at < SUM_BYTES; at += 2) {
      const word = this.#view.getUint16(at, true) + sign * words.getUint16(at, true);
      this.#view.setUint16(at, word & 0xffff, true);
    }
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#bytes);
  }

  /** SHA-256 of the words, in hex. */
  get hash(): string {
    return hexText(sha256(this.#bytes));
  }
}

/** @throws AdapterError `ERR_STORE`, always */
function missing(): never {
  throw new AdapterError(
    "ERR_STORE",
    "This runtime has no SHAKE256, so a memory store cannot be folded in it.",
  );
}

const counterText = ({ id, committed, endsAt }: FoldedCounter): string =>
  JSON.stringify([id, `${committed}`, Number.isFinite(endsAt) ? endsAt : null]);
