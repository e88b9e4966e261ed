/**
 * Whether a response reached its reader: who wants to know, and who can tell. spec/4-purchase.md
 * §4.5.
 */

/**
 * `read`: its reader has it, in this process. `left`: its last byte left on a connection that was
 * alive, which may end at a proxy. `cut`: not all of it left.
 */
export type Ending = "read" | "left" | "cut";

/** Called once. */
export type WrittenListener = (ending: Ending) => void;

/** Decides once whether a response reached its reader. */
export class Written {
  #listener: WrittenListener | undefined;
  #isWatched = false;

  constructor(listener: WrittenListener) {
    this.#listener = listener;
  }

  /** A server will report. From now on, that the body was read to its end says nothing. */
  watch(): (left: boolean) => void {
    this.#isWatched = true;
    return (left) => this.#end(left ? "left" : "cut");
  }

  /** The body was read to its end: it arrived, unless a server knows better. */
  read(): void {
    if (!this.#isWatched) this.#end("read");
  }

  /** The body was cut, or its reader has gone. */
  cut(): void {
    this.#end("cut");
  }

  #end(ending: Ending): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.(ending);
  }
}

const all = new WeakMap<Response, Written>();

/** Sets who decides about a response. */
export function setWritten(response: Response, written: Written): void {
  all.set(response, written);
}

/**
 * For a server that writes a response: what it reports to, when the last byte has left or the
 * connection has closed. Undefined if nobody wants to know.
 */
export const watchWritten = (response: Response): ((left: boolean) => void) | undefined =>
  all.get(response)?.watch();
