/**
 * Who signed an invoice: the key it names, or the one its signature gives away. BOLT 11, "Data
 * Part" and `n`.
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { type Bytes, concat, hexBytes, hexText, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";
import type { InvoiceCurve } from "./curve.ts";
import { malformed } from "./malformed.ts";
import { type Words, wordsToPaddedBytes } from "./words.ts";

/** In JavaScript, so that it runs in browsers: a recovery takes 1 to 2 ms. */
const NOBLE: InvoiceCurve = {
  recover: (hash, signature, recoveryId) =>
    secp256k1.recoverPublicKey(concat(Uint8Array.of(recoveryId), signature), hash, {
      prehash: false,
    }),
  verify: (hash, publicKey, signature) =>
    secp256k1.verify(signature, hash, publicKey, { prehash: false, lowS: true }),
};

/** Returns the hash that is signed: of the prefix as text, and the data without the signature. */
export function invoiceHash(prefix: string, data: Words): Bytes {
  return sha256(concat(utf8(prefix), wordsToPaddedBytes(data)));
}

/**
 * Returns the payee's key in hex. A named key needs a canonical (low-S) signature; recovery takes
 * both, because each gives exactly one key.
 *
 * @throws ChallengeError (`ERR_INVOICE_MALFORMED`)
 */
export function payeeOf(
  hash: Bytes,
  signature: Bytes,
  named: string | undefined,
  curve: InvoiceCurve = NOBLE,
): string {
  const recoveryId = signature[64]!;
  if (recoveryId > 3) throw malformed("the recovery id of its signature is above 3");
  const compact = signature.subarray(0, 64);
  let payee: string | undefined;
  try {
    if (named === undefined) {
      const key = curve.recover(hash, compact, recoveryId as 0 | 1 | 2 | 3);
      payee = key === null ? undefined : hexText(key);
    } else if (curve.verify(hash, hexBytes(named)!, compact)) {
      payee = named;
    }
  } catch {
    // r or s is out of range, or a point is not on the curve. The library's message does not help.
  }
  if (payee === undefined) throw malformed("its signature is not valid");
  return payee;
}

/** Returns a deterministic (RFC 6979), low-S signature: r, s, recovery id. */
export function signInvoice(hash: Bytes, privateKey: Uint8Array): Bytes {
  const signature = secp256k1.sign(hash, privateKey, {
    prehash: false,
    lowS: true,
    format: "recovered",
  });
  return concat(signature.subarray(1), signature.subarray(0, 1));
}

/** @throws TypeError for an invalid key */
export function checkPrivateKey(privateKey: Uint8Array): void {
  if (!(privateKey instanceof Uint8Array) || !secp256k1.utils.isValidSecretKey(privateKey))
    throw new TypeError("privateKey must be the 32 bytes of a secp256k1 private key");
}

/**
 * Returns the compressed public key of a private key: as much work as a signature.
 *
 * @throws TypeError for an invalid key
 */
export function publicKeyOf(privateKey: Uint8Array): Bytes {
  checkPrivateKey(privateKey);
  return secp256k1.getPublicKey(privateKey) as Bytes;
}
