/** Watches the answer to a metered request, and settles what it came to before it ends. */
import { formatAmount } from "l8nt/invoice";
import { valuesOf } from "../core/fields.ts";
import type { Head, Outcome, Watcher, Whole } from "../core/forward.ts";
import type { UsageReader } from "../presets/preset.ts";
import type { ModelPrice } from "../prices/model-price.ts";
import { type Instead, isRefusal } from "../refusal.ts";
import type { Counted } from "../shadow.ts";
import type { Usage } from "../usage.ts";
import { isBilled } from "./billed.ts";
import { amountOf, type Cost, chargedFor, costOf } from "./cost.ts";
import { EventReader } from "./events.ts";
import { BUDGET_FIELD } from "./limits.ts";

export interface MeteringOptions {
  readonly granted: Counted;
  readonly reader: UsageReader;
  /** Whether the client asked for reasoning. */
  readonly mayReason: boolean;
  /** Whether the client asked for a stream. */
  readonly isStream: boolean;
  readonly price: ModelPrice;
  /** The usage that was reserved. */
  readonly most: Usage;
  /** Its price, in the unit of `price`. */
  readonly reserved: bigint;
  /** The field that tells what was spent and what is left. */
  readonly budget: (cost: Cost) => Promise<string>;
  /** The output cap that was written into the request, if it was lowered. */
  readonly outputLimit: number | undefined;
  readonly instead: Instead;
  /** Called once, while a stream runs that is known to cost more than was reserved. */
  readonly overrun?: (() => void) | undefined;
  /** Told of a usage that the request could not come to. */
  readonly alarm: (what: string) => void;
}

/** The output, in tokens, that what is left allowed. */
const LIMITED_FIELD = "Sigil-Output-Limited";
/**
 * A stream that has more events than these for its most tokens is longer than its limit. Vendors
 * send one event for a token or for several, and some that begin or end a part.
 */
const EVENTS_PER_TOKEN = 4;
const EVENTS_BESIDE = 256;

export class Metering implements Watcher {
  readonly #options: MeteringOptions;
  #status: number | undefined;
  #events: EventReader | undefined;
  #isServerSent = false;
  /** Bytes of a stream since its last usage. */
  #bytesSince = 0;
  #eventCount = 0;
  #isOverrun = false;
  #usage: Usage | undefined;
  #settling: Promise<Cost> | undefined;

  readonly fields: readonly string[];

  constructor(options: MeteringOptions) {
    this.#options = options;
    const { outputLimit } = options;
    this.fields = outputLimit === undefined ? [] : [LIMITED_FIELD, String(outputLimit)];
  }

  mode({ status, fields }: Head): "stream" | "whole" {
    this.#status = status;
    const [type = ""] = valuesOf(fields, "content-type");
    const isFine = status >= 200 && status <= 299;
    // Against what was asked for, it is encoded: nobody reads its usage here.
    if (isFine && valuesOf(fields, "content-encoding").some((coding) => coding !== "identity"))
      return "stream";
    this.#isServerSent = /^text\/event-stream\b/i.test(type);
    if (isFine && this.#isServerSent) this.#events = new EventReader("sse");
    else if (isFine && /^application\/(?:x-)?ndjson\b/i.test(type))
      this.#events = new EventReader("lines");
    return this.#events === undefined ? "whole" : "stream";
  }

  part(bytes: Buffer): Uint8Array | undefined {
    // An answer that was too large to be kept whole.
    if (this.#events === undefined) {
      this.#bytesSince += bytes.length;
      return isRefusal(this.#status) ? undefined : bytes;
    }
    const passed = this.#events
      .take(bytes)
      .flatMap((event) => (this.#passes(event) ? [event.bytes] : []));
    return passed.length === 1 ? passed[0] : Buffer.concat(passed);
  }

  #passes({ bytes, data }: { readonly bytes: Buffer; readonly data: string | undefined }): boolean {
    const { reader } = this.#options;
    if (data === undefined) return true;
    this.#bytesSince += bytes.length;
    const verdict = reader.event(data);
    if (reader.usage !== this.#usage) {
      this.#usage = reader.usage;
      this.#bytesSince = 0;
    }
    this.#eventCount++;
    this.#watch();
    return verdict === "pass";
  }

  /** A stream whose last usage is here has ended, whatever it costs. */
  #watch(): void {
    const { reader, price, most, reserved, overrun } = this.#options;
    if (overrun === undefined || this.#isOverrun || this.#usage !== undefined) return;
    const stated = reader.latest && price.cost(reader.latest);
    const isDearer = stated !== undefined && stated > reserved;
    const isLonger = this.#eventCount > EVENTS_PER_TOKEN * Number(most.output) + EVENTS_BESIDE;
    if (!isDearer && !isLonger) return;
    this.#isOverrun = true;
    // Behind the part that is being passed on.
    queueMicrotask(overrun);
  }

  async ended(): Promise<Uint8Array | undefined> {
    const rest = this.#endOfStream();
    const cost = await this.settle({ kind: "answered", status: this.#status! });
    // A comment would become a part of an event that has not ended.
    if (this.#events === undefined || !this.#isServerSent || rest.length > 0) return rest;
    const { budget } = this.#options;
    const text = await budget(cost);
    // A comment, which no client of server-sent events shows.
    return Buffer.concat([rest, Buffer.from(`: ${BUDGET_FIELD.toLowerCase()} ${text}\n\n`)]);
  }

  /** What is left of a stream that has ended: its last event may have no line break behind it. */
  #endOfStream(): Buffer {
    const last = this.#events?.last();
    if (last === undefined) return Buffer.alloc(0);
    this.#passes(last);
    return last.bytes;
  }

  async whole(answer: Whole): Promise<Whole> {
    const { instead, budget, reader } = this.#options;
    const other = instead(answer);
    if (other === undefined) this.#usage = reader.whole(jsonOf(answer.body));
    const cost = await this.settle({ kind: "answered", status: (other ?? answer).status });
    const passed = other ?? answer;
    return { ...passed, fields: [...passed.fields, BUDGET_FIELD, await budget(cost)] };
  }

  /** Settles once: the first end decides. */
  settle(outcome: Outcome): Promise<Cost> {
    this.#settling ??= this.#settle(outcome);
    return this.#settling;
  }

  async #settle(outcome: Outcome): Promise<Cost> {
    const { granted, price, most, reserved } = this.#options;
    // Of an event that did not come to its end.
    this.#bytesSince += this.#events?.rest().length ?? 0;
    const status = "status" in outcome ? outcome.status : undefined;
    const latest = this.#usage ?? this.#options.reader.latest;
    const isFree = !isBilled(outcome, latest !== undefined);
    const cost: Cost = isFree
      ? { unit: price.unit, value: 0n, isEstimated: false, usage: undefined }
      : costOf(
          {
            isStream:
              this.#events !== undefined || (status === undefined && this.#options.isStream),
            isComplete: outcome.kind === "answered" && this.#events?.isWhole !== false,
            bytesSince: this.#bytesSince,
            usage: this.#usage,
            latest,
            mayReason: this.#options.mayReason,
          },
          price,
          most,
          reserved,
        );
    const stated = cost.usage && price.cost(cost.usage);
    if (stated !== undefined && stated > reserved)
      this.#options.alarm(
        `the vendor states a usage of ${formatAmount({ unit: price.unit, value: stated })}, and by ${price.line} the request could come to ${formatAmount(amountOf(cost))}, which was charged: compare the price list with the vendor's`,
      );
    if (isFree) granted.grant.release();
    else granted.grant.settle(amountOf(cost));
    return chargedFor(cost, await granted.finish(status));
  }
}

/** Undefined for what is no JSON. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"),
    );
  } catch {
    return undefined;
  }
}
