/** The key form: a credential where a vendor's SDK wants an API key. spec/1-credential.md §3. */
import { base64Binary, binaryOf, hexBytes, hexOfBinary } from "../internal/bytes.ts";

const PREFIX = "sk-sigil-";
const PREIMAGE_BYTES = 32;

/** @param text as `Credential.toString()` writes it */
export function keyOf(text: string): string {
  const [body = "", preimage = ""] = text.split(":");
  const digits = btoa(atob(body) + binaryOf(hexBytes(preimage)!));
  return PREFIX + digits.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The text of a credential in key form; empty for a key that is none; any other text as it is. */
export function textOfKey(text: string): string {
  if (!text.startsWith(PREFIX)) return text;
  // One spelling, without padding.
  const bytes = /[^\w-]/.test(text) ? undefined : base64Binary(text.slice(PREFIX.length));
  if (bytes === undefined) return "";
  const preimage = bytes.slice(-PREIMAGE_BYTES) as typeof bytes;
  return `${btoa(bytes.slice(0, -PREIMAGE_BYTES))}:${hexOfBinary(preimage)}`;
}
