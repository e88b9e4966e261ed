/** Lines of a log that are written together: a write for each would cost more than the line. */
import type { DestinationStream } from "pino";

/** What a killed process loses of its log, at most. */
const PATIENCE_MS = 50;
const MAX_CHARACTERS = 64 * 1024;

export class GatheredLines implements DestinationStream {
  readonly #stream: DestinationStream;
  readonly #later: (ms: number, act: () => void) => void;
  #lines = "";

  /** @param later calls back once, and keeps no process alive. By default a timer */
  constructor(stream: DestinationStream, later = unref) {
    this.#stream = stream;
    this.#later = later;
  }

  write(line: string): void {
    if (this.#lines === "") this.#later(PATIENCE_MS, this.flush);
    this.#lines += line;
    if (this.#lines.length >= MAX_CHARACTERS) this.flush();
  }

  /** Call it when the process ends. */
  readonly flush = (): void => {
    const lines = this.#lines;
    this.#lines = "";
    if (lines !== "") this.#stream.write(lines);
  };
}

function unref(ms: number, act: () => void): void {
  setTimeout(act, ms).unref();
}
