/** Bodies that another party wrote, capped before they are parsed. */
import { AdapterError } from "../errors.ts";
import { concat, utf8Text } from "../internal/bytes.ts";
import { later } from "../internal/timers.ts";
import { sourceOf } from "./source.ts";

/** What bounds the reading of a body beside its size. */
export interface Reading {
  /** Called for each part that arrives, with its bytes. What it throws ends the reading. */
  readonly arrived?: (bytes: number) => void;
  /** How long the body may take in all. */
  readonly seconds?: number;
}

/**
 * The body, up to `maxBytes`.
 *
 * @throws AdapterError `ERR_TOO_LARGE`; `ERR_REQUEST` for a body that takes too long
 */
export async function readBody(
  message: Request | Response,
  maxBytes: number,
  { arrived = () => {}, seconds }: Reading = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new AdapterError("ERR_TOO_LARGE", `The body is larger than ${maxBytes} bytes.`);
  if (Number(message.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  const parts: Uint8Array[] = [];
  let size = 0;
  if (message.body === null) return new Uint8Array();
  const source = sourceOf(message.body);
  let isLate = false;
  const late = () =>
    new AdapterError("ERR_REQUEST", `The body did not arrive within ${seconds} s.`);
  const end = () => {
    isLate = true;
    source.cancel();
  };
  const timer = seconds === undefined ? undefined : later(seconds * 1000, end);
  try {
    for (;;) {
      const part = await source.read();
      if (isLate) throw late();
      if (part === undefined) {
        await source.freed?.();
        return concat(...parts);
      }
      size += part.length;
      if (size > maxBytes) throw tooLarge();
      arrived(part.length);
      parts.push(part);
    }
  } catch (error) {
    source.cancel();
    // What the end of the time broke off does not say so.
    throw isLate ? late() : error;
  } finally {
    clearTimeout(timer);
  }
}

/** @throws AdapterError `ERR_REQUEST` for what is not JSON, `ERR_TOO_LARGE` */
export const readJson = async (message: Request | Response, maxBytes: number): Promise<unknown> =>
  parseJson(await readJsonText(message, maxBytes));

/** The text of a body that should be JSON. @throws AdapterError as `readBody` */
export async function readJsonText(
  message: Request | Response,
  maxBytes: number,
  reading: Reading = {},
): Promise<string> {
  return utf8Text(await readBody(message, maxBytes, reading)) ?? "";
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
