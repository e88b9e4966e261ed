/** Bytes as UTF-8, hex and base64: strict readers, which take the whole input or none of it. */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

export type Bytes = Uint8Array<ArrayBuffer>;

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
    const text = native.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
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
    ? (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    : (bytes) => native.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

/**
 * The bytes of base64, padded or not, in the standard or the URL-safe alphabet, not mixed;
 * undefined for anything else. Trailing bits must be zero, so that bytes have one text in each
 * form. [case 3]
 */
export function base64Bytes(text: string): Bytes | undefined {
  const urlSafe = text.includes("-") || text.includes("_");
  const standard = urlSafe ? toStandard(text) : text;
  if (standard === undefined) return undefined;
  const padded = standard.endsWith("=")
    ? standard
    : standard.padEnd(Math.ceil(standard.length / 4) * 4, "=");
  if (native !== undefined) {
    const bytes = native.from(padded, "base64");
    return bytes.toString("base64") === padded ? ownBytes(bytes) : undefined;
  }
  try {
    const binary = atob(padded);
    return btoa(binary) === padded
      ? Uint8Array.from(binary, (char) => char.charCodeAt(0))
      : undefined;
  } catch {
    return undefined;
  }
}

function toStandard(urlSafe: string): string | undefined {
  return /[+/]/.test(urlSafe) ? undefined : urlSafe.replaceAll("-", "+").replaceAll("_", "/");
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
