/** The events of a stream, each with its bytes, so that one can be left out. */
import { createParser } from "eventsource-parser";
import { Sieve } from "./sieve.ts";

export type StreamForm = "sse" | "lines";

/** An event, and the bytes that it came in, with the line that ends it. */
export interface StreamEvent {
  readonly bytes: Buffer;
  /** The data of a server-sent event, or the line; undefined for a comment or an empty line. */
  readonly data: string | undefined;
}

/**
 * What is held of an event. A longer one is passed on as it comes, and read without its long
 * strings; one that is still longer then is not read.
 */
const MAX_HELD_BYTES = 1024 * 1024;
const LF = 10;
const CR = 13;

/** Cuts a stream of bytes into events. */
export class EventReader {
  readonly #form: StreamForm;
  /** What has not ended yet, at the beginning of a buffer that grows. */
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where the search for an end goes on. */
  #searched = 0;
  /** What was passed on of a long event that has not ended. */
  #sieve: Sieve | undefined;
  /** Whether an event was too long: the rest of the stream is passed on unread. */
  #isUnread = false;

  constructor(form: StreamForm) {
    this.#form = form;
  }

  /** Whether everything until now was read. */
  get isWhole(): boolean {
    return !this.#isUnread;
  }

  get #held(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** The events that are complete with these bytes. */
  take(bytes: Buffer): readonly StreamEvent[] {
    if (this.#isUnread) return [{ bytes, data: "" }];
    this.#append(bytes);
    const events: StreamEvent[] = [];
    const held = this.#held;
    let start = 0;
    for (let end = this.#endAfter(held); end !== undefined; end = this.#endAfter(held)) {
      // A copy, because the buffer is used again.
      events.push(this.#ended(Buffer.from(held.subarray(start, end))));
      start = end;
      this.#searched = end;
    }
    this.#buffer.copyWithin(0, start, this.#length);
    this.#length -= start;
    this.#searched -= start;
    const isLong = this.#sieve !== undefined || this.#length > MAX_HELD_BYTES;
    if (isLong && this.#length > 0) events.push(this.#passedOn());
    return events;
  }

  /** A part of a long event. Its last byte is held, and a line break that may begin its end. */
  #passedOn(): StreamEvent {
    this.#sieve ??= new Sieve();
    const end = Math.max(0, this.#searched - 1);
    const bytes = Buffer.from(this.#buffer.subarray(0, end));
    this.#sieve.take(bytes);
    this.#buffer.copyWithin(0, end, this.#length);
    this.#length -= end;
    this.#searched -= end;
    if (this.#sieve.length <= MAX_HELD_BYTES) return { bytes, data: "" };
    this.#isUnread = true;
    return { bytes: Buffer.concat([bytes, this.rest()]), data: "" };
  }

  /** Twice as large when it is too small: each byte is copied a few times, whatever its part is. */
  #append(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(4096, 2 * length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    bytes.copy(this.#buffer, this.#length);
    this.#length = length;
  }

  /** What is left when the stream ends, read as if it had ended; undefined if nothing is. */
  last(): StreamEvent | undefined {
    const bytes = this.rest();
    if (bytes.length === 0) return undefined;
    return this.#ended(bytes);
  }

  /** What is left of an event that has not ended. */
  rest(): Buffer {
    const rest = Buffer.from(this.#held);
    this.#length = 0;
    this.#searched = 0;
    return rest;
  }

  /** Where the next event ends: behind an empty line, or behind the line. */
  #endAfter(held: Buffer): number | undefined {
    for (let at = this.#searched; at < held.length; at++) {
      if (this.#form === "lines") {
        if (held[at] === LF) return at + 1;
      } else if (held[at] === LF || held[at] === CR) {
        const next = afterBreak(held, at);
        // The line feed of a CR LF may come with the next bytes.
        if (next === undefined) return this.#wait(at);
        if (held[next] === LF || held[next] === CR) {
          const end = afterBreak(held, next);
          if (end === undefined) return this.#wait(at);
          return end;
        }
        if (next === held.length) return this.#wait(at);
        at = next - 1;
      }
    }
    return this.#wait(held.length);
  }

  #wait(at: number): undefined {
    this.#searched = at;
    return undefined;
  }

  /** An event that is complete, or its last part. */
  #ended(bytes: Buffer): StreamEvent {
    if (this.#sieve === undefined) return { bytes, data: this.#dataOf(bytes.toString("utf8")) };
    this.#sieve.take(bytes);
    const { text } = this.#sieve;
    this.#sieve = undefined;
    return { bytes, data: this.#dataOf(text) ?? "" };
  }

  #dataOf(text: string): string | undefined {
    if (this.#form === "lines") return text.trim() === "" ? undefined : text;
    let data: string | undefined;
    const parser = createParser({
      onEvent: (event) => {
        data = event.data;
      },
    });
    // Behind a CR at its end the parser would wait for a line feed.
    parser.feed(`${text}\n\n`);
    return data;
  }
}

/** Behind the line break at `at`; undefined if a CR is the last byte. */
function afterBreak(bytes: Buffer, at: number): number | undefined {
  if (bytes[at] === LF) return at + 1;
  if (at + 1 === bytes.length) return undefined;
  return bytes[at + 1] === LF ? at + 2 : at + 1;
}
