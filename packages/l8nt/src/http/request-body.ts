/** The body of a request as it is sent: whole, with its length, or streamed as it comes. */

export interface WholeBody {
  readonly bytes: Uint8Array | undefined;
}

export interface StreamedBody {
  readonly parts: AsyncIterable<Uint8Array>;
  /** Ends what is read, also while the next part is waited for. */
  readonly cancel: () => void;
  /** Undefined if it is not known. */
  readonly length?: number;
}

export type Body = WholeBody | StreamedBody;

const MAX_AHEAD_BYTES = 65_536;

/**
 * A body that is there at once is sent with its length, because some servers take no other. One
 * that comes by and by, or is long, is sent as it comes.
 */
export async function bodyToSend(stream: ReadableStream<Uint8Array>): Promise<Body> {
  const reader = stream.getReader();
  const ahead: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const reading = reader.read();
    // A failure is met where the part is awaited.
    reading.catch(() => {});
    const part = await Promise.race([reading, soon()]);
    if (part?.done) return { bytes: joined(ahead, length) };
    if (part !== undefined) {
      ahead.push(part.value);
      length += part.value.length;
    }
    if (part === undefined || length > MAX_AHEAD_BYTES)
      return {
        parts: partsOf(reader, ahead, part === undefined ? reading : undefined),
        cancel: () => void reader.cancel().catch(() => {}),
      };
  }
}

async function* partsOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  ahead: readonly Uint8Array[],
  reading: ReturnType<typeof reader.read> | undefined,
): AsyncGenerator<Uint8Array> {
  yield* ahead;
  for (let next = reading ?? reader.read(); ; next = reader.read()) {
    const { done, value } = await next;
    if (done) return;
    yield value;
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const soon = (): Promise<undefined> => new Promise((resolve) => setImmediate(resolve, undefined));
