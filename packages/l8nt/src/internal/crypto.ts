/** SHA-256, HMAC, HKDF and random bytes: from `node:crypto` if it exists, else `@noble/hashes`. */
import type { TransformOptions } from "node:stream";
import { extract } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { type Binary, type Bytes, binaryOf, bytesOf, hexBytes, hexText } from "./bytes.ts";

type NodeCrypto = typeof import("node:crypto");

// Looked up, not imported, so that the file loads in a browser, which has no `node:crypto`.
const platform: NodeCrypto | undefined = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
).process?.getBuiltinModule?.("node:crypto") as NodeCrypto | undefined;

export const sha256: (message: Uint8Array) => Bytes =
  platform === undefined
    ? (message) => nobleSha256(message) as Bytes
    : // A single call without a stream, in Node 20.12 and later.
      platform.hash === undefined
      ? (message) => ownDigest(platform.createHash("sha256").update(message).digest("binary"))
      : (message) => ownDigest(platform.hash("sha256", message, "binary"));

/** SHA-256 in hex, to compare with public values. */
export const sha256Hex: (message: Uint8Array) => string =
  platform?.hash === undefined
    ? (message) => hexText(sha256(message))
    : (message) => platform.hash("sha256", message, "hex");

/** The SHA-256 of the bytes that 64 hex digits stand for, which may be a preimage. */
export function sha256OfHex(hex: string): Binary {
  const bytes = hexBytes(hex)!;
  const digest =
    platform?.hash === undefined
      ? binaryOf(sha256(bytes))
      : (platform.hash("sha256", bytes, "binary") as Binary);
  bytes.fill(0);
  return digest;
}

export const hmacSha256 = (key: Uint8Array, message: Uint8Array): Bytes =>
  bytesOf(hmacBinary(binaryOf(key), binaryOf(message)));

// A latin1 string passes into OpenSSL several times faster than a buffer: 1.3 µs against 10 µs on
// Node 24. Only keys and digests are passed so.
const LATIN1 = { encoding: "latin1" } as unknown as TransformOptions;

export const hmacBinary: (key: Binary, message: Binary) => Binary =
  platform === undefined
    ? (key, message) => binaryOf(hmac(nobleSha256, bytesOf(key), bytesOf(message)))
    : (key, message) =>
        platform
          .createHmac("sha256", key, LATIN1)
          .update(message, "latin1")
          .digest("binary") as Binary;

/** HMAC under one key, which is prepared once for many messages. */
export function hmacUnder(key: Uint8Array): (message: Uint8Array) => Bytes {
  if (platform !== undefined) {
    const prepared = platform.createSecretKey(key);
    return (message) =>
      ownDigest(platform.createHmac("sha256", prepared).update(message).digest("binary"));
  }
  const prepared = hmac.create(nobleSha256, key);
  return (message) => prepared.clone().update(message).digest() as Bytes;
}

const ownDigest = (digest: string): Bytes => bytesOf(digest as Binary);

/** The pseudo-random key of HKDF-SHA256 (RFC 5869 §2.2) with an empty salt. */
export const hkdfExtract = (secret: Uint8Array): Bytes => extract(nobleSha256, secret) as Bytes;

/** HKDF-Expand (RFC 5869 §2.3) of one block, 32 bytes. The key is prepared once. */
export function hkdfExpandUnder(pseudoRandomKey: Uint8Array): (info: Uint8Array) => Bytes {
  const prf = hmacUnder(pseudoRandomKey);
  return (info) => {
    const message = new Uint8Array(info.length + 1);
    message.set(info);
    message[info.length] = 1;
    return prf(message);
  };
}

/** Compares in constant time; unequal lengths return at once. [case 13] */
export const equalBytes: (a: Uint8Array, b: Uint8Array) => boolean =
  platform === undefined
    ? (a, b) => {
        if (a.length !== b.length) return false;
        let difference = 0;
        for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
        return difference === 0;
      }
    : (a, b) => a.length === b.length && platform.timingSafeEqual(a, b);

/** As {@link equalBytes}. */
export const equalBinary = (a: Binary, b: Binary): boolean => {
  if (a.length !== COMPARED_BYTES || b.length !== COMPARED_BYTES)
    return equalBytes(bytesOf(a), bytesOf(b));
  for (let at = 0; at < COMPARED_BYTES; at++) {
    ONE[at] = a.charCodeAt(at);
    OTHER[at] = b.charCodeAt(at);
  }
  const isEqual = equalBytes(ONE, OTHER);
  ONE.fill(0);
  OTHER.fill(0);
  return isEqual;
};
// Of a signature. Written for each comparison and wiped after it, because two new arrays would take
// longer than the comparison.
const COMPARED_BYTES = 32;
const ONE = new Uint8Array(COMPARED_BYTES);
const OTHER = new Uint8Array(COMPARED_BYTES);

/** From the system, for secrets. */
export const randomBytes = (length: number): Bytes =>
  crypto.getRandomValues(new Uint8Array(length));

const POOL = new Uint8Array(1024);
let unused = 0;

/** Wipes what was made ahead, for a simulation whose bytes follow from its seed. */
export function forgetNonces(): void {
  POOL.fill(0);
  unused = 0;
}

/**
 * Random bytes for what is public anyway: nonces and ids. One call of the system brings many, which
 * takes a tenth of the time of a call for each; a byte is wiped when it is taken. Not for secrets:
 * a process that is restored twice from one snapshot would make the same ones twice.
 *
 * @param length 1024 at most
 */
export function nonceBytes(length: number): Bytes {
  if (unused < length) {
    crypto.getRandomValues(POOL);
    unused = POOL.length;
  }
  unused -= length;
  const taken = POOL.slice(unused, unused + length);
  POOL.fill(0, unused, unused + length);
  return taken;
}
