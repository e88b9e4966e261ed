/**
 * A relayed answer on its way to the agent: kept if it is small, and watched until it has arrived.
 * spec/4-purchase.md §4.5-4.6.
 */
import { type Source, sourceOf, streamOf } from "../http/source.ts";
import { setWritten, Written, type WrittenListener } from "../http/written.ts";
import type { Bytes } from "../internal/bytes.ts";
import { MAX_KEPT_BYTES } from "./kept-answers.ts";

export interface AnswerEnds {
  /** Called once: the whole body; undefined if it is large, or broke off. */
  readonly onRead: (body: Bytes | undefined) => void;
  /** Called once: how far it came. */
  readonly onWritten: WrittenListener;
  /** Aborted when the agent goes. */
  readonly signal: AbortSignal | undefined;
}

/**
 * The same response, whose body is read to its end although the agent has gone, as long as it is
 * small. A body that is not small is read no faster than the agent does.
 */
export function tracked(response: Response, { onRead, onWritten, signal }: AnswerEnds): Response {
  const written = new Written((ending) => onWritten(signal?.aborted ? "cut" : ending));
  const { body, status, statusText, headers } = response;
  if (body === null) {
    onRead(new Uint8Array());
    written.read();
    return response;
  }
  const passed = new Response(streamOf(passedOn(sourceOf(body), onRead, written)), {
    status,
    statusText,
    headers,
  });
  setWritten(passed, written);
  return passed;
}

function passedOn(source: Source, onRead: AnswerEnds["onRead"], written: Written): Source {
  /** What was read and not passed on yet. */
  const queue: Bytes[] = [];
  let kept: Bytes[] | undefined = [];
  let size = 0;
  let state: "open" | "whole" | "broken" = "open";
  let fault: unknown;
  let hasGone = false;
  /** Its reader was told how it ended. */
  let isRead = false;
  /** Wakes a reader that waits for what is read ahead. */
  let wake = () => {};

  function end(how: "whole" | "broken", why?: unknown): void {
    if (state !== "open") return;
    state = how;
    fault = why;
    onRead(how === "whole" && kept !== undefined ? joined(kept, size) : undefined);
    if (how === "broken") written.cut();
    wake();
  }

  function note(part: Bytes | undefined): void {
    if (part === undefined) {
      end("whole");
      return;
    }
    size += part.length;
    if (size > MAX_KEPT_BYTES) kept = undefined;
    kept?.push(part);
    if (!hasGone) queue.push(part);
    wake();
  }

  /** Nobody reads on, and there is too much to keep. */
  function giveUp(): void {
    end("broken");
    source.cancel();
  }

  /** What has arrived is read at once, so that a short answer is whole before it is passed on. */
  async function readAhead(): Promise<void> {
    while (state === "open" && kept !== undefined) {
      try {
        const part = source.read();
        note(part instanceof Promise ? await part : part);
      } catch (error) {
        end("broken", error);
      }
    }
    wake();
    if (state === "open" && hasGone) giveUp();
  }

  /** What there is to pass on; `null` if that has yet to come. */
  function next(): Bytes | undefined | null {
    const part = queue.shift();
    if (part !== undefined) return part;
    if (state === "open") return null;
    isRead = true;
    if (state === "broken") throw fault;
    written.read();
    return undefined;
  }

  async function comes(): Promise<Bytes | undefined> {
    for (let part = next(); ; part = next()) {
      if (part !== null) return part;
      if (kept === undefined) return pass();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  /** Reads a body that is not kept. */
  async function pass(): Promise<Bytes | undefined> {
    try {
      const part = await source.read();
      if (part !== undefined) return part;
      end("whole");
    } catch (error) {
      end("broken", error);
    }
    return next() ?? undefined;
  }

  void readAhead();
  // A body that nobody reads ends at its time-out, and this is the only sign of it.
  source.onBroken?.((error) => end("broken", error));
  return {
    ...(source.length !== undefined && { length: source.length }),
    ...(source.freed !== undefined && { freed: source.freed }),
    read() {
      const part = next();
      return part === null ? comes() : part;
    },
    cancel() {
      if (isRead) return;
      hasGone = true;
      queue.length = 0;
      written.cut();
      if (kept === undefined && state === "open") giveUp();
    },
  };
}

function joined(parts: readonly Bytes[], size: number): Bytes {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
