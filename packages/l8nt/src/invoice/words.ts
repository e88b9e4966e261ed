/**
 * Converts the 5-bit words of bech32 to bytes and integers and back. BOLT 11, "Data Part"; BIP 173.
 */
import type { Bytes } from "../internal/bytes.ts";

export type Words = readonly number[];

/** Returns the bytes; undefined if the padding is not zero, or is a whole word long. */
export function wordsToBytes(words: Words): Bytes | undefined {
  const bytes = new Uint8Array((words.length * 5) >> 3);
  let held = 0;
  let heldBits = 0;
  let length = 0;
  for (const word of words) {
    held = ((held << 5) | word) & 0xfff;
    heldBits += 5;
    if (heldBits >= 8) {
      heldBits -= 8;
      bytes[length++] = held >> heldBits;
    }
  }
  return heldBits < 5 && (held & ((1 << heldBits) - 1)) === 0 ? bytes : undefined;
}

/** Returns the words, padded with zero bits. */
export function bytesToWords(bytes: Uint8Array): number[] {
  const words: number[] = [];
  let held = 0;
  let heldBits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    heldBits += 8;
    while (heldBits >= 5) {
      heldBits -= 5;
      words.push((held >> heldBits) & 31);
    }
  }
  if (heldBits > 0) words.push((held << (5 - heldBits)) & 31);
  return words;
}

/** Returns the words as bytes, padded with zero bits: the form that is signed. */
export function wordsToPaddedBytes(words: Words): Bytes {
  const bytes = new Uint8Array(Math.ceil((words.length * 5) / 8));
  for (let i = 0; i < words.length; i++) {
    const bit = i * 5;
    const pair = words[i]! << (11 - (bit & 7));
    bytes[bit >> 3]! |= pair >> 8;
    if ((bit & 7) > 3) bytes[(bit >> 3) + 1]! |= pair & 0xff;
  }
  return bytes;
}

/** Reads a big-endian integer; undefined above `Number.MAX_SAFE_INTEGER`. */
export function wordsToInteger(words: Words): number | undefined {
  let value = 0;
  for (const word of words) {
    value = value * 32 + word;
    if (value > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return value;
}

/**
 * Writes a big-endian integer in at least `length` words. Zero needs none, which every reader
 * takes. In one word, as lnd writes it, LDK takes it for another signer's: it computes the hash
 * from the shortest form.
 */
export function integerToWords(value: number, length = 0): number[] {
  const words: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 32)) words.unshift(rest % 32);
  while (words.length < length) words.unshift(0);
  return words;
}
