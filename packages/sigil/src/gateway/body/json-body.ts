/** One reading of a JSON body, and its bytes with a few members changed. */
import { isUtf8 } from "node:buffer";
import type { Edit } from "./edit.ts";
import { BodyError } from "./error.ts";
import { checkKeys } from "./keys.ts";
import type { Root } from "./root.ts";
import { type Spliced, splice } from "./splice.ts";

/** A JSON body that every reader reads alike, with the bytes that it came in. */
export class JsonBody {
  readonly value: unknown;
  readonly #bytes: Uint8Array;
  readonly #text: string;
  readonly #root: Root | undefined;

  /** @internal `readJson` makes one. */
  constructor(value: unknown, bytes: Uint8Array, text: string, root: Root | undefined) {
    this.value = value;
    this.#bytes = bytes;
    this.#text = text;
    this.#root = root;
  }

  /**
   * The bytes with members set. Every other byte is as it was, so numbers keep their digits.
   *
   * @throws BodyError `not_an_object`, or `bad_field` if a path goes through something that has no
   *   members
   */
  edited(edits: readonly Edit[]): Uint8Array {
    if (edits.length === 0) return this.#bytes;
    if (this.#root === undefined)
      throw new BodyError("not_an_object", "The body must be a JSON object.");
    let spliced: Spliced = { text: this.#text, root: this.#root };
    for (const { path, value } of edits) spliced = splice(spliced, path, value);
    return Buffer.from(spliced.text);
  }
}

/**
 * Reads a body as strict JSON: UTF-8 without a byte order mark, no key twice in an object, at most
 * 64 levels deep. Two readers could take anything else for two different requests.
 *
 * @throws BodyError with a code and a text for the client
 */
export function readJson(bytes: Uint8Array): JsonBody {
  if (!isUtf8(bytes)) throw new BodyError("not_utf8", "The body is not UTF-8. Send JSON in UTF-8.");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  if (bytes.length > MAX_VALUES && hasTooMany(bytes))
    throw new BodyError(
      "too_many_values",
      `The body has more than ${MAX_VALUES} values. Send less in one request.`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The message of the parser quotes the body, which may be a secret of the client.
    throw new BodyError("not_json", "The body is not JSON. Send one JSON value and nothing else.");
  }
  return new JsonBody(value, bytes, text, checkKeys(text));
}

/** A parser takes a microsecond for each, on the thread that serves everybody. */
const MAX_VALUES = 250_000;
const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];

/** Counts what begins a value or stands between two, outside of texts, before anything is made. */
function hasTooMany(bytes: Uint8Array): boolean {
  let values = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if ((byte === COMMA || byte === BRACKET || byte === BRACE) && ++values > MAX_VALUES)
      return true;
  }
  return false;
}
