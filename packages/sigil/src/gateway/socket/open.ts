/** Asks a vendor for a WebSocket. */
import type { Duplex } from "node:stream";
import type { Dispatcher } from "undici";
import { codingsOf } from "../core/decoding.ts";
import { forClient, type Lines, linesOf, valuesOf } from "../core/fields.ts";
import type { Whole } from "../core/forward.ts";
import type { Hider } from "../vault/hide.ts";

/** `refused`: the vendor gave an answer instead. */
export type Opened =
  | { readonly kind: "open"; readonly fields: readonly string[]; readonly socket: Duplex }
  | { readonly kind: "refused"; readonly answer: Whole };

/** Of an answer that comes instead of the WebSocket. A longer one counts as none. */
const MAX_ANSWER_BYTES = 64 * 1024;

const hasExtension = (lines: Lines): boolean =>
  valuesOf(lines, "sec-websocket-extensions").some((value) => value.trim() !== "");

export class Opening implements Dispatcher.DispatchHandler {
  readonly #hider: Hider | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #reason: Error | undefined;
  #isAsked = false;
  #head: Omit<Whole, "body"> | undefined;
  readonly #parts: Buffer[] = [];
  #size = 0;
  #resolve!: (opened: Opened) => void;
  #reject!: (error: Error) => void;
  /** Rejects if the vendor was not reached, or did not answer. */
  readonly opened: Promise<Opened> = new Promise((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  /** @param hider hides the key that is sent, wherever the answer repeats it */
  constructor(
    upstream: Dispatcher,
    path: string,
    fields: readonly string[],
    hider: Hider | undefined,
  ) {
    this.#hider = hider;
    const headers = [...fields];
    try {
      upstream.dispatch({ method: "GET", path, headers, upgrade: "websocket" }, this);
    } catch (error) {
      this.#reject(error as Error);
    }
  }

  /** Whether the request was on its way to the vendor, which may charge for it. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Does nothing once it is open. */
  abort(reason: Error): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#reject(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#reason === undefined) this.#isAsked = true;
    else controller.abort(this.#reason);
  }

  onRequestUpgrade(
    { rawHeaders }: Dispatcher.DispatchController,
    _status: number,
    _fields: unknown,
    socket: Duplex,
  ): void {
    if (this.#reason !== undefined) socket.destroy();
    if (this.#hider !== undefined && hasExtension(linesOf(rawHeaders as Buffer[]))) {
      socket.destroy();
      this.#reject(new Error("the vendor uses an extension that nobody asked for"));
    }
    this.#resolve({ kind: "open", fields: this.#shown(rawHeaders), socket });
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    const { rawHeaders } = controller;
    if (this.#hider !== undefined && codingsOf(linesOf(rawHeaders as Buffer[])).length > 0)
      controller.abort(new Error("the answer has a coding that nobody asked for"));
    else this.#head = { status, fields: this.#shown(rawHeaders) };
  }

  #shown(rawHeaders: Dispatcher.DispatchController["rawHeaders"]): string[] {
    const lines = forClient(linesOf(rawHeaders as Buffer[]));
    return this.#hider?.fields(lines) ?? lines;
  }

  onResponseData(controller: Dispatcher.DispatchController, part: Buffer): void {
    this.#size += part.length;
    if (this.#size > MAX_ANSWER_BYTES) controller.abort(new Error("the answer is too large"));
    else this.#parts.push(part);
  }

  onResponseEnd(): void {
    const whole = Buffer.concat(this.#parts);
    const hider = this.#hider;
    const body = hider === undefined ? whole : Buffer.concat([hider.part(whole), hider.rest()]);
    this.#resolve({ kind: "refused", answer: { ...this.#head!, body } });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#reject(error);
  }
}
