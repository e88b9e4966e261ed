/**
 * The V2 binary form of a macaroon, as go-macaroon and libmacaroons write it. spec/1-credential.md
 * §1.
 */
import { TokenError } from "../errors.ts";
import { type Binary, binaryOfUtf8, utf8OfBinary } from "../internal/bytes.ts";

/** The fields of a packet, not verified, as binary texts. */
export interface Packet {
  readonly location: string;
  readonly identifier: Binary;
  readonly caveats: readonly Binary[];
  readonly signature: Binary;
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

export const tooLarge = (): TokenError =>
  new TokenError(
    "ERR_TOKEN_TOO_LARGE",
    `A macaroon has at most ${MAX_CAVEATS} caveats of ${MAX_CAVEAT_BYTES} bytes, and ${MAX_PACKET_BYTES} bytes in all. Delegate less deep, or say less in each scope.`,
  );

/**
 * Reads a packet. Bytes after it are an error.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_THIRD_PARTY`
 */
export function readPacket(input: Binary): Packet {
  if (input.length > MAX_PACKET_BYTES) throw tooLarge();
  const reader = new FieldReader(input);
  if (reader.byte() !== VERSION) throw malformed("it is not a V2 binary macaroon");
  const location = reader.optional(FIELD.location);
  const identifier = reader.required(FIELD.identifier, "identifier");
  reader.end();
  const caveats: Binary[] = [];
  while (!reader.atEnd()) caveats.push(readCaveat(reader, caveats.length));
  reader.end();
  const signature = reader.required(FIELD.signature, "signature");
  if (signature.length !== SIGNATURE_BYTES) throw malformed("its signature is not 32 bytes");
  if (reader.rest() !== 0) throw malformed("bytes follow its signature");
  // A copy of the list, because one that grew reserves room for more.
  return { location: locationText(location), identifier, caveats: caveats.slice(), signature };
}

function readCaveat(reader: FieldReader, index: number): Binary {
  if (index === MAX_CAVEATS) throw tooLarge();
  const location = reader.optional(FIELD.location);
  const caveat = reader.required(FIELD.identifier, "caveat");
  // Skipping a third-party caveat would drop a restriction, and verifying one takes a discharge,
  // which no L402 client sends. [case 28]
  if (location !== undefined || reader.optional(FIELD.verificationId) !== undefined)
    throw new TokenError(
      "ERR_TOKEN_THIRD_PARTY",
      "The macaroon has a third-party caveat, which Sigil refuses.",
    );
  if (caveat.length > MAX_CAVEAT_BYTES) throw tooLarge();
  reader.end();
  return caveat;
}

function locationText(location: Binary | undefined): string {
  const text = location === undefined ? "" : utf8OfBinary(location);
  if (text === undefined) throw malformed("its location is not UTF-8");
  return text;
}

const END = String.fromCharCode(FIELD.end);

/** Writes in one pass: V8 joins the parts when the whole is encoded. */
export function writePacket(packet: Packet): Binary {
  let whole = String.fromCharCode(VERSION);
  if (packet.location !== "") whole += field(FIELD.location, binaryOfUtf8(packet.location));
  whole += field(FIELD.identifier, packet.identifier) + END;
  for (const caveat of packet.caveats) whole += field(FIELD.identifier, caveat) + END;
  return (whole + END + field(FIELD.signature, packet.signature)) as Binary;
}

function field(type: number, data: Binary): string {
  let header = String.fromCharCode(type);
  let length = data.length;
  while (length > 0x7f) {
    header += String.fromCharCode((length & 0x7f) | 0x80);
    length >>>= 7;
  }
  return header + String.fromCharCode(length) + data;
}

/**
 * Reads the type-length-value fields of a packet in the order in which the caller asks for them.
 */
class FieldReader {
  readonly #packet: Binary;
  #offset = 0;

  constructor(packet: Binary) {
    this.#packet = packet;
  }

  byte(): number {
    if (this.rest() === 0) throw malformed("it ends too early");
    return this.#packet.charCodeAt(this.#offset++);
  }

  rest(): number {
    return this.#packet.length - this.#offset;
  }

  atEnd(): boolean {
    return this.#packet.charCodeAt(this.#offset) === FIELD.end;
  }

  end(): void {
    if (this.byte() !== FIELD.end) throw malformed("a section does not end where it should");
  }

  optional(type: number): Binary | undefined {
    if (this.#packet.charCodeAt(this.#offset) !== type) return undefined;
    this.#offset++;
    const length = this.#length();
    if (length > this.rest()) throw malformed("a field is longer than the macaroon");
    const start = this.#offset;
    this.#offset += length;
    return this.#packet.slice(start, this.#offset) as Binary;
  }

  required(type: number, name: string): Binary {
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
