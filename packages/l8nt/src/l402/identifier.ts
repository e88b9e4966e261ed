/**
 * The identifier inside an L402 macaroon: version, payment hash, token id. 66 bytes.
 * spec/1-credential.md §2.
 */
import { TokenError } from "../errors.ts";
import { type Binary, type Bytes, binaryOf, bytesOf, hexOfBinary } from "../internal/bytes.ts";

export interface Identifier {
  /** Hex. The SHA-256 of the preimage that the credential must carry. */
  readonly paymentHash: string;
  /** 32 bytes: 4 that name the root secret, 28 random ones. */
  readonly tokenId: Bytes;
}

const VERSION = 0;
const HASH_BYTES = 32;
const TOKEN_ID_BYTES = 32;
const HASH_AT = 2;
const TOKEN_ID_AT = HASH_AT + HASH_BYTES;
export const IDENTIFIER_BYTES = TOKEN_ID_AT + TOKEN_ID_BYTES;
export const ROOT_ID_BYTES = 4;
const NO_PAYMENT = "\0".repeat(HASH_BYTES);

/** Whether bytes have the form of an identifier of the version that is read here. */
export const isIdentifier = (bytes: Uint8Array): boolean => hasForm(inFull(bytes));

const hasForm = (identifier: Binary): boolean =>
  identifier.length === IDENTIFIER_BYTES &&
  identifier.charCodeAt(0) === 0 &&
  identifier.charCodeAt(1) === VERSION;

/** Of longer bytes no more than shows that they are too long. */
const inFull = (bytes: Uint8Array): Binary => binaryOf(bytes.subarray(0, IDENTIFIER_BYTES + 1));

/**
 * The payment hash in an identifier, 32 bytes.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED`
 */
export function paymentHashIn(identifier: Binary): Binary {
  if (!hasForm(identifier))
    throw new TokenError(
      "ERR_TOKEN_MALFORMED",
      "The macaroon's identifier is not an L402 identifier of version 0.",
    );
  const paymentHash = identifier.slice(HASH_AT, TOKEN_ID_AT) as Binary;
  // Some implementations use a hash of zeros for "not paid for". [case 6]
  if (paymentHash === NO_PAYMENT)
    throw new TokenError("ERR_TOKEN_MALFORMED", "The macaroon's identifier commits to no payment.");
  return paymentHash;
}

/** Whether a well-formed identifier's token id begins with these bytes. */
export const isUnderRoot = (identifier: Binary, rootId: Binary): boolean =>
  identifier.startsWith(rootId, TOKEN_ID_AT);

/** @throws TokenError `ERR_TOKEN_MALFORMED` */
function decode(bytes: Uint8Array): Identifier {
  const identifier = inFull(bytes);
  return {
    paymentHash: hexOfBinary(paymentHashIn(identifier)),
    tokenId: bytesOf(identifier.slice(TOKEN_ID_AT) as Binary),
  };
}

function encode(paymentHash: Uint8Array, tokenId: Uint8Array): Bytes {
  if (paymentHash.length !== HASH_BYTES || tokenId.length !== TOKEN_ID_BYTES)
    throw new TypeError("an identifier has two parts of 32 bytes");
  const bytes = new Uint8Array(IDENTIFIER_BYTES);
  bytes.set(paymentHash, HASH_AT);
  bytes.set(tokenId, TOKEN_ID_AT);
  return bytes;
}

export const Identifier = { decode, encode } as const;
