/** Keeps the answer of a `Response` while it is sent. spec/5-ledger.md §5. */
import { concat } from "../internal/bytes.ts";
import { later } from "../internal/timers.ts";
import { type Answer, answerOf, MAX_ANSWER_BYTES } from "./repeats.ts";

/** How long the rest of a small answer is read after its client has gone. */
const REST_MS = 5_000;

/**
 * The same response, whose content is handed to `keep` at its end: undefined if it is large, or
 * breaks off.
 */
export function keeping(
  { body, status, statusText, headers }: Response,
  keep: (answer: Answer | undefined) => void,
): Response {
  const done = (content: Uint8Array<ArrayBuffer> | undefined): void =>
    keep(content && answerOf(status, headers, content));
  const stream = body === null ? null : collected(body, done);
  if (stream === null) done(new Uint8Array());
  return new Response(stream, { status, statusText, headers });
}

function collected(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  done: (content: Uint8Array<ArrayBuffer> | undefined) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  let parts: Uint8Array[] | undefined = [];
  let size = 0;
  const finish = (content: Uint8Array<ArrayBuffer> | undefined): void => {
    if (parts === undefined) return;
    parts = undefined;
    done(content);
  };
  const collect = ({ value, done: isOver }: ReadableStreamReadResult<Uint8Array>): void => {
    if (parts === undefined) return;
    if (isOver) {
      finish(concat(...parts));
      return;
    }
    size += value.length;
    // A copy: the reader of the stream may change the bytes.
    if (size <= MAX_ANSWER_BYTES) parts.push(value.slice());
    else finish(undefined);
  };
  let isCancelled = false;
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const read = await reader.read();
          collect(read);
          if (isCancelled) return;
          if (read.done) controller.close();
          else controller.enqueue(read.value);
        } catch (error) {
          finish(undefined);
          controller.error(error);
        }
      },
      cancel(reason) {
        isCancelled = true;
        void rest().finally(() => reader.cancel(reason).catch(() => {}));
      },
    },
    // Reads nothing ahead: an error would drop what was read before it.
    { highWaterMark: 0 },
  );

  /** The client has gone, and asks again for what it did not receive. */
  async function rest(): Promise<void> {
    const late = later(REST_MS, () => {
      finish(undefined);
      // Ends a read that waits.
      reader.cancel().catch(() => {});
    });
    try {
      while (parts !== undefined) collect(await reader.read());
    } catch {
      finish(undefined);
    } finally {
      clearTimeout(late);
    }
  }
}
