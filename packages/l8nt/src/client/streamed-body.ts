/**
 * The body of a request that comes by and by: sent as it comes, and kept as far as it may have to
 * be sent again. spec/4-purchase.md §2.
 */
import { concat } from "../internal/bytes.ts";

type Part = Uint8Array<ArrayBuffer>;

/** Turns of the event loop in which a body that is in memory gives its next part. */
const TURNS = 4;

export class StreamedBody {
  readonly #reader: ReadableStreamDefaultReader<Part>;
  /** The size of a body that is kept. */
  readonly #maxBytes: number;
  readonly #request: Request | undefined;
  /** What was read. Of a body that is too large, what was sent is left out. */
  readonly #parts: (Part | undefined)[] = [];
  #bytes = 0;
  #hasEnded = false;
  #reading: Promise<void> | undefined;
  #isTaken = false;
  /** Whether nothing of it is sent again. */
  #isLeft = false;
  /** The sending of it was ended. */
  #end: { readonly reason: unknown } | undefined;

  /** @param request is sent in place of the stream, and has the same body */
  constructor(stream: ReadableStream<Part>, maxBytes: number, request?: Request) {
    this.#reader = stream.getReader();
    this.#maxBytes = maxBytes;
    this.#request = request;
  }

  get #isLarge(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** Reads what is there at once; the body, if that is all of it and not too large. */
  async atOnce(): Promise<Part | undefined> {
    while (!this.#hasEnded && !this.#isLarge) {
      const count = this.#parts.length;
      // A failure is met where the part is awaited.
      this.#next().catch(() => {});
      for (let turn = 0; turn < TURNS && this.#parts.length === count; turn++)
        if (!this.#hasEnded) await new Promise((resolve) => setTimeout(resolve, 0));
      if (this.#parts.length === count && !this.#hasEnded) return undefined;
    }
    return this.whole();
  }

  /** The body, once it has ended; undefined as soon as it is too large. */
  async whole(): Promise<Part | undefined> {
    while (!this.#hasEnded && !this.#isLarge) await this.#next();
    return this.#isLarge ? undefined : concat(...(this.#parts as Part[]));
  }

  /** What is sent first: the body as it comes. Undefined from the second time on. */
  take(): ReadableStream<Part> | Request | undefined {
    if (this.#isTaken) return undefined;
    this.#isTaken = true;
    if (this.#request !== undefined) {
      void this.#keep();
      return this.#request;
    }
    let at = 0;
    return new ReadableStream<Part>(
      {
        pull: async (controller) => {
          while (at === this.#parts.length && !this.#hasEnded) await this.#next();
          if (at === this.#parts.length) return controller.close();
          controller.enqueue(this.#parts[at]!);
          at++;
          if (this.#isLarge || this.#isLeft) this.#parts[at - 1] = undefined;
        },
        cancel: (reason) => {
          this.#end = { reason };
          if (this.#isLeft) this.#cancel();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** The call has an answer. What is being sent goes on; a body that nobody reads is cancelled. */
  leave(): void {
    this.#isLeft = true;
    const isSentElsewhere = this.#request !== undefined;
    if (!this.#isTaken || this.#end !== undefined || isSentElsewhere) this.#cancel();
  }

  /** The call has failed. */
  end(reason: unknown): void {
    this.#isLeft = true;
    this.#end ??= { reason };
    this.#cancel();
  }

  #cancel(): void {
    const reason = this.#end?.reason;
    this.#reader.cancel(reason).catch(() => {});
    if (!this.#isTaken) this.#request?.body?.cancel(reason).catch(() => {});
  }

  /** Keeps what the request sends, as long as it is not too large. */
  async #keep(): Promise<void> {
    // A failure is met where the request is sent.
    await this.whole().catch(() => {});
    if (!this.#isLarge) return;
    // What one of two branches leaves unread would stay in memory.
    this.#parts.length = 0;
    await this.#reader.cancel().catch(() => {});
  }

  /** Reads the next part. */
  #next(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { done, value } = await this.#reader.read();
    if (done) {
      this.#hasEnded = true;
      return;
    }
    this.#bytes += value.length;
    this.#parts.push(value);
  }
}
