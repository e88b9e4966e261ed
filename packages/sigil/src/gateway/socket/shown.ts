/**
 * The messages of a vendor as its client gets them: a key of the vendor in one is hidden, as in the
 * body of an answer. No length changes, so the frames stay as they are.
 */
import type { Hider } from "../vault/hide.ts";
import { type FrameReader, Frames } from "./frames.ts";

const FINAL = 0x80;
/** Set by an extension, which nobody asked for: what it makes of a payload is not read here. */
const RESERVED = 0x70;
const CONTROL = 0x08;
const MASKED = 0x80;

export class ShownMessages implements FrameReader {
  readonly #frames = new Frames(this);
  readonly #newHider: () => Hider;
  /** Of the message that is under way. A control frame may stand between two parts of it. */
  #message: Hider;
  #control: Hider;
  #isControl = false;
  #isFinal = false;
  /** In order: bytes that are ready, and lengths of payloads that wait for theirs. */
  readonly #waiting: (Buffer | number)[] = [];
  /** Of the payload of messages: what was looked through. */
  #ready: Buffer = NOTHING;
  #isReadable = true;

  /** @param newHider makes one for each message, because no key goes on in the next one */
  constructor(newHider: () => Hider) {
    this.#newHider = newHider;
    this.#message = newHider();
    this.#control = newHider();
  }

  /** Whether all that came could be looked through. After that nothing is passed on. */
  get isReadable(): boolean {
    return this.#isReadable;
  }

  /** What can be passed on with these bytes. The beginning of a key waits for what follows. */
  take(bytes: Buffer): Buffer {
    if (this.#isReadable) this.#frames.take(bytes);
    const passed: Buffer[] = [];
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      if (typeof first !== "number") passed.push(first);
      else {
        const length = Math.min(first, this.#ready.length);
        passed.push(this.#ready.subarray(0, length));
        this.#ready = this.#ready.subarray(length);
        if (length < first) {
          this.#waiting[0] = first - length;
          break;
        }
      }
      this.#waiting.shift();
    }
    return Buffer.concat(passed);
  }

  header(bytes: Buffer): void {
    this.#isReadable &&= (bytes[0]! & RESERVED) === 0 && (bytes[1]! & MASKED) === 0;
    if (!this.#isReadable) return;
    this.#isControl = (bytes[0]! & CONTROL) !== 0;
    this.#isFinal = (bytes[0]! & FINAL) !== 0;
    this.#waiting.push(Buffer.from(bytes));
  }

  payload(bytes: Buffer): void {
    if (!this.#isReadable) return;
    if (this.#isControl) this.#waiting.push(Buffer.from(this.#control.part(bytes)));
    else {
      this.#waiting.push(bytes.length);
      this.#ready = Buffer.concat([this.#ready, this.#message.part(bytes)]);
    }
  }

  end(): void {
    if (!this.#isReadable || !(this.#isFinal || this.#isControl)) return;
    if (this.#isControl) {
      this.#waiting.push(this.#control.rest());
      this.#control = this.#newHider();
    } else {
      this.#ready = Buffer.concat([this.#ready, this.#message.rest()]);
      this.#message = this.#newHider();
    }
  }
}

const NOTHING = Buffer.alloc(0);
