/**
 * The message of a Biscuit token: signed blocks, and the proof at its end. spec/9-public-key.md §1.
 */
import { TokenError } from "../errors.ts";
import { type Bytes, concat, utf8 } from "../internal/bytes.ts";
import { KEY_BYTES, SIGNATURE_BYTES } from "../internal/ed25519.ts";
import { Fields, known, malformed, Writer } from "./protobuf.ts";

export interface SignedBlock {
  /** The message of the block, as it was signed. */
  readonly data: Uint8Array;
  /** 32 bytes: verifies the signature of the next block, or of the seal. */
  readonly nextKey: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** Of what was signed: 0, or 1, which covers the signature before too. */
  readonly version: 0 | 1;
}

export type Proof =
  /** 32 bytes: the private key to the last block's `nextKey`. Its holder may append. */
  | { readonly kind: "open"; readonly nextSecret: Uint8Array }
  /** 64 bytes. Nobody may append. */
  | { readonly kind: "sealed"; readonly signature: Uint8Array };

export interface Token {
  /** Which of the issuer's keys signed the first block; 32 bits. */
  readonly rootKeyId: number | undefined;
  /** The first one is the authority's. */
  readonly blocks: readonly [SignedBlock, ...SignedBlock[]];
  readonly proof: Proof;
}

const MAX_BYTES = 6_144;
export const MAX_BLOCKS = 65;
const ED25519 = 0;

const TOKEN = known(1, 2, 3, 4);
const SIGNED_BLOCK = known(1, 2, 3, 4, 5);
const PUBLIC_KEY = known(1, 2);
const PROOF = known(1, 2);

/**
 * Reads a token, which is not verified.
 *
 * @throws TokenError `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_ALGORITHM` for keys
 * that are not Ed25519, `ERR_TOKEN_THIRD_PARTY` for a block that somebody else signed too
 */
export function decodeToken(bytes: Uint8Array): Token {
  if (bytes.length > MAX_BYTES) throw tooLarge();
  const fields = Fields.of(bytes, TOKEN);
  const more = fields.all(3);
  if (more.length >= MAX_BLOCKS) throw tooLarge();
  const rootKeyId = fields.small(1);
  const blocks = [
    decodeSigned(fields.message(2, SIGNED_BLOCK)),
    ...more.map((block) => decodeSigned(fields.inside(block, SIGNED_BLOCK))),
  ] as const;
  return { rootKeyId, blocks: blocks as Token["blocks"], proof: decodeProof(fields) };
}

export const tooLarge = (): TokenError =>
  new TokenError("ERR_TOKEN_TOO_LARGE", "The credential is larger than a credential may be.");

function decodeSigned(fields: Fields): SignedBlock {
  if (fields.has(4))
    throw new TokenError(
      "ERR_TOKEN_THIRD_PARTY",
      "The credential has a third-party block, which nothing here may add.",
    );
  const version = fields.small(5) ?? 0;
  if (version !== 0 && version !== 1) throw malformed("its signatures have an unknown version");
  return {
    data: fields.bytes(1),
    nextKey: decodeKey(fields.message(2, PUBLIC_KEY)),
    signature: sized(fields.bytes(3), SIGNATURE_BYTES),
    version,
  };
}

function decodeKey(fields: Fields): Uint8Array {
  const algorithm = fields.integer(1);
  if (algorithm === undefined) throw malformed("a key has no algorithm");
  if (algorithm !== ED25519)
    throw new TokenError("ERR_TOKEN_ALGORITHM", "The credential has a key that is not Ed25519.");
  return sized(fields.bytes(2), KEY_BYTES);
}

function decodeProof(token: Fields): Proof {
  const fields = token.message(4, PROOF);
  const { one } = fields;
  const bytes = one.integer === undefined ? fields.bytesOf(one) : new Uint8Array(0);
  return one.number === 1
    ? { kind: "open", nextSecret: sized(bytes, KEY_BYTES) }
    : { kind: "sealed", signature: sized(bytes, SIGNATURE_BYTES) };
}

function sized(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw malformed("a key or a signature has the wrong length");
  return bytes;
}

export function encodeToken({ rootKeyId, blocks, proof }: Token): Bytes {
  const writer = new Writer();
  if (rootKeyId !== undefined) writer.integer(1, rootKeyId);
  for (const [at, block] of blocks.entries()) writer.bytes(at === 0 ? 2 : 3, encodeSigned(block));
  return writer.bytes(4, encodeProof(proof)).done();
}

/** One block as it stands in a token: what an ancestor shows to revoke it. */
export function encodeSigned({ data, nextKey, signature, version }: SignedBlock): Bytes {
  const writer = new Writer()
    .bytes(1, data)
    .bytes(2, new Writer().integer(1, ED25519).bytes(2, nextKey).done())
    .bytes(3, signature);
  return (version === 0 ? writer : writer.integer(5, version)).done();
}

/** @throws TokenError as {@link decodeToken} */
export const decodeSignedBlock = (message: Uint8Array): SignedBlock =>
  decodeSigned(Fields.of(message, SIGNED_BLOCK));

const encodeProof = (proof: Proof): Bytes =>
  proof.kind === "open"
    ? new Writer().bytes(1, proof.nextSecret).done()
    : new Writer().bytes(2, proof.signature).done();

const ALGORITHM = new Uint8Array(4);
const VERSION_1 = concat(
  utf8("\0BLOCK\0\0VERSION\0"),
  Uint8Array.of(1, 0, 0, 0),
  utf8("\0PAYLOAD\0"),
);
const BEFORE_KEY = concat(utf8("\0ALGORITHM\0"), ALGORITHM, utf8("\0NEXTKEY\0"));
const BEFORE_PREVIOUS = utf8("\0PREVSIG\0");

/** What the signature of a block covers. `previous`: the signature before it. */
export function signedText(
  { data, nextKey, version }: Omit<SignedBlock, "signature">,
  previous: Uint8Array | undefined,
): Bytes {
  if (version === 0) return concat(data, ALGORITHM, nextKey);
  return previous === undefined
    ? concat(VERSION_1, data, BEFORE_KEY, nextKey)
    : concat(VERSION_1, data, BEFORE_KEY, nextKey, BEFORE_PREVIOUS, previous);
}

/** What the seal's signature covers. */
export const sealText = ({ data, nextKey, signature }: SignedBlock): Bytes =>
  concat(data, ALGORITHM, nextKey, signature);
