/**
 * The V2 binary form of a macaroon, as go-macaroon and libmacaroons write it. spec/1-credential.md
 * §1.
 */
import { TokenError } from "../errors.ts";
import { type Bytes, concat, utf8, utf8Text } from "../internal/bytes.ts";

/** The fields of a packet, not verified. */
export interface Packet {
  readonly location: string;
  readonly identifier: Bytes;
  readonly caveats: readonly Bytes[];
  readonly signature: Bytes;
}

/**
 * The most that fits in a credential of 8192 characters, as base64 with a colon and 64 digits. A
 * larger macaroon could never be presented. [case 7]
 */
export const MAX_PACKET_BYTES = 6093;
export const MAX_CAVEATS = 64;
export const MAX_CAVEAT_BYTES = 1024;

const VERSION = 2;
const FIELD = { end: 0, location: 1, identifier: 2, verificationId: 4, signature: 6 } as const;
const SIGNATURE_BYTES = 32;

const malformed = (why: string): TokenError =>
  new TokenError("ERR_TOKEN_MALFORMED", `The macaroon is malformed: ${why}.`);

/**
 * Reads a packet. Bytes after it are an error.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_THIRD_PARTY`
 */
export function readPacket(input: Uint8Array): Packet {
  if (input.length > MAX_PACKET_BYTES)
    throw new TokenError(
      "ERR_TOKEN_TOO_LARGE",
      `A macaroon has at most ${MAX_PACKET_BYTES} bytes.`,
    );
  const reader = new FieldReader(new Uint8Array(input));
  if (reader.byte() !== VERSION) throw malformed("it is not a V2 binary macaroon");
  const location = reader.optional(FIELD.location);
  const identifier = reader.required(FIELD.identifier, "identifier");
  reader.end();
  const caveats: Bytes[] = [];
  while (!reader.atEnd()) caveats.push(readCaveat(reader, caveats.length));
  reader.end();
  const signature = reader.required(FIELD.signature, "signature");
  if (signature.length !== SIGNATURE_BYTES) throw malformed("its signature is not 32 bytes");
  if (reader.rest() !== 0) throw malformed("bytes follow its signature");
  return { location: locationText(location), identifier, caveats, signature };
}

function readCaveat(reader: FieldReader, index: number): Bytes {
  if (index === MAX_CAVEATS)
    throw new TokenError("ERR_TOKEN_TOO_LARGE", `A macaroon has at most ${MAX_CAVEATS} caveats.`);
  const location = reader.optional(FIELD.location);
  const caveat = reader.required(FIELD.identifier, "caveat");
  // Skipping a third-party caveat would drop a restriction, and verifying one takes a discharge,
  // which no L402 client sends. [case 28]
  if (location !== undefined || reader.optional(FIELD.verificationId) !== undefined)
    throw new TokenError(
      "ERR_TOKEN_THIRD_PARTY",
      "The macaroon has a third-party caveat, which Sigil refuses.",
    );
  if (caveat.length > MAX_CAVEAT_BYTES)
    throw new TokenError("ERR_TOKEN_TOO_LARGE", `A caveat has at most ${MAX_CAVEAT_BYTES} bytes.`);
  reader.end();
  return caveat;
}

function locationText(location: Bytes | undefined): string {
  const text = location === undefined ? "" : utf8Text(location);
  if (text === undefined) throw malformed("its location is not UTF-8");
  return text;
}

export function writePacket(packet: Packet): Bytes {
  const location = utf8(packet.location);
  const parts: Uint8Array[] = [Uint8Array.of(VERSION)];
  if (location.length > 0) parts.push(field(FIELD.location, location));
  parts.push(field(FIELD.identifier, packet.identifier), END);
  for (const caveat of packet.caveats) parts.push(field(FIELD.identifier, caveat), END);
  parts.push(END, field(FIELD.signature, packet.signature));
  return concat(...parts);
}

const END = Uint8Array.of(FIELD.end);

function field(type: number, data: Uint8Array): Bytes {
  const header = [type];
  let length = data.length;
  while (length > 0x7f) {
    header.push((length & 0x7f) | 0x80);
    length >>>= 7;
  }
  header.push(length);
  return concat(Uint8Array.from(header), data);
}

/**
 * Reads the type-length-value fields of a packet in the order in which the caller asks for them.
 */
class FieldReader {
  readonly #bytes: Bytes;
  #offset = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw malformed("it ends too early");
    return byte;
  }

  rest(): number {
    return this.#bytes.length - this.#offset;
  }

  atEnd(): boolean {
    return this.#bytes[this.#offset] === FIELD.end;
  }

  end(): void {
    if (this.byte() !== FIELD.end) throw malformed("a section does not end where it should");
  }

  optional(type: number): Bytes | undefined {
    if (this.#bytes[this.#offset] !== type) return undefined;
    this.#offset++;
    const length = this.#length();
    if (length > this.rest()) throw malformed("a field is longer than the macaroon");
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }

  required(type: number, name: string): Bytes {
    const data = this.optional(type);
    if (data === undefined) throw malformed(`its ${name} is missing or out of place`);
    return data;
  }

  /**
   * A varint of at most two bytes, minimal: no field of so small a packet needs a third. [case 5]
   */
  #length(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    const second = this.byte();
    if (second === 0 || second > 0x7f) throw malformed("a length is not a minimal varint");
    return (first & 0x7f) | (second << 7);
  }
}
