/** AES-256-GCM: from `node:crypto` if it exists, which answers at once, else from WebCrypto. */
import { type Bytes, concat, ownBytes } from "./bytes.ts";
import { randomBytes } from "./crypto.ts";

type NodeCrypto = typeof import("node:crypto");

// Looked up, not imported, so that the file loads in a browser, which has no `node:crypto`.
const platform: NodeCrypto | undefined = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
).process?.getBuiltinModule?.("node:crypto") as NodeCrypto | undefined;

/** A promise only where the platform has nothing else. */
export type Soon<Value> = Value | Promise<Value>;

/** Goes on at once with a value that is there. */
export const soon = <Value, Next>(
  value: Soon<Value>,
  next: (value: Value) => Soon<Next>,
): Soon<Next> => (value instanceof Promise ? value.then(next) : next(value));

/** Encrypts and authenticates under one key. */
export interface Aead {
  /**
   * The nonce, the encrypted bytes and the tag. The nonce is random, so one key is for 2³² messages
   * at most (NIST SP 800-38D §8.3).
   *
   * @param context is authenticated and not kept: `open` needs the same
   */
  seal(plain: Uint8Array, context: Uint8Array): Soon<Bytes>;
  /** Undefined if another key or context sealed it, or a bit of it was changed. */
  open(sealed: Uint8Array, context: Uint8Array): Soon<Bytes | undefined>;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @param key 32 bytes */
export const aes256Gcm = (key: Uint8Array): Aead =>
  platform === undefined ? webAead(key) : nodeAead(platform, key);

function nodeAead(crypto: NodeCrypto, bytes: Uint8Array): Aead {
  const key = crypto.createSecretKey(bytes);
  return {
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = crypto.createCipheriv("aes-256-gcm", key, nonce).setAAD(context);
      return concat(nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag());
    },
    open(sealed, context) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
      const nonce = sealed.subarray(0, NONCE_BYTES);
      try {
        const decipher = crypto
          .createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES })
          .setAAD(context)
          .setAuthTag(sealed.subarray(-TAG_BYTES));
        const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
        return concat(plain, decipher.final());
      } catch {
        return undefined;
      }
    },
  };
}

function webAead(bytes: Uint8Array): Aead {
  const { subtle } = crypto;
  const name = "AES-GCM";
  const key = subtle.importKey("raw", ownBytes(bytes), name, false, ["encrypt", "decrypt"]);
  const settings = (iv: Uint8Array, context: Uint8Array) => ({
    name,
    iv: ownBytes(iv),
    additionalData: ownBytes(context),
  });
  return {
    async seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const sealed = await subtle.encrypt(settings(nonce, context), await key, ownBytes(plain));
      return concat(nonce, new Uint8Array(sealed));
    },
    async open(sealed, context) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
      const nonce = sealed.subarray(0, NONCE_BYTES);
      try {
        const rest = ownBytes(sealed.subarray(NONCE_BYTES));
        return new Uint8Array(await subtle.decrypt(settings(nonce, context), await key, rest));
      } catch {
        return undefined;
      }
    },
  };
}
