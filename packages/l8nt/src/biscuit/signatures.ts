/**
 * The chain of signatures: each block names the key that signs the next. spec/9-public-key.md §1.
 */
import { TokenError } from "../errors.ts";
import { utf8 } from "../internal/bytes.ts";
import { equalBytes, hmacSha256 } from "../internal/crypto.ts";
import { type Signer, signerOf } from "../internal/ed25519.ts";
import { type Proof, type SignedBlock, sealText, signedText, type Token } from "./token.ts";

/** One signature to be verified. */
export interface Claim {
  readonly key: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The signatures of a token, the root's first, after the first `proven` blocks.
 *
 * @param root the issuer's public key
 */
export function claimsOf({ blocks, proof }: Token, root: Uint8Array, proven = 0): Claim[] {
  const claims = chainClaims(blocks, Math.max(proven, 1));
  if (proven === 0) claims.unshift(claimOf(blocks[0], root, undefined));
  const last = blocks.at(-1)!;
  if (proof.kind === "sealed")
    claims.push({ key: last.nextKey, message: sealText(last), signature: proof.signature });
  return claims;
}

/** The signatures of the blocks after the first `proven`, of which there is one at least. */
export const chainClaims = (blocks: Token["blocks"], proven: number): Claim[] =>
  blocks.slice(proven).map((block, at) => {
    const { nextKey, signature } = blocks[proven + at - 1]!;
    return claimOf(block, nextKey, signature);
  });

const claimOf = (block: SignedBlock, key: Uint8Array, previous: Uint8Array | undefined): Claim => ({
  key,
  message: signedText(block, previous),
  signature: block.signature,
});

/** Whether an open token has the private key to its last block. True of a sealed one. */
export function hasItsKey({ blocks, proof }: Token): boolean {
  if (proof.kind === "sealed") return true;
  // What is verified is seldom narrowed, so its key is not kept.
  const { publicKey } = SIGNERS.get(proof) ?? signerOf(proof.nextSecret);
  return equalBytes(publicKey, blocks.at(-1)!.nextKey);
}

const VERSION = 1;

/**
 * Signs the first block of a new token.
 *
 * @param next 32 bytes: the private key to the next block; random ones by default
 */
export function beginToken(
  root: Signer,
  rootKeyId: number,
  data: Uint8Array,
  next?: Uint8Array,
): Token {
  const { block, proof } = sign(root, data, undefined, next);
  return { rootKeyId, blocks: [block], proof };
}

export interface AppendOptions {
  /**
   * Whether the same block makes the same token again: the key to the next block follows from the
   * key that signs this one, and from the block.
   *
   * @default false: the key is random
   */
  readonly isRepeatable?: boolean;
}

/** @throws TokenError `ERR_TOKEN_SEALED` */
export function appendBlock(
  token: Token,
  data: Uint8Array,
  { isRepeatable = false }: AppendOptions = {},
): Token {
  const by = holder(token.proof);
  const next = isRepeatable ? keyAfter(by.privateKey, data) : undefined;
  const { block, proof } = sign(by, data, token.blocks.at(-1)!.signature, next);
  return { ...token, blocks: [...token.blocks, block], proof };
}

/** @throws TokenError `ERR_TOKEN_SEALED` */
export function sealToken(token: Token): Token {
  const signature = holder(token.proof).sign(sealText(token.blocks.at(-1)!));
  return { ...token, proof: { kind: "sealed", signature } };
}

/** Who has the key before may append the same block anyway; the key before does not follow. */
const keyAfter = (privateKey: Uint8Array, data: Uint8Array): Uint8Array =>
  hmacSha256(hmacSha256(privateKey, utf8("sigil next")), data);

function sign(
  by: Signer,
  data: Uint8Array,
  previous: Uint8Array | undefined,
  nextKey: Uint8Array | undefined,
) {
  const next = signerOf(nextKey);
  const unsigned = { data, nextKey: next.publicKey, version: VERSION } as const;
  const block: SignedBlock = { ...unsigned, signature: by.sign(signedText(unsigned, previous)) };
  const proof: Proof = { kind: "open", nextSecret: next.privateKey };
  SIGNERS.set(proof, next);
  return { block, proof };
}

/** Keys that are read already: to read one takes longer than to sign with it. */
const SIGNERS = new WeakMap<Proof, Signer>();

/** @throws TokenError `ERR_TOKEN_SEALED` */
function holder(proof: Proof): Signer {
  if (proof.kind === "sealed")
    throw new TokenError(
      "ERR_TOKEN_SEALED",
      "The credential is sealed: nobody can narrow it further. Narrow the one it was made from.",
    );
  const known = SIGNERS.get(proof);
  if (known !== undefined) return known;
  const signer = signerOf(proof.nextSecret);
  SIGNERS.set(proof, signer);
  return signer;
}
