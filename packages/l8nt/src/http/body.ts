/** Bodies that another party wrote, capped before they are parsed. */
import { AdapterError } from "../errors.ts";
import { concat, utf8Text } from "../internal/bytes.ts";

/** The body, up to `maxBytes`. @throws AdapterError `ERR_TOO_LARGE` */
export async function readBody(
  message: Request | Response,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new AdapterError("ERR_TOO_LARGE", `The body is larger than ${maxBytes} bytes.`);
  if (Number(message.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = message.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(...parts);
    size += value.length;
    if (size > maxBytes) {
      // Not awaited: one branch of a cloned body ends only when the other one does.
      void reader.cancel().catch(() => {});
      throw tooLarge();
    }
    parts.push(value);
  }
}

/** @throws AdapterError `ERR_REQUEST` for what is not JSON, `ERR_TOO_LARGE` */
export const readJson = async (message: Request | Response, maxBytes: number): Promise<unknown> =>
  parseJson(await readJsonText(message, maxBytes));

/** The text of a body that should be JSON. @throws AdapterError as `readJson` */
export async function readJsonText(message: Request | Response, maxBytes: number): Promise<string> {
  return utf8Text(await readBody(message, maxBytes)) ?? "";
}

/** @throws AdapterError `ERR_REQUEST` for what is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes the text, which is not ours to show.
    throw new AdapterError("ERR_REQUEST", "The body is not JSON.");
  }
}
