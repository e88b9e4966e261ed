/**
 * Ed25519 (RFC 8032): from `node:crypto` if it exists, else `@noble/curves`; and by WebCrypto for
 * verifiers that may wait.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import {
  type Bytes,
  base64Bytes,
  base64Text,
  concat,
  hexBytes,
  hexText,
  ownBytes,
} from "./bytes.ts";
import { randomBytes } from "./crypto.ts";

type NodeCrypto = typeof import("node:crypto");
type KeyObject = import("node:crypto").KeyObject;

// Looked up, not imported, so that the file loads in a browser, which has no `node:crypto`.
const platform: NodeCrypto | undefined = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
).process?.getBuiltinModule?.("node:crypto") as NodeCrypto | undefined;

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** What stands before the 32 bytes of a key in PKCS #8 and in SPKI (RFC 8410). */
const PKCS8 = hexBytes("302e020100300506032b657004220420")!;
const SPKI = hexBytes("302a300506032b6570032100")!;

/** A private key, read once. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Bytes;
  /** 32 bytes: the seed of RFC 8032. */
  readonly privateKey: Bytes;
  sign(message: Uint8Array): Bytes;
}

/** @param privateKey 32 bytes; random ones by default */
export const signerOf: (privateKey?: Uint8Array) => Signer =
  platform === undefined
    ? (given = randomBytes(KEY_BYTES)) => {
        const privateKey = ownBytes(given);
        return {
          privateKey,
          publicKey: ed25519.getPublicKey(privateKey) as Bytes,
          sign: (message) => ed25519.sign(message, privateKey) as Bytes,
        };
      }
    : (given) => {
        const key = given === undefined ? newKey(platform) : readKey(platform, given);
        let jwk: { readonly d?: string; readonly x?: string } | undefined;
        // Faster than a key object of the public key.
        const member = (name: "d" | "x"): Bytes => {
          jwk ??= key.export({ format: "jwk" });
          return base64Bytes(jwk[name]!)!;
        };
        let privateKey = given === undefined ? undefined : ownBytes(given);
        let publicKey: Bytes | undefined;
        // The same arrays at each reading: verifiers know a key that is still trusted by its array.
        return {
          get privateKey() {
            privateKey ??= member("d");
            return privateKey;
          },
          get publicKey() {
            publicKey ??= member("x");
            return publicKey;
          },
          sign: (message) => ownBytes(platform.sign(null, message, key)),
        };
      };

const newKey = ({ generateKeyPairSync }: NodeCrypto): KeyObject =>
  generateKeyPairSync("ed25519").privateKey;

function readKey({ createPrivateKey }: NodeCrypto, privateKey: Uint8Array): KeyObject {
  const der = concat(PKCS8, privateKey);
  const key = createPrivateKey(pemOf("PRIVATE", der));
  der.fill(0);
  return key;
}

/** Whether a signature is right. False for one that is none. */
export type Verify = (message: Uint8Array, signature: Uint8Array) => boolean;

const never: Verify = () => false;

/**
 * Reads a public key once, for all its signatures. One that is none verifies nothing. As RFC 8032
 * §5.1.7 says without the factor of 8, which is what `node:crypto` and WebCrypto do: every platform
 * must agree.
 */
export function verifyWith(publicKey: Uint8Array): Verify {
  if (publicKey.length !== KEY_BYTES || isWeak(publicKey)) return never;
  try {
    const isRight = platform === undefined ? byNoble(publicKey) : byNode(platform, publicKey);
    return (message, signature) =>
      signature.length === SIGNATURE_BYTES && isRight(message, signature);
  } catch {
    return never;
  }
}

function byNode(node: NodeCrypto, publicKey: Uint8Array): Verify {
  const key = keyObject(node, publicKey);
  return (message, signature) => node.verify(null, message, key, signature);
}

/** Its own `verify` multiplies by 8, and so takes signatures that others refuse. */
function byNoble(publicKey: Uint8Array): Verify {
  const { Point } = ed25519;
  const bytes = ownBytes(publicKey);
  const key = Point.fromBytes(bytes);
  return (message, signature) => {
    const r = signature.subarray(0, KEY_BYTES);
    const s = numberOf(signature.subarray(KEY_BYTES));
    if (!Point.Fn.isValid(s)) return false;
    const k = Point.Fn.create(numberOf(sha512(concat(r, bytes, message))));
    const found = Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(k)).toBytes();
    return found.every((byte, at) => byte === r[at]);
  };
}

const numberOf = (littleEndian: Uint8Array): bigint =>
  BigInt(`0x${hexText(littleEndian.slice().reverse())}`);

/** Points of order 8 and less, without the sign in the last bit. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
]);

/**
 * Whether a key would verify what nobody signed, or is written in another way than RFC 8032 §5.1.5
 * has it: older versions of OpenSSL take both.
 */
function isWeak(key: Uint8Array): boolean {
  const last = key[31]! & 127;
  // Of keys that are neither, four in 128 are looked at.
  if (last !== 0 && last !== 5 && last !== 0x7a && last !== 127) return false;
  const plain = key.slice();
  plain[31] = last;
  const isUnreduced =
    last === 127 && key[0]! >= 0xed && plain.subarray(1, 31).every((b) => b === 255);
  return isUnreduced || SMALL_ORDER.has(hexText(plain));
}

/** As {@link verifyWith}, for a key with one signature. */
export const verify = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean => verifyWith(publicKey)(message, signature);

const keyObject = ({ createPublicKey }: NodeCrypto, publicKey: Uint8Array): KeyObject =>
  createPublicKey(pemOf("PUBLIC", concat(SPKI, publicKey)));

/**
 * As a text: Node 24 throws and catches an exception for every object that it is given and that is
 * no key, which takes longer than to read one.
 */
const pemOf = (kind: "PUBLIC" | "PRIVATE", der: Bytes): string =>
  `-----BEGIN ${kind} KEY-----\n${base64Text(der)}\n-----END ${kind} KEY-----\n`;

/**
 * As {@link verify}, by WebCrypto: in Workers and browsers ten times as fast, but it must be waited
 * for. Undefined where the platform verifies faster without waiting, or has no Ed25519.
 */
export const verifyLater:
  | ((publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => Promise<boolean>)
  | undefined =
  platform !== undefined || globalThis.crypto?.subtle === undefined
    ? undefined
    : async (publicKey, message, signature) => {
        if (isWeak(publicKey)) return false;
        try {
          const { subtle } = globalThis.crypto;
          const key = await subtle.importKey("raw", ownBytes(publicKey), "Ed25519", false, [
            "verify",
          ]);
          return await subtle.verify("Ed25519", key, ownBytes(signature), ownBytes(message));
        } catch {
          // Engines without Ed25519 throw; a key that is none is refused here too.
          return verify(publicKey, message, signature);
        }
      };
