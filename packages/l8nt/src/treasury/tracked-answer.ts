/**
 * A relayed answer on its way to the agent: kept if it is small, and watched until it has arrived.
 * spec/4-purchase.md §4.5-4.6.
 */
import { type Source, sourceOf, streamOf } from "../http/source.ts";
import { setWritten, Written, type WrittenListener } from "../http/written.ts";
import type { Bytes } from "../internal/bytes.ts";
import type { Sleep } from "../ports/clock.ts";
import { MAX_KEPT_BYTES } from "./kept-answers.ts";

/**
 * How long an answer is read on whose agent has gone, in seconds: the most that is kept arrives
 * within it at 52 kbit/s, the speed of a modem. Meanwhile it has its order's place and connection.
 */
export const READ_ON_SECONDS = 10;

export interface AnswerEnds {
  /** Called once: the whole body; undefined if it is large, or broke off. */
  readonly onRead: (body: Bytes | undefined) => void;
  /** Called once: how far it came. */
  readonly onWritten: WrittenListener;
  /** Aborted when the agent goes, or is revoked. */
  readonly signal: AbortSignal | undefined;
  /** Whether it is kept if it is small. */
  readonly isKept: boolean;
  /** If what is kept is read on although the agent has gone: counts the time for which it is. */
  readonly readsOn?: Sleep;
}

/**
 * The same response, whose body is read on for a few seconds although the agent has gone, as long
 * as it is small and may be kept. Any other body is read no faster than the agent does, and ends
 * with it.
 */
export function tracked(response: Response, ends: AnswerEnds): Response {
  const { onRead, onWritten, signal } = ends;
  const written = new Written((ending) => onWritten(signal?.aborted ? "cut" : ending));
  const { body, status, statusText, headers } = response;
  if (body === null) {
    onRead(new Uint8Array());
    written.read();
    return response;
  }
  const passed = new Response(streamOf(passedOn(sourceOf(body), ends, written)), {
    status,
    statusText,
    headers,
  });
  setWritten(passed, written);
  return passed;
}

function passedOn(
  source: Source,
  { onRead, signal, isKept, readsOn }: AnswerEnds,
  written: Written,
): Source {
  /** What was read and not passed on yet. */
  const queue: Bytes[] = [];
  let kept: Bytes[] | undefined = isKept ? [] : undefined;
  let size = 0;
  let state: "open" | "whole" | "broken" = "open";
  let fault: unknown;
  let hasGone = false;
  /** Its reader was told how it ended. */
  let isRead = false;
  /** Wakes a reader that waits for what is read ahead. */
  let wake = () => {};
  /** Tells a reader that reads nothing at this moment. */
  let tell = (_why: unknown) => {};
  /** Ends the time for which it is read on. */
  let stopWaiting = () => {};

  function end(how: "whole" | "broken", why?: unknown): void {
    if (state !== "open") return;
    state = how;
    if (!hasGone) fault = why;
    stopWaiting();
    onRead(how === "whole" && kept !== undefined ? joined(kept, size) : undefined);
    if (how === "broken") {
      written.cut();
      if (queue.length === 0) tell(why);
    }
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

  /** Nobody reads on, and it is not kept. */
  function giveUp(): void {
    if (state !== "open") return;
    end("broken");
    source.cancel();
  }

  /** The agent has gone. */
  function leave(why: unknown): void {
    if (hasGone || state !== "open") return;
    hasGone = true;
    queue.length = 0;
    fault = why;
    written.cut();
    tell(why);
    wake();
    if (kept === undefined || readsOn === undefined) {
      giveUp();
      return;
    }
    const ended = new AbortController();
    stopWaiting = () => ended.abort();
    void readsOn(READ_ON_SECONDS, ended.signal).then(giveUp);
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
    if (hasGone) throw fault;
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
  // A body that nobody reads ends at its time-out or a revocation, and this is the only sign of it.
  source.onBroken?.((error) => end("broken", error));
  signal?.addEventListener("abort", () => leave(signal.reason), { once: true });
  if (signal?.aborted) leave(signal.reason);
  return {
    ...(source.length !== undefined && { length: source.length }),
    ...(source.freed !== undefined && { freed: source.freed }),
    read() {
      const part = next();
      return part === null ? comes() : part;
    },
    onBroken(listener) {
      tell = listener;
    },
    cancel() {
      if (isRead) return;
      queue.length = 0;
      written.cut();
      leave(undefined);
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
