/**
 * The identifier inside an L402 macaroon: version, payment hash, token id. 66 bytes.
 * spec/1-credential.md §2.
 */
import { TokenError } from "../errors.ts";
import { type Bytes, hexText } from "../internal/bytes.ts";

export interface Identifier {
  /** Hex. The SHA-256 of the preimage that the credential must carry. */
  readonly paymentHash: string;
  /** 32 bytes: 4 that name the root secret, 28 random ones. */
  readonly tokenId: Bytes;
}

const NO_PAYMENT = "0".repeat(64);
const VERSION = 0;
const HASH_BYTES = 32;
const TOKEN_ID_BYTES = 32;
export const IDENTIFIER_BYTES = 2 + HASH_BYTES + TOKEN_ID_BYTES;
export const ROOT_ID_BYTES = 4;

/** Whether bytes have the form of an identifier of the version that is read here. */
export const isIdentifier = (bytes: Uint8Array): boolean =>
  bytes.length === IDENTIFIER_BYTES && bytes[0] === 0 && bytes[1] === VERSION;

/** @throws TokenError `ERR_TOKEN_MALFORMED` */
function decode(bytes: Uint8Array): Identifier {
  if (!isIdentifier(bytes))
    throw new TokenError(
      "ERR_TOKEN_MALFORMED",
      "The macaroon's identifier is not an L402 identifier of version 0.",
    );
  const paymentHash = hexText(bytes.subarray(2, 2 + HASH_BYTES));
  // Some implementations use a hash of zeros for "not paid for". [case 6]
  if (paymentHash === NO_PAYMENT)
    throw new TokenError("ERR_TOKEN_MALFORMED", "The macaroon's identifier commits to no payment.");
  return { paymentHash, tokenId: new Uint8Array(bytes.subarray(2 + HASH_BYTES)) };
}

function encode(paymentHash: Uint8Array, tokenId: Uint8Array): Bytes {
  if (paymentHash.length !== HASH_BYTES || tokenId.length !== TOKEN_ID_BYTES)
    throw new TypeError("an identifier has a payment hash and a token id of 32 bytes each");
  const bytes = new Uint8Array(IDENTIFIER_BYTES);
  bytes.set(paymentHash, 2);
  bytes.set(tokenId, 2 + HASH_BYTES);
  return bytes;
}

export const Identifier = { decode, encode } as const;
