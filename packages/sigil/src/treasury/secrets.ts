/**
 * The treasury's secrets: stored in the database, encrypted with a key outside of it. [case 112]
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { AdapterError } from "l8nt";
import { UsageError } from "../exit.ts";

/** The part of a store that holds encrypted secrets. */
export interface Vault {
  wrapped(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  keepWrapped(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>;
}

/** The secrets of a treasury. */
export interface Secrets {
  /** Secret from which credentials are minted, 32 bytes. */
  readonly root: Uint8Array;
  /** Seed of the key that signs receipts, 32 bytes. */
  readonly receipts: Uint8Array;
}

const NAMES = { root: "treasury secret", receipts: "receipt seed" } as const;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Makes a random key, 64 hex digits. */
export const newKey = (): string => randomBytes(32).toString("hex");

/** Reads a key. @throws UsageError if the text is not 64 hex digits */
export function readKey(text: string): Buffer {
  if (!/^[0-9a-fA-F]{64}$/.test(text))
    throw new UsageError(
      "The treasury's key must be 64 hex digits. Check SIGIL_TREASURY_KEY, or the key file.",
    );
  return Buffer.from(text, "hex");
}

/** Decrypts the secrets. @throws AdapterError `ERR_STORE` if there are none, or the key is wrong */
export async function openSecrets(vault: Vault, key: Buffer): Promise<Secrets> {
  const [root, receipts] = await Promise.all([
    opened(vault, key, NAMES.root),
    opened(vault, key, NAMES.receipts),
  ]);
  return { root, receipts };
}

/** Makes the secrets that do not exist yet, and returns all. @throws AdapterError `ERR_STORE` */
export async function makeSecrets(vault: Vault, key: Buffer): Promise<Secrets> {
  for (const name of Object.values(NAMES))
    await vault.keepWrapped(name, wrap(key, name, randomBytes(32)));
  return openSecrets(vault, key);
}

async function opened(vault: Vault, key: Buffer, name: string): Promise<Uint8Array> {
  const wrapped = await vault.wrapped(name);
  if (wrapped === undefined)
    throw new AdapterError(
      "ERR_STORE",
      "The database has no secrets. Make it with `sigil treasury init`.",
    );
  try {
    return unwrap(key, name, wrapped);
  } catch (cause) {
    throw new AdapterError(
      "ERR_STORE",
      "The treasury's secrets cannot be decrypted: the key belongs to another treasury, or the database was changed.",
      { cause },
    );
  }
}

/** Encrypts with AES-256-GCM under a derived key, and authenticates the secret's name. */
function wrap(key: Buffer, name: string, secret: Uint8Array): Uint8Array<ArrayBuffer> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", wrappingKey(key), nonce).setAAD(Buffer.from(name));
  const text = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  return new Uint8Array(text);
}

function unwrap(key: Buffer, name: string, wrapped: Uint8Array): Uint8Array {
  const bytes = Buffer.from(wrapped);
  const decipher = createDecipheriv("aes-256-gcm", wrappingKey(key), bytes.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(name))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([
    decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)),
    decipher.final(),
  ]);
}

const wrappingKey = (key: Buffer): Uint8Array =>
  new Uint8Array(hkdfSync("sha256", key, Buffer.alloc(0), "sigil treasury wrapping", 32));
