/**
 * Where the frames of a WebSocket end (RFC 6455 §5.2). Nothing else is read of them: a frame of the
 * gateway's own may only stand between two of the vendor's.
 */

const OPCODE = 0x0f;
const CLOSE = 0x8;
const MASKED = 0x80;
const LENGTH = 0x7f;

/** Told of the frames as their bytes come. */
export interface FrameReader {
  /** The bytes before the payload, which are to be copied. */
  header(bytes: Buffer): void;
  /** A part of the payload. */
  payload(bytes: Buffer): void;
  end(): void;
}

/** Follows the frames of one direction. */
export class Frames {
  readonly #reader: FrameReader | undefined;
  readonly #header = Buffer.alloc(14);
  #have = 0;
  /** Bytes of the payload that are still to come. */
  #left = 0;
  #isClosing = false;
  #isClosed = false;

  constructor(reader?: FrameReader) {
    this.#reader = reader;
  }

  /** Whether the last frame is complete, and no other one has begun. */
  get isBetween(): boolean {
    return this.#have === 0 && this.#left === 0;
  }

  /** Whether a close frame has passed, behind which there is none. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Takes bytes, all of them or those to the end of a frame.
   *
   * @returns how many
   */
  take(bytes: Buffer, upTo: "all" | "end of frame" = "all"): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#reader?.payload(bytes.subarray(at, at + taken));
        this.#left -= taken;
        at += taken;
      } else {
        this.#header[this.#have++] = bytes[at++]!;
        if (this.#have < 2 || this.#have < this.#headerLength()) continue;
        this.#reader?.header(this.#header.subarray(0, this.#have));
        this.#left = this.#payloadLength();
        this.#isClosing = (this.#header[0]! & OPCODE) === CLOSE;
        this.#have = 0;
      }
      if (this.#left > 0) continue;
      this.#reader?.end();
      this.#isClosed ||= this.#isClosing;
      if (upTo === "end of frame") break;
    }
    return at;
  }

  #headerLength(): number {
    const second = this.#header[1]!;
    const length = second & LENGTH;
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second & MASKED ? 4 : 0);
  }

  #payloadLength(): number {
    const length = this.#header[1]! & LENGTH;
    if (length < 126) return length;
    return length === 126 ? this.#header.readUInt16BE(2) : Number(this.#header.readBigUInt64BE(2));
  }
}

/** Of a control frame, with the code before it (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;

/** A close frame as a server sends it: not masked. */
export function closeFrame(code: number, reason: string): Buffer {
  let text = Buffer.from(reason);
  // Not in the middle of a character.
  if (text.length > MAX_REASON_BYTES)
    text = Buffer.from(
      text
        .subarray(0, MAX_REASON_BYTES)
        .toString()
        .replace(/\ufffd+$/, ""),
    );
  const frame = Buffer.alloc(4 + text.length);
  frame[0] = 0x80 | CLOSE;
  frame[1] = 2 + text.length;
  frame.writeUInt16BE(code, 2);
  text.copy(frame, 4);
  return frame;
}
