/**
 * The text of a credential of any form: `base64(token) ":" hex(preimage)`. spec/1-credential.md §3.
 */
import { TokenError } from "../errors.ts";
import { type Binary, base64Binary } from "../internal/bytes.ts";
import { textOfKey } from "./key-form.ts";

const MAX_CHARACTERS = 8192;

export interface TextParts {
  /** The bytes of the form; its first byte tells the form. */
  readonly token: Binary;
  /** As it was written. */
  readonly preimage: string;
}

/**
 * Takes a text apart: base64 in either alphabet, padded or not; or the key form.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`
 */
export function readText(text: string): TextParts {
  if (typeof text !== "string") throw malformedText();
  if (text.length > MAX_CHARACTERS)
    throw new TokenError(
      "ERR_TOKEN_TOO_LARGE",
      `A credential has at most ${MAX_CHARACTERS} characters.`,
    );
  const plain = textOfKey(text);
  const colon = plain.lastIndexOf(":");
  const token = colon === -1 ? undefined : base64Binary(plain.slice(0, colon));
  if (!token) throw malformedText();
  return { token, preimage: plain.slice(colon + 1) };
}

export const malformedText = (): TokenError =>
  new TokenError("ERR_TOKEN_MALFORMED", "The credential is not base64(token):hex(preimage).");
