/**
 * A relayed answer on its way to the agent: kept if it is small, and watched until it has arrived.
 * spec/4-purchase.md §4.5-4.6.
 */
import { setWritten, Written, type WrittenListener } from "../http/written.ts";
import { MAX_KEPT_BYTES } from "./kept-answers.ts";

type Bytes = Uint8Array<ArrayBuffer>;

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
  const passed = new Response(passedOn(body as ReadableStream<Bytes>, onRead, written), {
    status,
    statusText,
    headers,
  });
  setWritten(passed, written);
  return passed;
}

function passedOn(
  body: ReadableStream<Bytes>,
  onRead: AnswerEnds["onRead"],
  written: Written,
): ReadableStream<Bytes> {
  const reader = body.getReader();
  /** What was read and not passed on yet. */
  const queue: Bytes[] = [];
  let kept: Bytes[] | undefined = [];
  let size = 0;
  let state: "open" | "whole" | "broken" = "open";
  let fault: unknown;
  let isAhead = true;
  let hasGone = false;
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

  async function next(): Promise<void> {
    try {
      const { done, value } = await reader.read();
      if (done) return end("whole");
      size += value.length;
      if (size > MAX_KEPT_BYTES) kept = undefined;
      kept?.push(value);
      if (!hasGone) queue.push(value);
      wake();
    } catch (error) {
      end("broken", error);
    }
  }

  /** Nobody reads on, and there is too much to keep. */
  async function giveUp(): Promise<void> {
    end("broken");
    await reader.cancel().catch(() => {});
  }

  async function readAhead(): Promise<void> {
    while (state === "open" && kept !== undefined) await next();
    isAhead = false;
    wake();
    if (state === "open" && hasGone) await giveUp();
  }

  return new ReadableStream<Bytes>(
    {
      start() {
        void readAhead();
        // A body that nobody reads ends at its time-out, and this is the only sign of it.
        reader.closed.catch((error: unknown) => end("broken", error));
      },
      async pull(sink) {
        for (;;) {
          const part = queue.shift();
          if (part !== undefined) return sink.enqueue(part);
          if (state === "whole") {
            sink.close();
            return written.read();
          }
          if (state === "broken") return sink.error(fault);
          if (!isAhead) await next();
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      },
      async cancel() {
        hasGone = true;
        queue.length = 0;
        written.cut();
        if (!isAhead && state === "open") await giveUp();
      },
    },
    { highWaterMark: 0 },
  );
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
