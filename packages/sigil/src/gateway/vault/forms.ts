/** The forms in which a vendor's key can stand in a text, and where one of them does. */
import { ESCAPES, escapeAt, MAX_ESCAPE } from "../credential/escapes.ts";
import { reveal, type Secret } from "./secret.ts";

/** A shorter key would be found in what is no key. */
const LEAST_LENGTH = 8;

/** Part of some bytes. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Those of one key. */
export class Forms {
  readonly #all: readonly Buffer[];
  /** No text that is shorter has one. */
  readonly least: number;
  readonly #longest: number;
  /** By a byte: whether a form may begin with it, written as it is or escaped. */
  readonly #mayBegin = new Uint8Array(256);
  /** By a byte: whether any form has it. */
  readonly #has = new Uint8Array(256);

  constructor(secret: Secret) {
    const key = reveal(secret);
    this.#all = [...new Set([key, ...encoded(key)])]
      .filter(({ length }) => length >= LEAST_LENGTH)
      .map((text) => Buffer.from(text));
    const lengths = this.#all.map(({ length }) => length);
    this.least = Math.min(...lengths, Number.POSITIVE_INFINITY);
    this.#longest = Math.max(...lengths, 0);
    for (const form of this.#all) {
      this.#mayBegin[form[0]!] = 1;
      for (const byte of form) this.#has[byte] = 1;
    }
    for (const byte of ESCAPES) this.#mayBegin[byte] = 1;
  }

  /** Where one stands. Ranges may overlap. */
  in(bytes: Buffer): readonly Range[] {
    if (bytes.length < this.least) return NONE;
    const found: Range[] = [];
    for (const form of this.#all)
      for (let from = bytes.indexOf(form); from >= 0; from = bytes.indexOf(form, from + 1))
        found.push({ from, to: from + form.length });
    this.#escaped(bytes, found);
    return found;
  }

  /** One with an escape in it is looked for around each escape of one of its characters. */
  #escaped(bytes: Buffer, found: Range[]): void {
    let tried = 0;
    for (const at of this.#escapes(bytes)) {
      for (tried = Math.max(tried, at - this.#longest * MAX_ESCAPE); tried <= at; tried++) {
        const to = this.#endAt(bytes, tried);
        if (typeof to === "number") found.push({ from: tried, to });
      }
    }
  }

  /** Where a character is escaped that a form has, or may have, in order. */
  #escapes(bytes: Buffer): readonly number[] {
    const places: number[] = [];
    for (const first of ESCAPES)
      for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
        const found = escapeAt(bytes, at);
        if (found === "cut" || (found !== undefined && this.#has[found.code] === 1))
          places.push(at);
      }
    return places.sort((a, b) => a - b);
  }

  /** Where the longest beginning of one stands at the end; the length if none does. */
  beginAtEnd(bytes: Buffer): number {
    const from = Math.max(0, bytes.length - this.#longest * MAX_ESCAPE);
    // Without an escape, one that has begun is shorter than itself.
    const isPlain = this.#escapes(bytes.subarray(from)).length === 0;
    let at = isPlain ? Math.max(0, bytes.length - this.#longest + 1) : from;
    for (; at < bytes.length; at++) if (this.#endAt(bytes, at) === "cut") return at;
    return bytes.length;
  }

  /** Where a form ends that begins here; `cut` if the bytes end inside of what may be one. */
  #endAt(bytes: Buffer, from: number): number | "cut" | undefined {
    if (this.#mayBegin[bytes[from]!] === 0) return undefined;
    let longest: number | undefined;
    for (const form of this.#all) {
      const to = endOf(form, bytes, from);
      if (to === "cut") return to;
      if (to !== undefined && to > (longest ?? from)) longest = to;
    }
    return longest;
  }
}

const NONE: readonly Range[] = [];

function endOf(form: Buffer, bytes: Buffer, from: number): number | "cut" | undefined {
  let at = from;
  for (const byte of form) {
    if (at === bytes.length) return "cut";
    const found = escapeAt(bytes, at);
    if (typeof found === "object" && found.code === byte) at += found.length;
    else if (bytes[at] === byte) at++;
    else return found === "cut" ? found : undefined;
  }
  return at;
}

/**
 * In base64, in either alphabet, wherever in a longer text it began: what stands before and behind
 * changes the first and the last of these digits, which are left out.
 */
function encoded(key: string): readonly string[] {
  const { length } = Buffer.from(key);
  return [0, 1, 2].flatMap((before) => {
    const digits = Buffer.from("\0".repeat(before) + key).toString("base64");
    const text = digits.slice(Math.ceil((before * 4) / 3), Math.floor(((before + length) * 4) / 3));
    return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
