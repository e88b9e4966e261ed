/** Asks a vendor for a WebSocket. */
import type { Duplex } from "node:stream";
import type { Dispatcher } from "undici";
import { forClient, linesOf } from "../core/fields.ts";
import type { Whole } from "../core/forward.ts";

/** `refused`: the vendor gave an answer instead. */
export type Opened =
  | { readonly kind: "open"; readonly fields: readonly string[]; readonly socket: Duplex }
  | { readonly kind: "refused"; readonly answer: Whole };

/** Of an answer that comes instead of the WebSocket. A longer one counts as none. */
const MAX_ANSWER_BYTES = 64 * 1024;

export class Opening implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #reason: Error | undefined;
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

  constructor(upstream: Dispatcher, path: string, fields: readonly string[]) {
    const headers = [...fields];
    try {
      upstream.dispatch({ method: "GET", path, headers, upgrade: "websocket" }, this);
    } catch (error) {
      this.#reject(error as Error);
    }
  }

  /** Does nothing once it is open. */
  abort(reason: Error): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#reject(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#reason !== undefined) controller.abort(this.#reason);
  }

  onRequestUpgrade(
    { rawHeaders }: Dispatcher.DispatchController,
    _status: number,
    _fields: unknown,
    socket: Duplex,
  ): void {
    if (this.#reason !== undefined) socket.destroy();
    this.#resolve({ kind: "open", fields: forClient(linesOf(rawHeaders as Buffer[])), socket });
  }

  onResponseStart({ rawHeaders }: Dispatcher.DispatchController, status: number): void {
    if (status >= 200) this.#head = { status, fields: forClient(linesOf(rawHeaders as Buffer[])) };
  }

  onResponseData(controller: Dispatcher.DispatchController, part: Buffer): void {
    this.#size += part.length;
    if (this.#size > MAX_ANSWER_BYTES) controller.abort(new Error("the answer is too large"));
    else this.#parts.push(part);
  }

  onResponseEnd(): void {
    this.#resolve({
      kind: "refused",
      answer: { ...this.#head!, body: Buffer.concat(this.#parts) },
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#reject(error);
  }
}
