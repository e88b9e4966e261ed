/** spec/9-public-key.md §1 and §5: signatures, seals and proofs. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { open, tokenBytes } from "../lib/biscuit.js";
import { FORGED, five, good, one, SEALED, sealed, verify } from "../lib/public-key.js";
import {
  asked,
  biscuit,
  deny,
  from,
  ISSUER,
  judged,
  OTHER_SEED,
  ok,
  requestOf,
  text,
  verifying,
} from "../lib/world.js";

const other = biscuit([["purpose=x"]], { seed: OTHER_SEED });
const reordered = biscuit([["purpose=x"], ["purpose=x"], ["purpose=x"]]);
const re = (blocks, proof = reordered.proof) => tokenBytes({ keyId: 0, blocks, proof });
const [r0, r1, r2] = reordered.chain;
const flip = (data) => {
  const copy = Buffer.from(data);
  copy[5] ^= 1;
  return copy;
};
const SIGNED = one(
  "The first block is signed by the issuer's key, each other one by the private key to the `nextKey` of the block before.",
);
const STEP4 = five(
  "| 4. Verify every signature, and the seal or `nextSecret` | `ERR_TOKEN_FORGED` |",
);
const signatures = [
  verify("three blocks", reordered, ok, SIGNED),
  verify("a block removed", re([r0, r2]), FORGED, STEP4),
  verify(
    "the last block removed, with its secret",
    re([r0, r1]),
    FORGED,
    one(
      "`nextSecret` is the private key to the last block's `nextKey`, and a verifier makes sure that it is.",
    ),
  ),
  verify("blocks in another order", re([r0, r2, r1]), FORGED, STEP4),
  verify("a block twice", re([r0, r1, r1, r2]), FORGED, STEP4),
  verify(
    "one bit of the first signature",
    re([{ ...r0, signature: flip(r0.signature) }, r1, r2]),
    FORGED,
    STEP4,
  ),
  verify(
    "one bit of the last signature",
    re([r0, r1, { ...r2, signature: flip(r2.signature) }]),
    FORGED,
    STEP4,
  ),
  verify(
    "one bit of a next key",
    re([r0, { ...r1, nextKey: flip(r1.nextKey) }, r2]),
    FORGED,
    STEP4,
  ),
  verify("another version than was signed", re([r0, { ...r1, version: 0 }, r2]), FORGED, STEP4),
  verify(
    "the first block of another token",
    re([biscuit([["purpose=q"]]).chain[0], r1, r2]),
    FORGED,
    STEP4,
  ),
  verify(
    "another nextSecret",
    re([r0, r1, r2], open(good.nextSecret)),
    FORGED,
    one(
      "`nextSecret` is the private key to the last block's `nextKey`, and a verifier makes sure that it is.",
    ),
  ),
  verify("signed by another key", other, FORGED, SIGNED),
  verify("sealed", sealed, ok, SEALED),
  verify(
    "one bit of the seal",
    tokenBytes({
      keyId: 0,
      blocks: sealed.chain,
      proof: Buffer.concat([sealed.proof.subarray(0, 10), flip(sealed.proof.subarray(10))]),
    }),
    FORGED,
    SEALED,
  ),
  verify(
    "the seal of another token",
    tokenBytes({
      keyId: 0,
      blocks: sealed.chain,
      proof: biscuit([["purpose=q"]], { sealed: true }).proof,
    }),
    FORGED,
    SEALED,
  ),
  verify(
    "another preimage",
    biscuit([["purpose=x"]], { preimage: "11".repeat(32) }),
    deny("ERR_TOKEN_PREIMAGE"),
    five("| 5. SHA-256 of the preimage is the payment hash | `ERR_TOKEN_PREIMAGE` |"),
  ),
  verify(
    "forged and not paid: the first failure",
    text(re([r0, r2]), "11".repeat(32)),
    FORGED,
    five("In this order; the first failure ends it."),
  ),
  ...judged({
    title: "what only a paid credential has",
    blocks: [["purpose=x"]],
    forms: ["biscuit"],
    expect: ok,
    spec: five("| `paid(hex:…)` | SHA-256 of the preimage |"),
  }),
];

/** Tokens of @biscuit-auth/biscuit-wasm: minted, narrowed, and sealed. */
const wasm = JSON.parse(
  readFileSync(new URL("../../../spec/vectors/public-key.json", import.meta.url), "utf8"),
);
const ANY = from(
  "9-public-key",
  "0",
)("any library for Biscuit reads it, narrows it and comes to the same verdict;");
const paid = createHash("sha256").update(Buffer.from(wasm.preimage, "hex")).digest("hex");
const issued = { issuers: [{ issuer: ISSUER, keyId: 0, publicKey: wasm.publicKey }] };
const LIMIT = from(
  "9-public-key",
  "7",
)("Otherwise the verifier denies, with the code of the limit (`ERR_BUDGET`, `ERR_USES`).");
// The second and the third have a limit without a ledger.
const published = [
  ["minted", ok, ANY],
  ["narrowed", deny("ERR_USES"), LIMIT],
  ["sealed", deny("ERR_USES"), LIMIT],
].flatMap(([kind, expect, spec], at) => {
  const credential = `${wasm.tokens[at]}:${wasm.preimage}`;
  const request = requestOf("GET https://api.example/a", 1_795_500_000);
  return [
    asked({
      title: `a token that biscuit-wasm ${kind}: what it says`,
      form: "biscuit",
      needs: ["inspect"],
      command: { do: "inspect", credential },
      expect: { ok: true, paymentHash: paid },
      spec: ANY,
    }),
    asked({
      title: `a token that biscuit-wasm ${kind}: its verdict`,
      form: "biscuit",
      command: verifying("biscuit", credential, issued, request),
      expect,
      spec,
    }),
  ];
});

export default [...signatures, ...published];
