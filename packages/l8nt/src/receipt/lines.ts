/** Splits the bytes of an export into lines, at line feeds only. spec/6-receipts.md. */
import { ReceiptError } from "../errors.ts";
import { concat, utf8Text } from "../internal/bytes.ts";

/** Far more than the longest receipt. A longer line would only exhaust memory. */
const MAX_LINE_BYTES = 65_536;
const LF = 10;

/**
 * Lines pass as they are; bytes are split. The last line need not end with a line feed. A carriage
 * return is part of its line, so it makes the line a different text.
 *
 * @throws ReceiptError `ERR_RECEIPT_MALFORMED` for bytes that are not UTF-8, or a line that is too
 * long
 */
export async function* linesOf(
  chunks: Iterable<string> | AsyncIterable<string | Uint8Array>,
): AsyncGenerator<string, void> {
  let number = 1;
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    if (typeof chunk === "string") {
      yield chunk;
      continue;
    }
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      yield lineText(concat(rest, chunk.subarray(start, end)), number++);
      rest = new Uint8Array();
      start = end + 1;
    }
    rest = concat(rest, chunk.subarray(start));
    if (rest.length > MAX_LINE_BYTES) throw tooLong(number);
  }
  if (rest.length > 0) yield lineText(rest, number);
}

function lineText(bytes: Uint8Array, number: number): string {
  if (bytes.length > MAX_LINE_BYTES) throw tooLong(number);
  const text = utf8Text(bytes);
  // Read with replacement characters, one text would stand for many bytes.
  if (text === undefined)
    throw new ReceiptError("ERR_RECEIPT_MALFORMED", number, "it is not UTF-8");
  return text;
}

const tooLong = (number: number) =>
  new ReceiptError("ERR_RECEIPT_MALFORMED", number, `it is longer than ${MAX_LINE_BYTES} bytes`);
