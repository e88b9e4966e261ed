/** What becomes known of one request while it is served, and who is told of it. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Verified } from "l8nt/l402";
import type { Denied } from "./denied.ts";
import type { Observer, Row } from "./observer.ts";

export interface EntryContext {
  readonly observer: Required<Observer>;
  /** Unix seconds. */
  readonly clock: () => number;
  /** Milliseconds of a clock that is never set. */
  readonly timer: () => number;
}

type Writable<Of> = { -readonly [Member in keyof Of]: Of[Member] };

/** This run of the program: its ids are those of no other one. */
const RUN = randomBytes(4).toString("hex");
let made = 0;

/** Ids of one time stand next to each other in an index. */
const idAt = (ms: number): string =>
  ms.toString(16).padStart(12, "0") + RUN + (made++ >>> 0).toString(16).padStart(8, "0");

export class Entry {
  readonly id: string;
  readonly #context: EntryContext;
  readonly #began: number;
  /** What is known by now. Observers get copies, which stay as they are. */
  readonly #row: Writable<Row>;
  #verified: Verified | undefined;
  #isTold = false;

  constructor(
    { method = "" }: Pick<IncomingMessage, "method">,
    path: string,
    context: EntryContext,
  ) {
    this.#context = context;
    this.#began = context.timer();
    const at = Math.floor(context.clock() * 1000);
    this.id = idAt(at);
    this.#row = { ...UNKNOWN, id: this.id, at, method, path };
  }

  /** Adds what became known. */
  know(facts: Partial<Row>): void {
    Object.assign(this.#row, facts);
  }

  /** The credential was proven. */
  proven(verified: Verified): void {
    this.#verified = verified;
    this.#row.lineage = verified.lineage;
    this.#row.nodeId = verified.node.id;
  }

  /** The vendor's answer has begun. */
  begun(): void {
    this.#row.firstByteMs = this.#elapsed();
  }

  opened(facts: Partial<Row>): void {
    this.know(facts);
    this.#context.observer.opened({ ...this.#row }, this.#verified!);
  }

  settled(facts: Partial<Row> & Pick<Row, "end">): void {
    this.#isTold = true;
    this.know(facts);
    this.#row.durationMs = this.#elapsed();
    this.#context.observer.settled({ ...this.#row }, this.#verified);
  }

  /** Tells nobody of a request that was settled: what it came to was told. */
  denied(denial: Denied): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const { status, code } = denial.facts;
    this.know({ end: "denied", status, code, durationMs: this.#elapsed() });
    this.#context.observer.denied({ ...this.#row }, denial, this.#verified);
  }

  #elapsed(): number {
    return Math.max(0, Math.round(this.#context.timer() - this.#began));
  }
}

const UNKNOWN: Omit<Row, "id" | "at" | "method" | "path"> = {
  service: undefined,
  route: undefined,
  capability: undefined,
  lineage: [],
  nodeId: undefined,
  model: undefined,
  status: undefined,
  end: "open",
  code: undefined,
  wouldDeny: undefined,
  unit: undefined,
  reserved: undefined,
  spent: undefined,
  isEstimated: false,
  usage: undefined,
  price: undefined,
  durationMs: undefined,
  firstByteMs: undefined,
};
