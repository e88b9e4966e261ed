/** Tokens of spec/9-public-key.md, signed by hand from that page, with keys that are always the same. */
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { checkOf } from "./checks.js";
import {
  blockBytes,
  bytes,
  field,
  message,
  predicate,
  query,
  Symbols,
  variable,
} from "./datalog.js";
import { sha256 } from "./macaroon.js";

const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const privateKey = (seed) =>
  createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
export const publicKeyOf = (seed) =>
  createPublicKey(privateKey(seed)).export({ format: "der", type: "spki" }).subarray(-32);
export const signed = (seed, data) => sign(null, data, privateKey(seed));

const ALG = Buffer.alloc(4);
const V1 = Buffer.concat([Buffer.from("\0BLOCK\0\0VERSION\0"), Buffer.from([1, 0, 0, 0])]);

/** What is signed of a block, by the version of the signed block. */
export const signedText = ({ data, nextKey, version }, before) =>
  version === 0
    ? Buffer.concat([data, ALG, nextKey])
    : Buffer.concat([
        V1,
        Buffer.from("\0PAYLOAD\0"),
        data,
        Buffer.from("\0ALGORITHM\0"),
        ALG,
        Buffer.from("\0NEXTKEY\0"),
        nextKey,
        ...(before === undefined ? [] : [Buffer.from("\0PREVSIG\0"), before]),
      ]);

export const publicKey = (key, algorithm = 0) => message(field(1, algorithm), field(2, key));
export const signedBlock = ({ data, nextKey, signature, version, algorithm, external }) =>
  message(
    field(1, data),
    field(2, publicKey(nextKey, algorithm)),
    field(3, signature),
    ...(external === undefined ? [] : [field(4, external)]),
    ...(version === 0 ? [] : [field(5, version)]),
  );
export const tokenBytes = ({ keyId, blocks, proof }) =>
  message(
    ...(keyId === undefined ? [] : [field(1, keyId)]),
    field(2, signedBlock(blocks[0])),
    ...blocks.slice(1).map((one) => field(3, signedBlock(one))),
    field(4, proof),
  );

/** The place after the first `count` caveats of the last of some blocks. */
export const placeOf = (blocks, count) =>
  sha256(Buffer.concat([...blocks.map(({ signature }) => signature), Buffer.from([count])]))
    .subarray(0, 16)
    .toString("hex");

/** The first block, before its caveats. */
export const head = ({ issuer, location, paymentHash }) => ({
  facts: [
    predicate("issuer", issuer),
    predicate("location", location),
    predicate("payment_hash", bytes(paymentHash)),
  ],
  checks: [
    {
      queries: [
        query([predicate("paid", variable("h")), predicate("payment_hash", variable("h"))]),
      ],
    },
  ],
});

/** The block of some caveats. @param unreadable those whose value cannot be read */
export function caveatBlock(caveats, unreadable = []) {
  const checks = caveats.map((one) => checkOf(one, !unreadable.includes(one)));
  return {
    facts: caveats.map((one) => predicate("caveat", one)),
    checks: checks.filter((one) => one !== undefined),
  };
}

/**
 * Signs blocks into a token.
 *
 * @param blocks facts and checks, or `{ data }` for bytes as they are
 */
export function beginChain({ seed, blocks, version = 1, versions = [] }) {
  const symbols = new Symbols();
  const chain = [];
  let key = seed;
  for (const [at, block] of blocks.entries()) {
    const data = block.data ?? blockBytes(block, symbols);
    const nextSecret = sha256(Buffer.concat([key, data, Buffer.from([at])]));
    const one = { data, nextKey: publicKeyOf(nextSecret), version: versions[at] ?? version };
    const signature = signed(key, signedText(one, chain.at(-1)?.signature));
    chain.push({ ...one, signature });
    key = nextSecret;
  }
  return { chain, nextSecret: key };
}
export const open = (nextSecret) => field(1, nextSecret);
export const sealOf = ({ data, nextKey, signature }, nextSecret) =>
  field(2, signed(nextSecret, Buffer.concat([data, ALG, nextKey, signature])));
