/** spec/9-public-key.md §1: the bytes of a token. */
import { caveatBlock, open, publicKey, sealOf, signedBlock, tokenBytes } from "../lib/biscuit.js";
import { field, message } from "../lib/datalog.js";
import { blocksOf, five, good, lax, MALFORMED, one, verify, whole } from "../lib/public-key.js";
import { biscuit, deny, ok, signedToken } from "../lib/world.js";

const bytesOf = (change) =>
  tokenBytes({ keyId: 0, blocks: good.chain, proof: good.proof, ...change });
const blockAt = (at, change) =>
  good.chain.map((block, index) => (index === at ? { ...block, ...change } : block));
const ORDER = one("Fields stand in the order of their numbers.");
const ONCE = one(
  "A field that is not repeated stands once. Integers have no byte too many. There are no other fields, no unknown values, no byte left over",
);
const ALGORITHM = one(
  "| Every algorithm is `0`, Ed25519; a key and `nextSecret` have 32 bytes, a signature 64 | `ERR_TOKEN_ALGORITHM` for another algorithm, else `ERR_TOKEN_MALFORMED` |",
);
const THIRD = one("| No block has an external signature (field 4) | `ERR_TOKEN_THIRD_PARTY` |");
const parts = [
  field(1, 0),
  field(2, signedBlock(good.chain[0])),
  field(3, signedBlock(good.chain[1])),
  field(4, good.proof),
];
const [block0, block1] = good.chain;
const many = (count) => biscuit([["purpose=x"], ...Array.from({ length: count - 1 }, () => [])]);

const bytes = [
  verify("a token", good, ok, ONCE),
  verify("no key id: 0", bytesOf({ keyId: undefined }), ok, five("(0 where it is missing)")),
  verify(
    "fields in another order",
    message(parts[1], parts[0], parts[2], parts[3]),
    MALFORMED,
    ORDER,
    lax,
  ),
  verify(
    "a proof before the blocks",
    message(parts[0], parts[3], parts[1], parts[2]),
    MALFORMED,
    ORDER,
    lax,
  ),
  verify("two proofs", message(...parts, parts[3]), MALFORMED, ONCE, lax),
  verify(
    "two first blocks",
    message(parts[0], parts[1], parts[1], parts[2], parts[3]),
    MALFORMED,
    ONCE,
    lax,
  ),
  verify(
    "an integer with a byte too many",
    message(Buffer.from([8, 0x80, 0]), ...parts.slice(1)),
    MALFORMED,
    ONCE,
    lax,
  ),
  verify("an unknown field", message(...parts, field(5, Buffer.from("x"))), MALFORMED, ONCE, lax),
  verify("a byte left over", message(...parts, Buffer.from([0])), MALFORMED, ONCE),
  verify("cut off", good.bytes.subarray(0, -1), MALFORMED, ONCE),
  verify("no proof", message(...parts.slice(0, 3)), MALFORMED, ONCE),
  verify("no block", message(parts[0], parts[3]), MALFORMED, ONCE),
  verify("an empty proof", bytesOf({ proof: Buffer.alloc(0) }), MALFORMED, ONCE),
  verify(
    "both kinds of proof",
    bytesOf({ proof: message(good.proof, sealOf(block1, good.nextSecret)) }),
    MALFORMED,
    ONCE,
    lax,
  ),
  verify(
    "another first byte",
    Buffer.concat([Buffer.from([3]), good.bytes.subarray(1)]),
    MALFORMED,
    one("`02` is a macaroon, `08` or `12` a token of this page."),
  ),
  verify(
    "an algorithm of P-256",
    bytesOf({ blocks: blockAt(1, { algorithm: 1 }) }),
    deny("ERR_TOKEN_ALGORITHM"),
    ALGORITHM,
  ),
  verify(
    "an algorithm that nobody knows",
    bytesOf({ blocks: blockAt(0, { algorithm: 7 }) }),
    deny("ERR_TOKEN_ALGORITHM"),
    ALGORITHM,
  ),
  verify(
    "a key of 31 bytes",
    bytesOf({ blocks: blockAt(0, { nextKey: block0.nextKey.subarray(1) }) }),
    MALFORMED,
    ALGORITHM,
  ),
  verify(
    "a signature of 63 bytes",
    bytesOf({ blocks: blockAt(0, { signature: block0.signature.subarray(1) }) }),
    MALFORMED,
    ALGORITHM,
  ),
  verify(
    "a nextSecret of 33 bytes",
    bytesOf({ proof: open(Buffer.concat([good.nextSecret, Buffer.from([0])])) }),
    MALFORMED,
    ALGORITHM,
  ),
  verify(
    "an external signature",
    bytesOf({
      blocks: blockAt(1, {
        external: message(field(1, block1.signature), field(2, publicKey(block1.nextKey))),
      }),
    }),
    deny("ERR_TOKEN_THIRD_PARTY"),
    THIRD,
  ),
  verify(
    "a signed block of version 0",
    biscuit([["purpose=x"], ["purpose=y"]], { versions: [0, 0] }),
    ok,
    one("| `SignedBlock.version` is 0 or 1. We write 1 | `ERR_TOKEN_MALFORMED` |"),
  ),
  verify(
    "signed blocks of version 0 and 1",
    biscuit([["purpose=x"], ["purpose=y"]], { versions: [0, 1] }),
    ok,
    one("| `SignedBlock.version` is 0 or 1. We write 1 | `ERR_TOKEN_MALFORMED` |"),
  ),
  verify(
    "a signed block of version 2",
    bytesOf({ blocks: blockAt(1, { version: 2 }) }),
    MALFORMED,
    one("| `SignedBlock.version` is 0 or 1. We write 1 | `ERR_TOKEN_MALFORMED` |"),
  ),
  ...[3, 4, 5, 6].map((version) =>
    verify(
      `a block of version ${version}`,
      blocksOf({ version }),
      ok,
      one("| `Block.version` is 3 to 6. We write 3 | `ERR_TOKEN_MALFORMED` |"),
    ),
  ),
  ...[2, 7].map((version) =>
    verify(
      `a block of version ${version}`,
      blocksOf({ version }),
      MALFORMED,
      one("| `Block.version` is 3 to 6. We write 3 | `ERR_TOKEN_MALFORMED` |"),
      version === 2 ? lax : {},
    ),
  ),
  verify(
    "a default symbol again",
    blocksOf({ extraSymbols: ["read"] }),
    MALFORMED,
    one(
      "| A symbol is none of the 28 default ones, and none of a block before | `ERR_TOKEN_MALFORMED` |",
    ),
    lax,
  ),
  verify(
    "a symbol of the block before again",
    signedToken([
      whole(caveatBlock(["purpose=x"])),
      { ...caveatBlock(["purpose=y"]), extraSymbols: ["issuer"] },
    ]),
    MALFORMED,
    one(
      "| A symbol is none of the 28 default ones, and none of a block before | `ERR_TOKEN_MALFORMED` |",
    ),
  ),
  verify(
    "65 blocks",
    many(8),
    ok,
    one("| At most 65 blocks, 6,144 bytes | `ERR_TOKEN_TOO_LARGE` |"),
  ),
  verify(
    "6,145 bytes and more",
    many(64),
    deny("ERR_TOKEN_TOO_LARGE"),
    one("| At most 65 blocks, 6,144 bytes | `ERR_TOKEN_TOO_LARGE` |"),
    lax,
  ),
];
bytes.find(({ title }) => title === "65 blocks").title = "8 blocks";

export default bytes;
