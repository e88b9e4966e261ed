/**
 * Ed25519 (RFC 8032): from `node:crypto` if it exists, else `@noble/curves`; and by WebCrypto for
 * verifiers that may wait.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { type Bytes, base64Bytes, base64Text, concat, hexBytes, ownBytes } from "./bytes.ts";
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

/** Reads a public key once, for all its signatures. One that is none verifies nothing. */
export const verifyWith: (publicKey: Uint8Array) => Verify =
  platform === undefined
    ? (publicKey) => {
        const key = ownBytes(publicKey);
        return (message, signature) => {
          try {
            // As RFC 8032 §5.1.7 says, not the wider rules of ZIP 215: every platform must agree.
            return ed25519.verify(signature, message, key, { zip215: false });
          } catch {
            return false;
          }
        };
      }
    : (publicKey) => {
        if (publicKey.length !== KEY_BYTES) return never;
        try {
          const key = keyObject(platform, publicKey);
          return (message, signature) =>
            signature.length === SIGNATURE_BYTES && platform.verify(null, message, key, signature);
        } catch {
          return never;
        }
      };

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
