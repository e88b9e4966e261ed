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
  readonly fields: readonly string[];
  readonly #inner: Watcher;
  readonly #keep: Keep;
  #isWhole = false;
  #answer: Whole | undefined;

  constructor(inner: Watcher, keep: Keep) {
    this.#inner = inner;
    this.#keep = keep;
    this.fields = inner.fields;
  }

  mode(head: Head): ReturnType<Watcher["mode"]> {
    const mode = this.#inner.mode(head);
    const [type = ""] = valuesOf(head.fields, "content-type");
    const [length = "0"] = valuesOf(head.fields, "content-length");
    if (mode !== "unseen" || STREAM.test(type) || Number(length) > MAX_BYTES) return mode;
    this.#isWhole = true;
    return "whole";
  }

  /** Of an answer that turned out to be too large to be kept, too. */
  part(bytes: Buffer): Uint8Array | undefined {
    return this.#isWhole ? bytes : this.#inner.part(bytes);
  }

  ended(): Promise<Uint8Array | undefined> {
    return this.#isWhole ? Promise.resolve(undefined) : this.#inner.ended();
  }

  async whole(answer: Whole): Promise<Whole> {
    this.#answer = await this.#inner.whole(answer);
    return this.#answer;
  }

  /** Hands the answer in, once the exchange has ended. */
  end(): void {
    const { status, fields, body } = this.#answer ?? NOTHING;
    if (status === undefined || body.length > MAX_BYTES) {
      this.#keep(undefined);
      return;
    }
    const headers = fields.flatMap((name, at) =>
      at % 2 === 0 && !OF_ONE_ANSWER.test(name) ? [[name, fields[at + 1]!] as const] : [],
    );
    this.#keep({ status, headers, body: new Uint8Array(body) });
  }
}

const NOTHING = { status: undefined, fields: [], body: new Uint8Array() };

/** Made anew for each answer. */
const OF_ONE_ANSWER = /^(?:content-length|date)$/i;
