/** Bytes as UTF-8, hex and base64: strict readers, which take the whole input or none of it. */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

export type Bytes = Uint8Array<ArrayBuffer>;

declare const BINARY: unique symbol;
/**
 * Bytes as a text of one character each, U+0000 to U+00FF, as `atob` gives them. It takes a quarter
 * of the memory of a small typed array, is cut without a copy, and passes into OpenSSL faster.
 */
export type Binary = string & { readonly [BINARY]: true };

const utf8Encoder = new TextEncoder();
// Invalid bytes fail and a BOM is kept, so that no two byte strings decode to one text. [case 14]
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A copy in memory of its own. Small Buffers share a pool, and a structured clone of a view sends
 * the whole pool along.
 */
export const ownBytes = (buffer: Uint8Array): Bytes => new Uint8Array(buffer);

// Node's coders are many times faster, and lenient: their result counts only if it encodes back to
// the same text.
const native: typeof Buffer | undefined = (globalThis as { Buffer?: typeof Buffer }).Buffer;

export const utf8: (text: string) => Bytes =
  native === undefined
    ? (text) => utf8Encoder.encode(text) as Bytes
    : (text) => ownBytes(native.from(text, "utf8"));

const ASCII = /^[\0-\x7f]*$/;

/** The text of UTF-8 bytes; undefined if they are not UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  if (native !== undefined) {
    // Most texts are ASCII, which latin1 decodes to the same text several times faster.
    const text = binaryOf(bytes);
    if (ASCII.test(text)) return text;
  }
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export const hexText: (bytes: Uint8Array) => string =
  native === undefined
    ? bytesToHex
    : (bytes) => native.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");

const HEX = /^(?:[0-9a-fA-F]{2})*$/;

/**
 * The bytes of hex in either case; undefined for anything else. `Buffer.from(x, "hex")` alone stops
 * silently at the first wrong digit. [case 4]
 */
export function hexBytes(text: string): Bytes | undefined {
  if (!HEX.test(text)) return undefined;
  return native === undefined ? (hexToBytes(text) as Bytes) : ownBytes(native.from(text, "hex"));
}

export const base64Text: (bytes: Uint8Array) => string =
  native === undefined
    ? (bytes) => btoa(binaryOf(bytes))
    : (bytes) => native.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

/**
 * The bytes of base64, padded or not, in the standard or the URL-safe alphabet, not mixed;
 * undefined for anything else. Trailing bits must be zero, so that bytes have one text in each
 * form. [case 3]
 */
export function base64Bytes(text: string): Bytes | undefined {
  if (native === undefined) {
    const binary = base64Binary(text);
    return binary === undefined ? undefined : bytesOf(binary);
  }
  const padded = paddedBase64(text);
  if (padded === undefined) return undefined;
  const bytes = native.from(padded, "base64");
  return bytes.toString("base64") === padded ? ownBytes(bytes) : undefined;
}

/** As {@link base64Bytes}; the faster one for short texts. */
export function base64Binary(text: string): Binary | undefined {
  const padded = paddedBase64(text);
  if (padded === undefined) return undefined;
  try {
    const binary = atob(padded) as Binary;
    return btoa(binary) === padded ? binary : undefined;
  } catch {
    return undefined;
  }
}

export const binaryOf: (bytes: Uint8Array) => Binary =
  native === undefined
    ? (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") as Binary
    : (bytes) => native.prototype.latin1Slice.call(bytes, 0, bytes.length) as Binary;

/** In memory of their own. */
export function bytesOf(binary: Binary): Bytes {
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** The UTF-8 of a text. */
export const binaryOfUtf8 = (text: string): Binary =>
  ASCII.test(text) ? (text as Binary) : binaryOf(utf8(text));

/** The text of UTF-8; undefined for anything else. */
export const utf8OfBinary = (binary: Binary): string | undefined =>
  ASCII.test(binary) ? binary : utf8Text(bytesOf(binary));

export const hexOfBinary = (binary: Binary): string => hexText(bytesOf(binary));

/** In the standard alphabet; undefined if both alphabets are mixed. */
function paddedBase64(text: string): string | undefined {
  const urlSafe = text.includes("-") || text.includes("_");
  if (urlSafe && /[+/]/.test(text)) return undefined;
  const standard = urlSafe ? text.replaceAll("-", "+").replaceAll("_", "/") : text;
  return standard.endsWith("=")
    ? standard
    : standard.padEnd(Math.ceil(standard.length / 4) * 4, "=");
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
