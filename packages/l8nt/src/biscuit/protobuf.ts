/**
 * Protocol Buffers, as far as Biscuit needs them: one spelling of each message. Fields stand in the
 * order of their numbers, integers have no byte too many, and nothing is unknown.
 */
import { TokenError } from "../errors.ts";
import { type Bytes, utf8, utf8Text } from "../internal/bytes.ts";

const VARINT = 0;
const DELIMITED = 2;
const MAX_VARINT_BYTES = 10;
const MAX_SMALL = 0x7fff_ffff;

export const malformed = (what: string): TokenError =>
  new TokenError("ERR_TOKEN_MALFORMED", `The credential is no Biscuit of the profile: ${what}.`);

export interface ReadField {
  readonly number: number;
  /** Of a varint. */
  readonly integer: bigint | undefined;
  /** Of a field with a length: a view. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * The fields of a message, in the order of their numbers.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED`
 */
export function readFields(message: Uint8Array): readonly ReadField[] {
  const fields: ReadField[] = [];
  const from = { at: 0 };
  let last = 0;
  while (from.at < message.length) {
    const tag = readVarint(message, from);
    const number = Number(tag >> 3n);
    const type = Number(tag & 7n);
    if (number === 0 || number < last) throw malformed("its fields are out of order");
    last = number;
    if (type === VARINT) {
      fields.push({ number, integer: readVarint(message, from), bytes: undefined });
    } else if (type === DELIMITED) {
      const length = readVarint(message, from);
      if (length > BigInt(message.length - from.at)) throw malformed("it ends too early");
      const end = from.at + Number(length);
      fields.push({ number, integer: undefined, bytes: message.subarray(from.at, end) });
      from.at = end;
    } else throw malformed("it has a field of a type that Biscuit does not use");
  }
  return fields;
}

function readVarint(message: Uint8Array, from: { at: number }): bigint {
  // Nearly all have one byte or two.
  const first = message[from.at];
  if (first !== undefined && first < 0x80) {
    from.at++;
    return BigInt(first);
  }
  const second = message[from.at + 1];
  if (second !== undefined && second > 0 && second < 0x80) {
    from.at += 2;
    return BigInt((first! & 0x7f) | (second << 7));
  }
  let value = 0n;
  for (let count = 0; count < MAX_VARINT_BYTES; count++) {
    const byte = message[from.at++];
    if (byte === undefined) throw malformed("it ends too early");
    value |= BigInt(byte & 0x7f) << BigInt(7 * count);
    if (byte < 0x80) {
      if ((byte === 0 && count > 0) || value >= 2n ** 64n)
        throw malformed("an integer is too long");
      return value;
    }
  }
  throw malformed("an integer is too long");
}

/** A message that is written field by field, in the order of their numbers. */
export class Writer {
  readonly #bytes: number[] = [];

  integer(number: number, value: bigint | number): this {
    this.#small(number << 3);
    if (typeof value === "number" && value >= 0 && value <= MAX_SMALL) this.#small(value);
    else this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  bytes(number: number, value: Uint8Array): this {
    this.#small((number << 3) | DELIMITED);
    this.#small(value.length);
    for (const byte of value) this.#bytes.push(byte);
    return this;
  }

  text(number: number, value: string): this {
    return this.bytes(number, utf8(value));
  }

  done(): Bytes {
    return new Uint8Array(this.#bytes);
  }

  /** At most 31 bits, without a sign. */
  #small(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes.push((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.#bytes.push(rest);
  }

  #varint(value: bigint): void {
    let rest = value;
    while (rest >= 0x80n) {
      this.#bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.#bytes.push(Number(rest));
  }
}

/** The fields of a message by their numbers, each of its kind. */
export class Fields {
  readonly #fields: readonly ReadField[];

  /** @param known the numbers that the message may have */
  constructor(message: Uint8Array, known: readonly number[]) {
    this.#fields = readFields(message);
    for (const { number } of this.#fields)
      if (!known.includes(number))
        throw malformed(`it has a field ${number} that it must not have`);
  }

  has(number: number): boolean {
    return this.#fields.some((field) => field.number === number);
  }

  integer(number: number): bigint | undefined {
    const field = this.#only(number);
    if (field === undefined) return undefined;
    if (field.integer === undefined) throw malformed("a field has the wrong type");
    return field.integer;
  }

  /** A 32-bit integer without a sign. */
  small(number: number): number | undefined {
    const value = this.integer(number);
    if (value !== undefined && value > 0xffff_ffffn) throw malformed("an integer is too large");
    return value === undefined ? undefined : Number(value);
  }

  bytes(number: number): Uint8Array {
    const field = this.#only(number);
    if (field?.bytes === undefined) throw malformed("a field is missing");
    return field.bytes;
  }

  text(number: number): string {
    return textOf(this.bytes(number));
  }

  all(number: number): readonly Uint8Array[] {
    return this.#fields
      .filter((field) => field.number === number)
      .map(({ bytes }) => {
        if (bytes === undefined) throw malformed("a field has the wrong type");
        return bytes;
      });
  }

  /** Of a message that has exactly one field. */
  get one(): ReadField {
    const [only, ...more] = this.#fields;
    if (only === undefined || more.length > 0) throw malformed("a value is not one value");
    return only;
  }

  #only(number: number): ReadField | undefined {
    const [first, ...more] = this.#fields.filter((field) => field.number === number);
    if (more.length > 0) throw malformed("a field stands twice");
    return first;
  }
}

export function textOf(bytes: Uint8Array): string {
  const text = utf8Text(bytes);
  if (text === undefined) throw malformed("a text is not UTF-8");
  return text;
}
