/**
 * The `integrity` of a request (W3C Subresource Integrity §3.3), judged here: `fetch` would judge
 * the body of a 402 by it, and knows nothing of what a treasury relays.
 */
import { base64Text } from "../internal/bytes.ts";

/** The strongest first. */
const NAMES = ["sha512", "sha384", "sha256"] as const;
const ITEM = /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})(?:\?.*)?$/;

/**
 * The same response, whose body was read. As in `fetch`, the strongest hash that is named decides,
 * and metadata without a known hash allows everything.
 *
 * @throws TypeError for another body
 */
export async function withIntegrity(response: Response, metadata: string): Promise<Response> {
  const items = metadata.split(/[\t\n\f\r ]+/).flatMap((text) => {
    const [, name, digest] = ITEM.exec(text) ?? [];
    return name === undefined ? [] : [{ name, digest: digest! }];
  });
  const name = NAMES.find((known) => items.some((item) => item.name === known));
  if (name === undefined) return response;
  // What an opaque response holds may not be seen, and has no body here.
  const bytes = response.body === null ? undefined : await response.arrayBuffer();
  const found = bytes && plain(base64Text(await digestOf(name, bytes)));
  if (!items.some((item) => item.name === name && plain(item.digest) === found))
    throw new TypeError("The body is not the one that `integrity` of the request demands.");
  const { status, statusText, headers } = response;
  return new Response(bytes, { status, statusText, headers });
}

/** Not `@noble/hashes`: a page would load its SHA-512 at the start. */
async function digestOf(name: string, bytes: ArrayBuffer): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto;
  // As in a page over plain HTTP.
  if (subtle === undefined) throw new TypeError("`integrity` needs a secure context here.");
  return new Uint8Array(await subtle.digest(name.replace("sha", "SHA-"), bytes));
}

const plain = (base64: string): string =>
  base64.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
