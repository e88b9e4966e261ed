/**
 * Keeps the whole answer to a request with an `Idempotency-Key`: who paid for it and lost it sends
 * the request again, and gets it. spec/5-ledger.md §5.
 */
import type { Granted } from "l8nt/service";
import { valuesOf } from "../core/fields.ts";
import type { Head, Watcher, Whole } from "../core/forward.ts";

export type Keep = NonNullable<ReturnType<Granted["keeper"]>>;

/** What is larger is not kept. */
const MAX_BYTES = 65_536;
const STREAM = /^(?:text\/event-stream|application\/(?:x-)?ndjson)\b/i;

export class KeptAnswer implements Watcher {
  readonly #inner: Watcher;
  readonly #keep: Keep;
  /** Of an answer that the inner watcher does not look at. */
  #isUnseen = false;
  #head: Head | undefined;
  /** What was passed on of a stream; undefined once it is too much to be kept. */
  #parts: Uint8Array[] | undefined = [];
  #size = 0;
  #answer: Whole | undefined;

  constructor(inner: Watcher, keep: Keep) {
    this.#inner = inner;
    this.#keep = keep;
  }

  get fields(): readonly string[] {
    return this.#inner.fields;
  }

  /** Whether an answer, of so many bytes until now, may still be kept. */
  isOpen(bytes: number): boolean {
    return this.#parts !== undefined && bytes <= MAX_BYTES;
  }

  mode(head: Head): ReturnType<Watcher["mode"]> {
    this.#head = head;
    const mode = this.#inner.mode(head);
    if (mode !== "unseen") return mode;
    const [type = ""] = valuesOf(head.fields, "content-type");
    const [length = "0"] = valuesOf(head.fields, "content-length");
    if (Number(length) > MAX_BYTES) {
      this.#parts = undefined;
      return mode;
    }
    this.#isUnseen = true;
    return STREAM.test(type) ? "stream" : "whole";
  }

  /** Of an answer that turned out to be too large to be passed on whole, too. */
  part(bytes: Buffer): Uint8Array | undefined {
    const passed = this.#isUnseen ? bytes : this.#inner.part(bytes);
    this.#collect(passed);
    return passed;
  }

  async ended(): Promise<Uint8Array | undefined> {
    const last = this.#isUnseen ? undefined : await this.#inner.ended();
    this.#collect(last);
    const { status, fields } = this.#head!;
    if (this.#parts !== undefined)
      this.#answer = { status, fields: [...fields], body: Buffer.concat(this.#parts) };
    return last;
  }

  #collect(bytes: Uint8Array | undefined): void {
    if (this.#parts === undefined || bytes === undefined) return;
    this.#size += bytes.length;
    if (this.#size > MAX_BYTES) this.#parts = undefined;
    // A copy: bytes of a connection may be used again.
    else this.#parts.push(bytes.slice());
  }

  async whole(answer: Whole): Promise<Whole> {
    this.#answer = await this.#inner.whole(answer);
    return this.#answer;
  }

  /** Hands the answer in, once the exchange has ended. */
  end(): void {
    if (this.#answer === undefined || this.#answer.body.length > MAX_BYTES) {
      this.#keep(undefined);
      return;
    }
    const { status, fields, body } = this.#answer;
    const lines = [...fields, ...this.fields];
    const headers = lines.flatMap((name, at) =>
      at % 2 === 0 && !OF_ONE_ANSWER.test(name) ? [[name, lines[at + 1]!] as const] : [],
    );
    this.#keep({ status, headers, body: new Uint8Array(body) });
  }
}

/** Made anew for each answer. */
const OF_ONE_ANSWER = /^(?:content-length|date|sigil-budget)$/i;
