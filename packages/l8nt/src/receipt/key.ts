/**
 * The Ed25519 key of receipts and of the revocation feed (RFC 8032). The curve is imported at its
 * first use, to keep browser bundles small. spec/6-receipts.md §3.
 */
import { type Bytes, concat, hexBytes, hexText, ownBytes } from "../internal/bytes.ts";
import { sha256Hex } from "../internal/crypto.ts";

const loadCurve = async () => (await import("../internal/curve.ts")).ed25519;
type Curve = Awaited<ReturnType<typeof loadCurve>>;

/** The first 8 bytes of SHA-256 of the public key, in hex: names a key, and proves nothing. */
const keyIdOf = (publicKey: Bytes): string => sha256Hex(publicKey).slice(0, 16);

/** The bytes before the seed in a private key's DER (RFC 8410). */
const PKCS8_PREFIX = hexBytes("302e020100300506032b657004220420")!;

/**
 * Signs with node:crypto if the runtime has it, which is ten times as fast. The signatures are the
 * same, because Ed25519 is deterministic.
 */
function platformSign(seed: Bytes): ((message: Uint8Array) => Uint8Array) | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.("node:crypto");
  if (crypto === undefined) return undefined;
  const der = concat(PKCS8_PREFIX, seed);
  const key = crypto.createPrivateKey({ key: der as Buffer, format: "der", type: "pkcs8" });
  return (message) => crypto.sign(null, message, key);
}

/** Signs receipts. It is the only holder of the private key. */
export class ReceiptSigner {
  /** 64 hex digits. */
  readonly publicKey: string;
  readonly keyId: string;
  readonly #sign: (message: Uint8Array) => Uint8Array;

  private constructor(seed: Bytes, curve: Curve) {
    const publicKey = curve.getPublicKey(seed) as Bytes;
    this.#sign = platformSign(seed) ?? ((message) => curve.sign(message, seed));
    this.publicKey = hexText(publicKey);
    this.keyId = keyIdOf(publicKey);
  }

  /** @throws TypeError for anything but 32 bytes */
  static async fromSeed(seed: Uint8Array): Promise<ReceiptSigner> {
    if (!(seed instanceof Uint8Array) || seed.length !== 32)
      throw new TypeError("the seed of a signing key must be 32 bytes");
    return new ReceiptSigner(ownBytes(seed), await loadCurve());
  }

  /** Hex; deterministic. */
  sign(message: Uint8Array): string {
    return hexText(this.#sign(message));
  }
}

/** The public key, which verifies signatures. */
export class ReceiptKey {
  readonly keyId: string;
  readonly #bytes: Bytes;
  readonly #curve: Curve;

  private constructor(bytes: Bytes, curve: Curve) {
    this.#bytes = bytes;
    this.#curve = curve;
    this.keyId = keyIdOf(bytes);
  }

  /** @throws TypeError for anything but the 64 hex of an Ed25519 public key */
  static async of(publicKey: string): Promise<ReceiptKey> {
    const bytes = /^[0-9a-fA-F]{64}$/.test(publicKey) ? hexBytes(publicKey) : undefined;
    const curve = await loadCurve();
    // Strict: refuses a point with two encodings, and one of small order, under which a signature
    // may be valid for any text.
    if (
      bytes === undefined ||
      !curve.utils.isValidPublicKey(bytes, false) ||
      isOfSmallOrder(curve, bytes)
    )
      throw new TypeError("a signing key must be 64 hex digits: an Ed25519 public key");
    return new ReceiptKey(bytes, curve);
  }

  verifies(message: Uint8Array, signature: string): boolean {
    // RFC 8032 as Node and OpenSSL read it, not the wider ZIP 215.
    return this.#curve.verify(hexBytes(signature)!, message, this.#bytes, { zip215: false });
  }
}

const isOfSmallOrder = (curve: Curve, bytes: Bytes): boolean =>
  curve.Point.fromBytes(bytes).isSmallOrder();
