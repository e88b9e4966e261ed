/** Reads and writes lines of streams, with a limit on a line's length and with backpressure. */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** More than any host reads; keeps an endless line from filling the memory. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024;

export class LineTooLong extends Error {}

/** Awaits `act` for each whole line. @throws LineTooLong */
export async function eachLine(
  from: Readable,
  act: (line: Buffer) => Promise<void>,
): Promise<void> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      await act(Buffer.concat([...parts, chunk.subarray(start, end)]));
      parts = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > MAX_LINE_BYTES) throw new LineTooLong();
  }
  // The rest is dropped: a message ends with a newline.
}

/** Resolves once the stream has room for more. Ignores a stream that has ended. */
export async function writeLine(to: Writable, line: Buffer | string): Promise<void> {
  if (to.destroyed || to.writableEnded) return;
  to.write(line);
  if (to.write("\n")) return;
  const left = new AbortController();
  await Promise.race(
    ["drain", "close", "error"].map((event) =>
      once(to, event, { signal: left.signal }).catch(() => {}),
    ),
  );
  left.abort();
}
