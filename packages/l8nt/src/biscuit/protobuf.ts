/**
 * Protocol Buffers, as far as Biscuit needs them: one spelling of each message. Fields stand in the
 * order of their numbers, integers have no byte too many, and nothing is unknown.
 */
import { TokenError } from "../errors.ts";
import { type Bytes, utf8, utf8Text } from "../internal/bytes.ts";

const VARINT = 0;
const DELIMITED = 2;
/** Of a byte of a varint: another one follows. */
const MORE = 0x80;
const MAX_VARINT_BYTES = 10;
const MAX_SMALL = 0x7fff_ffff;

export const malformed = (what: string): TokenError =>
  new TokenError("ERR_TOKEN_MALFORMED", `The credential is no Biscuit of the profile: ${what}.`);

export interface ReadField {
  readonly number: number;
  /** Of a varint: a bigint only where it may be too large for a number. */
  readonly integer: number | bigint | undefined;
  /** Of a field with a length: where it stands. */
  readonly from: number;
  readonly to: number;
}

/** The numbers that the fields of a message may have, 30 at most. */
export type Known = number & { readonly KNOWN?: never };
export const known = (...numbers: readonly number[]): Known =>
  numbers.reduce((all, number) => all | (1 << number), 0);
const LAST_KNOWN = 30;

/** Goes through bytes, which hold messages in messages: views of each would take longer. */
class Cursor {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** @throws TokenError `ERR_TOKEN_MALFORMED` */
  fields(from: number, to: number, known: Known): readonly ReadField[] {
    const fields: ReadField[] = [];
    let last = 0;
    this.at = from;
    while (this.at < to) {
      const tag = this.#varint(to);
      const number = typeof tag === "number" ? tag >>> 3 : Number(tag >> 3n);
      const type = Number(typeof tag === "number" ? tag & 7 : tag & 7n);
      if (number === 0 || number < last) throw malformed("its fields are out of order");
      if (number > LAST_KNOWN || (known & (1 << number)) === 0)
        throw malformed(`it has a field ${number} that it must not have`);
      last = number;
      if (type === VARINT) {
        fields.push({ number, integer: this.#varint(to), from: 0, to: 0 });
      } else if (type === DELIMITED) {
        const length = this.#varint(to);
        const start = this.at;
        if (length > to - start) throw malformed("it ends too early");
        this.at = start + Number(length);
        fields.push({ number, integer: undefined, from: start, to: this.at });
      } else throw malformed("it has a field of a type that Biscuit does not use");
    }
    return fields;
  }

  #varint(to: number): number | bigint {
    const { bytes, at } = this;
    // Nearly all have one byte or two.
    const first = at < to ? bytes[at]! : MORE;
    if (first < MORE) {
      this.at++;
      return first;
    }
    const second = at + 1 < to ? bytes[at + 1]! : 0;
    if (second > 0 && second < MORE) {
      this.at += 2;
      return (first & 0x7f) | (second << 7);
    }
    return this.#longVarint(to);
  }

  #longVarint(to: number): bigint {
    let value = 0n;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      if (this.at >= to) throw malformed("it ends too early");
      const byte = this.bytes[this.at++]!;
      value |= BigInt(byte & 0x7f) << BigInt(7 * count);
      if (byte < MORE) {
        if ((byte === 0 && count > 0) || value >= 2n ** 64n)
          throw malformed("an integer is too long");
        return value;
      }
    }
    throw malformed("an integer is too long");
  }
}

/** A message that is written field by field, in the order of their numbers. */
export class Writer {
  /** Single bytes, and what was written elsewhere. */
  readonly #parts: (number | Uint8Array)[] = [];
  #length = 0;

  integer(number: number, value: bigint | number): this {
    this.#small(number << 3);
    if (typeof value === "number" && value >= 0 && value <= MAX_SMALL) this.#small(value);
    else this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  bytes(number: number, value: Uint8Array): this {
    this.#small((number << 3) | DELIMITED);
    this.#small(value.length);
    this.#parts.push(value);
    this.#length += value.length;
    return this;
  }

  text(number: number, value: string): this {
    return this.bytes(number, utf8(value));
  }

  done(): Bytes {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts)
      if (typeof part === "number") whole[at++] = part;
      else {
        whole.set(part, at);
        at += part.length;
      }
    return whole;
  }

  /** At most 31 bits, without a sign. */
  #small(value: number): void {
    let rest = value;
    while (rest >= MORE) {
      this.#byte((rest & 0x7f) | MORE);
      rest >>>= 7;
    }
    this.#byte(rest);
  }

  #varint(value: bigint): void {
    let rest = value;
    while (rest >= 0x80n) {
      this.#byte(Number(rest & 0x7fn) | MORE);
      rest >>= 7n;
    }
    this.#byte(Number(rest));
  }

  #byte(value: number): void {
    this.#parts.push(value);
    this.#length++;
  }
}

/** The fields of a message, in the order of their numbers. */
export class Fields {
  readonly #reader: Cursor;
  readonly #fields: readonly ReadField[];

  /**
   * @param known the numbers that the message may have
   * @throws TokenError `ERR_TOKEN_MALFORMED`
   */
  static of(message: Uint8Array, known: Known): Fields {
    const reader = new Cursor(message);
    return new Fields(reader, reader.fields(0, message.length, known));
  }

  private constructor(reader: Cursor, fields: readonly ReadField[]) {
    this.#reader = reader;
    this.#fields = fields;
  }

  has(number: number): boolean {
    for (const field of this.#fields) if (field.number === number) return true;
    return false;
  }

  integer(number: number): number | bigint | undefined {
    const field = this.#only(number);
    if (field === undefined) return undefined;
    if (field.integer === undefined) throw wrongType();
    return field.integer;
  }

  /** A 32-bit integer without a sign. */
  small(number: number): number | undefined {
    const value = this.integer(number);
    if (value !== undefined && value > 0xffff_ffff) throw malformed("an integer is too large");
    return value === undefined ? undefined : Number(value);
  }

  /** A view. */
  bytes(number: number): Uint8Array {
    const field = this.#only(number);
    if (field === undefined || field.integer !== undefined) throw malformed("a field is missing");
    return this.bytesOf(field);
  }

  /** A view. */
  bytesOf({ integer, from, to }: ReadField): Uint8Array {
    if (integer !== undefined) throw wrongType();
    return this.#reader.bytes.subarray(from, to);
  }

  all(number: number): readonly ReadField[] {
    const all: ReadField[] = [];
    for (const field of this.#fields) {
      if (field.number !== number) continue;
      if (field.integer !== undefined) throw wrongType();
      all.push(field);
    }
    return all;
  }

  /** The message that a field of it holds. */
  inside({ integer, from, to }: ReadField, known: Known): Fields {
    if (integer !== undefined) throw wrongType();
    return new Fields(this.#reader, this.#reader.fields(from, to, known));
  }

  message(number: number, known: Known): Fields {
    const field = this.#only(number);
    if (field === undefined || field.integer !== undefined) throw malformed("a field is missing");
    return this.inside(field, known);
  }

  /** Of a message that has exactly one field. */
  get one(): ReadField {
    const only = this.#fields[0];
    if (only === undefined || this.#fields.length > 1) throw malformed("a value is not one value");
    return only;
  }

  #only(number: number): ReadField | undefined {
    let only: ReadField | undefined;
    for (const field of this.#fields) {
      if (field.number !== number) continue;
      if (only !== undefined) throw malformed("a field stands twice");
      only = field;
    }
    return only;
  }
}

export const wrongType = (): TokenError => malformed("a field has the wrong type");

export function textOf(bytes: Uint8Array): string {
  const text = utf8Text(bytes);
  if (text === undefined) throw malformed("a text is not UTF-8");
  return text;
}
