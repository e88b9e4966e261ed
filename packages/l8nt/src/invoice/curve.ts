/** The port to a library that computes on the curve of invoices, secp256k1. */

/**
 * Two functions of ECDSA over secp256k1. `hash` is 32 bytes and is signed as it is; `signature` is
 * r and s, 64 bytes. A function may throw for input that no signature has.
 */
export interface InvoiceCurve {
  /** Returns the compressed key that made the signature, 33 bytes, or null if none did. */
  recover(hash: Uint8Array, signature: Uint8Array, recoveryId: 0 | 1 | 2 | 3): Uint8Array | null;
  /** Whether the key made the signature. It refuses a signature whose s is in the upper half. */
  verify(hash: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean;
}
