/** One exchange with a vendor: the request as planned, the answer as it comes, and how it ended. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { Hider } from "../vault/hide.ts";
import { breakOff, hasLeft, isOver, unreadOf, whenLeft, whenStuck } from "./client.ts";
import { codingsOf, Decoding, decodedLines, type Flow } from "./decoding.ts";
import { forClient, type Lines, linesOf, without } from "./fields.ts";
import { Shares } from "./shares.ts";

/** What is sent to the vendor. */
export interface Plan {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly fields: string[];
  /** Bytes that were read before, or a request whose body goes out as it comes. */
  readonly body: Uint8Array | IncomingMessage | undefined;
  /** Hides the key that is sent, wherever the answer repeats it. */
  readonly hider?: Hider | undefined;
}

/** The head of an answer. */
export interface Head {
  readonly status: number;
  readonly fields: Lines;
}

/** A whole answer, as the client gets it. */
export interface Whole {
  readonly status: number;
  readonly fields: string[];
  readonly body: Uint8Array;
}

/**
 * Sees an answer on its way and may change it. Without one, an answer goes through as it is.
 */
export interface Watcher {
  /** Whether the answer is passed on part by part, when it is complete, or as it is and unseen. */
  mode(head: Head): "stream" | "whole" | "unseen";
  /** What is added to the head of every answer. */
  readonly fields: readonly string[];
  /** A part of a stream, as it is passed on; undefined to pass on nothing. */
  part(bytes: Buffer): Uint8Array | undefined;
  /** The stream has ended. What is returned is sent before the answer ends. */
  ended(): Promise<Uint8Array | undefined>;
  /** A complete answer, as it is passed on. */
  whole(answer: Whole): Promise<Whole>;
}

/** How an exchange ended. */
export type Outcome =
  | { readonly kind: "answered"; readonly status: number }
  /**
   * The client has seen nothing. `isUnsent`: neither has the vendor. `headStatus`: of an answer
   * that was kept until it is complete, and broke off.
   */
  | {
      readonly kind: "failed";
      readonly error: Error;
      readonly isUnsent: boolean;
      readonly headStatus: number | undefined;
    }
  /** The vendor's answer broke off; the client's connection was closed inside of it. */
  | { readonly kind: "broken"; readonly status: number; readonly error: Error }
  /** The client left. */
  | { readonly kind: "gone"; readonly status: number | undefined; readonly isUnsent: boolean }
  /** It was cut here. Without a status nothing was sent to the client yet. */
  | { readonly kind: "cut"; readonly status: number | undefined; readonly isUnsent: boolean };

/** Methods whose bodies every server reads. RFC 9110 §9.3, RFC 5789. */
const WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** An answer that is larger is passed on part by part, whatever the watcher wants. */
const MAX_WHOLE_BYTES = 16 * 1024 * 1024;

/** Smaller ones are not counted: there are no more of them than connections to the vendor. */
const MIN_COUNTED_BYTES = 64 * 1024;
/** What answers take that are kept until they are whole, and then until they were read. */
const TOTAL_WHOLE_BYTES = 256 * 1024 * 1024;

export const answersKept = (total = TOTAL_WHOLE_BYTES): Shares =>
  new Shares(total, Math.min(total, MAX_WHOLE_BYTES));

/**
 * How long a client may take nothing while there is more for it. Linux tells of room in a send
 * buffer once a third of it is free, which may be 1.4 MB: 5 KB in a second.
 */
const MAX_PAUSE_MS = 300_000;

/** How long an answer is read at most whose client has left. */
const MAX_REST_MS = 300_000;

/** A copy of so much costs less than a second piece of a write. */
const MAX_COPIED_BYTES = 16 * 1024;

/** Ends an answer. Node puts its head and a text into one piece, and so in one write. */
function sendWhole(outgoing: ServerResponse, part: Uint8Array | undefined): void {
  if (part === undefined || part.length > MAX_COPIED_BYTES || "stream" in outgoing)
    outgoing.end(part);
  else
    outgoing.end(
      Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("latin1"),
      "latin1",
    );
}

const NONE: readonly string[] = [];

class ClientGone extends Error {}
class Cut extends Error {}

export interface ForwardingOptions {
  /** Called when the head of the answer has come. */
  readonly begun?: () => void;
  /** What answers that are kept whole take, and whose this one is. */
  readonly kept?: { readonly shares: Shares; readonly holder: string };
  /**
   * Whether an answer, of so many bytes until now, is read to its end though its client has left.
   * @default none is
   */
  readonly goesOn?: (bytes: number) => boolean;
}

/** Forwards one request. */
export class Forwarding implements Dispatcher.DispatchHandler {
  readonly #outgoing: ServerResponse;
  #watcher: Watcher | undefined;
  readonly #isHead: boolean;
  readonly #more: ForwardingOptions;
  readonly #hider: Hider | undefined;
  /** Of an answer that is encoded, in which nothing could be hidden. */
  #decoding: Decoding | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  /** Why it is to be aborted, also if it has not begun. */
  #reason: Error | undefined;
  #head: Head | undefined;
  /** The parts of an answer that is passed on whole. */
  #parts: Buffer[] | undefined;
  #size = 0;
  /** Bytes of it that count against the share of its holder. */
  #counted = 0;
  #isSent = false;
  /** Whether the client has left, and the answer is read to its end without it. */
  #isLeft = false;
  /** Whether the head of an answer that is passed on part by part may be on its way. */
  #isFlushed = false;
  /** The first part, until what came with it was read: its head, and perhaps its end. */
  #first: Uint8Array | undefined;
  #resolve!: (outcome: Outcome) => void;
  readonly outcome: Promise<Outcome> = new Promise((resolve) => {
    this.#resolve = resolve;
  });

  constructor(
    upstream: Dispatcher,
    outgoing: ServerResponse,
    plan: Plan,
    watcher?: Watcher,
    more: ForwardingOptions = {},
  ) {
    this.#outgoing = outgoing;
    this.#more = more;
    this.#hider = plan.hider;
    this.#watcher = watcher;
    this.#isHead = plan.method === "HEAD";
    // It may have left while its request was judged, and then says so no more.
    if (hasLeft(outgoing)) {
      this.#end({ kind: "gone", status: undefined, isUnsent: true });
      return;
    }
    this.#stopWaiting = whenLeft(outgoing, this.#left);
    outgoing.on("drain", this.#drained);
    try {
      upstream.dispatch(
        {
          method: plan.method as Dispatcher.HttpMethod,
          path: plan.path,
          headers: plan.fields,
          body: plan.body ?? null,
          // Tells a vendor that ignores such a body that no request follows in its place.
          ...(plan.body !== undefined && !WITH_BODY.has(plan.method) && { reset: true }),
        },
        this,
      );
    } catch (error) {
      this.#end({ kind: "failed", error: error as Error, isUnsent: true, headStatus: undefined });
    }
  }

  /**
   * Ends the exchange at the vendor; to a client that has seen a part of the answer, with a last
   * part that says why. Does nothing to an exchange that has ended.
   */
  cut(last: Uint8Array): void {
    if (this.#reason !== undefined || this.#outgoing.writableEnded) return;
    if (this.#isLeft) {
      this.#abort(new Cut());
      return;
    }
    this.#flush();
    // An answer that is passed on unseen may have said how long it is.
    if (this.#outgoing.headersSent && this.#watcher === undefined) breakOff(this.#outgoing);
    else if (this.#outgoing.headersSent) this.#outgoing.end(last);
    this.#abort(new Cut());
  }

  /** At the vendor too, or before a connection to it was free. */
  #abort(reason: Error): void {
    this.#reason = reason;
    if (this.#controller === undefined) this.#end(this.#broken(undefined, reason));
    else this.#controller.abort(reason);
  }

  #stopWaiting = (): void => {};
  readonly #left = (): void => {
    if (this.#reason !== undefined || this.#isLeft) return;
    if (!this.#isSent || !this.#mayGoOn()) {
      this.#abort(new ClientGone());
      return;
    }
    this.#isLeft = true;
    this.#late = setTimeout(() => this.#abort(new ClientGone()), MAX_REST_MS);
    this.#controller?.resume();
  };

  readonly #mayGoOn = (): boolean => this.#more.goesOn?.(this.#size) === true;

  /** Whether nobody needs the rest of the answer. Then it is broken off. */
  #isForNobody(): boolean {
    if (!this.#isLeft || this.#mayGoOn()) return false;
    this.#abort(new ClientGone());
    return true;
  }

  readonly #drained = (): void => {
    if (this.#isPaused) whenStuck(this.#outgoing, 0, this.#breakOff);
    this.#isPaused = false;
    this.#flow?.resume();
  };

  get #flow(): Flow | undefined {
    return this.#decoding ?? this.#controller;
  }

  /** The client reads no further. One that goes on like that holds a connection to the vendor. */
  #pause(): void {
    this.#flow?.pause();
    if (this.#isPaused) return;
    this.#isPaused = true;
    whenStuck(this.#outgoing, MAX_PAUSE_MS, this.#breakOff);
  }
  #isPaused = false;
  readonly #breakOff = (): void => breakOff(this.#outgoing);
  #late: NodeJS.Timeout | undefined;

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#isSent = true;
    if (this.#reason !== undefined) controller.abort(this.#reason);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _fields: unknown,
    _message?: string,
  ): void {
    // Interim answers say nothing that the client has not asked the gateway for.
    if (status < 200) return;
    this.#more.begun?.();
    const hasContent = !this.#isHead && status !== 204 && status !== 304;
    const raw = linesOf(controller.rawHeaders as Buffer[]);
    const lines = forClient(raw);
    const shown = this.#hider?.fields(lines) ?? lines;
    const codings = this.#hider === undefined || !hasContent ? NONE : codingsOf(raw);
    const fields = codings.length === 0 ? shown : decodedLines(shown);
    this.#head = { status, fields };
    if (codings.length > 0 && !this.#decode(codings, controller)) return;
    const mode = this.#isHead ? "unseen" : (this.#watcher?.mode(this.#head) ?? "unseen");
    if (this.#isForNobody()) return;
    if (mode === "unseen") {
      fields.push(...(this.#watcher?.fields ?? []));
      this.#watcher = undefined;
    }
    if (mode === "whole") this.#parts = [];
    else this.#writeHead(status, this.#passed(fields));
  }

  /** Whether the answer can be read. If not, the client sees nothing of it. */
  #decode(codings: readonly string[], controller: Dispatcher.DispatchController): boolean {
    const hider = this.#hider!;
    this.#decoding = Decoding.of(codings, controller, {
      part: (bytes) => this.#came(hider.part(bytes)),
      ended: () => this.#cameWhole(),
      failed: (error) => this.#fail(error),
    });
    if (this.#decoding !== undefined) return true;
    this.#parts = [];
    this.#fail(new Error("the answer has a coding that is not known"));
    return false;
  }

  /** Breaks the exchange off, at the vendor too. */
  #fail(error: Error): void {
    this.#reason ??= error;
    if (this.#controller === undefined) this.#end(this.#broken(this.#head?.status, error));
    else this.#controller.abort(error);
  }

  /** A stream that is watched may become shorter or longer. */
  #passed(fields: string[]): string[] {
    if (this.#watcher === undefined) return fields;
    return [...without(fields, (name) => name === "content-length"), ...this.#watcher.fields];
  }

  #writeHead(status: number, fields: string[]): void {
    if (this.#isLeft) return;
    // As lines, so that nothing is joined, dropped or renamed.
    this.#outgoing.writeHead(status, fields);
    process.nextTick(this.#flush);
  }

  /**
   * Sends the head, and the first part with it. Most answers come in one packet, and this waits
   * until that was read: one write costs half of what three do.
   */
  readonly #flush = (): void => {
    const { writableEnded, headersSent } = this.#outgoing;
    if (this.#isFlushed || this.#isLeft || writableEnded || !headersSent) return;
    this.#isFlushed = true;
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) this.#send(first);
    else if (!("stream" in this.#outgoing)) this.#outgoing.flushHeaders();
  };

  onResponseData(_controller: Dispatcher.DispatchController, part: Buffer): void {
    if (this.#decoding !== undefined) this.#decoding.write(part);
    else this.#came(this.#hider?.part(part) ?? part);
  }

  #came(chunk: Buffer): void {
    if (this.#parts !== undefined) {
      this.#parts.push(chunk);
      this.#size += chunk.length;
      if (this.#isForNobody() || this.#mayBeKept(chunk.length)) return;
      // A refusal of that size is none, and is not shown unseen.
      if (this.#head!.status >= 400) {
        this.#fail(new Error("the answer is too large"));
        return;
      }
      const { status, fields } = this.#head!;
      this.#writeHead(status, this.#passed([...fields]));
      const parts = this.#parts;
      this.#parts = undefined;
      for (const part of parts) this.#write(part);
      this.#giveBack();
      return;
    }
    this.#write(chunk);
  }

  #mayBeKept(more: number): boolean {
    if (this.#size > MAX_WHOLE_BYTES) return false;
    const { kept } = this.#more;
    if (kept === undefined || this.#size <= MIN_COUNTED_BYTES) return true;
    const counted = this.#counted === 0 ? this.#size : more;
    this.#counted += counted;
    return kept.shares.take(kept.holder, counted);
  }

  readonly #giveBack = (): void => {
    this.#more.kept?.shares.give(this.#more.kept.holder, this.#counted);
    this.#counted = 0;
  };

  #write(chunk: Buffer): void {
    const part = this.#watcher === undefined ? chunk : this.#watcher.part(chunk);
    if (this.#isForNobody() || this.#isLeft || part === undefined || part.length === 0) return;
    if (!this.#isFlushed && this.#first === undefined) {
      this.#first = part;
      return;
    }
    this.#flush();
    this.#send(part);
  }

  #send(part: Uint8Array): void {
    if (this.#outgoing.write(part)) return;
    if (hasLeft(this.#outgoing)) this.#left();
    else this.#pause();
  }

  /** Sends the last part, with what was not sent yet. */
  #sendLast(last: Uint8Array | undefined): void {
    if (this.#first !== undefined && last !== undefined && last.length > 0) this.#flush();
    const part = this.#first ?? last;
    this.#first = undefined;
    sendWhole(this.#outgoing, part);
  }

  onResponseEnd(): void {
    if (this.#decoding === undefined) {
      this.#cameWhole();
      return;
    }
    // The vendor has no more part in it, though the client may read on for long.
    this.#controller = undefined;
    this.#decoding.end();
  }

  #cameWhole(): void {
    const rest = this.#hider?.rest();
    if (rest !== undefined && rest.length > 0) this.#came(rest);
    if (this.#watcher === undefined && this.#reason === undefined) {
      this.#sendLast(undefined);
      this.#end({ kind: "answered", status: this.#head!.status });
      return;
    }
    void this.#finish().then(
      (outcome) => this.#end(outcome),
      (error: Error) => this.#end({ kind: "broken", status: this.#head!.status, error }),
    );
  }

  async #finish(): Promise<Outcome> {
    const { status, fields } = this.#head!;
    const outgoing = this.#outgoing;
    if (this.#parts !== undefined) {
      const body = Buffer.concat(this.#parts);
      const answer = await this.#watcher!.whole({ status, fields: [...fields], body });
      if (this.#reason !== undefined) return { kind: "gone", status, isUnsent: !this.#isSent };
      if (this.#isLeft) return { kind: "gone", status: answer.status, isUnsent: false };
      const lines = without(answer.fields, (name) => name === "content-length");
      lines.push(...this.#watcher!.fields);
      if (status !== 204 && status !== 304) lines.push("content-length", `${answer.body.length}`);
      outgoing.writeHead(answer.status, lines);
      sendWhole(outgoing, answer.body);
      return { kind: "answered", status: answer.status };
    }
    const last = await this.#watcher?.ended();
    if (this.#reason !== undefined || this.#isLeft)
      return { kind: "gone", status, isUnsent: !this.#isSent };
    this.#sendLast(last);
    return { kind: "answered", status };
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const status = this.#head?.status;
    this.#end(this.#broken(status, error));
  }

  #broken(status: number | undefined, error: Error): Outcome {
    if (this.#reason instanceof ClientGone)
      return { kind: "gone", status, isUnsent: !this.#isSent };
    if (this.#reason instanceof Cut)
      return {
        kind: "cut",
        status: this.#outgoing.headersSent ? status : undefined,
        isUnsent: !this.#isSent,
      };
    // Of an answer that is kept until it is whole the client has seen nothing.
    if (status === undefined || this.#parts !== undefined)
      return { kind: "failed", error, isUnsent: !this.#isSent, headStatus: status };
    this.#flush();
    breakOff(this.#outgoing);
    return { kind: "broken", status, error };
  }

  #end(outcome: Outcome): void {
    clearTimeout(this.#late);
    this.#decoding?.stop();
    this.#stopWaiting();
    this.#outgoing.off("drain", this.#drained);
    const isUnread = !isOver(this.#outgoing) && unreadOf(this.#outgoing) > 0;
    // A client that reads nothing of what is left holds its memory no longer than that.
    if (isUnread) whenStuck(this.#outgoing, MAX_PAUSE_MS, this.#breakOff);
    else if (this.#isPaused && !this.#outgoing.writableFinished)
      whenStuck(this.#outgoing, 0, this.#breakOff);
    if (this.#counted > 0 && isUnread) this.#outgoing.once("close", this.#giveBack);
    else if (this.#counted > 0) this.#giveBack();
    this.#resolve(outcome);
  }
}
