/** spec/9-public-key.md §1, §2, §5 and §6: bytes, blocks, signatures and keys. */
import { createHash } from "node:crypto";
import {
  caveatBlock,
  head,
  open,
  publicKey,
  sealOf,
  signedBlock,
  tokenBytes,
} from "../lib/biscuit.js";
import { checkOf } from "../lib/checks.js";
import { blockText, field, message, op, predicate, query, set, variable } from "../lib/datalog.js";
import {
  AUTHORITY,
  asked,
  biscuit,
  deny,
  from,
  ISSUER,
  ISSUER_KEY,
  judged,
  LIBRARY,
  LOCATION,
  NOW,
  OTHER_KEY,
  OTHER_SEED,
  ok,
  requestOf,
  SEED,
  signedToken,
  text,
  VERIFIERS,
} from "../lib/world.js";

const one = from("9-public-key", "1");
const two = from("9-public-key", "2");
const five = from("9-public-key", "5");
const six = from("9-public-key", "6");
const MALFORMED = deny("ERR_TOKEN_MALFORMED");
const DATALOG = deny("ERR_TOKEN_DATALOG");
const FORGED = deny("ERR_TOKEN_FORGED");
const v = variable;

const verify = (title, token, expect, spec, { mark, verifier, needs } = {}) =>
  asked({
    title,
    form: "biscuit",
    needs,
    mark,
    command: {
      do: "verify",
      credential:
        typeof token === "string" ? token : token instanceof Uint8Array ? text(token) : token.text,
      verifier: { ...VERIFIERS.biscuit, ...verifier },
      revoked: [],
      request: requestOf(),
      before: [],
    },
    expect,
    spec,
  });

const good = biscuit([["purpose=x"], [`valid_until=${NOW + 1}`]]);
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
const lax = { mark: LIBRARY };
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

/** The first block, with the facts and checks of another one behind its own. */
function whole({ facts = [], checks = [], ...more }, authority = head(AUTHORITY)) {
  return {
    facts: [...authority.facts, ...facts],
    checks: [...authority.checks, ...checks],
    ...more,
  };
}
function blocksOf(more) {
  return signedToken([{ ...whole(caveatBlock(["purpose=x"])), ...more }]);
}
const first = (title, block, spec, more = lax) =>
  verify(title, signedToken([block]), DATALOG, spec, more);
const second = (title, block, spec, more = lax) =>
  verify(title, signedToken([whole(caveatBlock(["purpose=x"])), block]), DATALOG, spec, more);
const ANYTHING = two(
  "A block with anything else is refused with `ERR_TOKEN_DATALOG`: rules, scopes (`trusting …`), a context, public keys, `check all`, `reject if`, other facts, a check that is not the one of §3, one too many or one too few.",
);
const ORDERED = two(
  "The first block has these facts, in this order, before those of its caveats, and this check before theirs:",
);
const authority = head(AUTHORITY);
const until = `valid_until=${NOW + 9}`;
const now = caveatBlock([until]);
const twin = caveatBlock(["services=loop:0"]);
const profile = [
  second(
    "a rule",
    {
      ...now,
      rules: [{ head: predicate("paid", v("h")), body: [predicate("payment_hash", v("h"))] }],
    },
    ANYTHING,
  ),
  second(
    "a rule that derives the time",
    {
      ...now,
      rules: [{ head: predicate("time", v("h")), body: [predicate("payment_hash", v("h"))] }],
    },
    ANYTHING,
  ),
  second(
    "a fact that is none of ours",
    { facts: [...now.facts, predicate("right", "x")], checks: now.checks },
    ANYTHING,
  ),
  second(
    "a forged fact of payment",
    { facts: [predicate("paid", { bytes: Buffer.alloc(32) }), ...now.facts], checks: now.checks },
    ANYTHING,
  ),
  second(
    "a forged fact of the time",
    { facts: [predicate("time", { date: 1 })], checks: [] },
    ANYTHING,
  ),
  second(
    "a second issuer",
    { facts: [predicate("issuer", "https://evil.example")], checks: [] },
    ANYTHING,
  ),
  second("a scope of the block", { ...now, scopes: [1] }, ANYTHING),
  second(
    "a scope of a check",
    { facts: now.facts, checks: [{ queries: [{ ...now.checks[0].queries[0], scopes: [1] }] }] },
    ANYTHING,
  ),
  second("a context", { ...now, context: "hello" }, ANYTHING),
  second(
    "a public key",
    { ...now, publicKeys: [publicKey(Buffer.from(OTHER_KEY, "hex"))], version: 4 },
    ANYTHING,
  ),
  second(
    "check all",
    { facts: now.facts, checks: [{ ...now.checks[0], kind: 1 }], version: 4 },
    ANYTHING,
  ),
  second(
    "reject if",
    { facts: now.facts, checks: [{ ...now.checks[0], kind: 2 }], version: 6 },
    ANYTHING,
    {},
  ),
  second("a caveat without its check", { facts: now.facts }, ANYTHING),
  second("a check without its caveat", { checks: now.checks }, ANYTHING),
  second("a check twice", { facts: now.facts, checks: [...now.checks, ...now.checks] }, ANYTHING),
  second(
    "the check of another value",
    { facts: [predicate("caveat", until)], checks: [checkOf(`valid_until=${NOW + 99}`)] },
    ANYTHING,
  ),
  second(
    "a weaker check: true",
    { facts: now.facts, checks: [{ queries: [query([], [true])] }] },
    ANYTHING,
  ),
  second(
    "checks in another order",
    {
      facts: [predicate("caveat", until), predicate("caveat", `valid_from=${NOW}`)],
      checks: [checkOf(`valid_from=${NOW}`), checkOf(until)],
    },
    two("then, in the same order, the check of each caveat (§3)."),
  ),
  second(
    "a check of a purpose",
    { facts: [predicate("caveat", "purpose=x")], checks: [checkOf(until)] },
    ANYTHING,
  ),
  second(
    "another variable",
    {
      facts: now.facts,
      checks: [
        {
          queries: [
            query([predicate("time", v("x"))], [v("x"), { date: NOW + 9 }, op("lessThan")]),
          ],
        },
      ],
    },
    two("Variables have the names of §3."),
  ),
  second(
    "another operator",
    {
      facts: now.facts,
      checks: [
        {
          queries: [
            query([predicate("time", v("t"))], [v("t"), { date: NOW + 9 }, op("lessOrEqual")]),
          ],
        },
      ],
    },
    from("9-public-key", "3")("| `valid_until` | `check if time($t), $t < DATE` |"),
  ),
  second(
    "a caveat that is a number",
    { facts: [predicate("caveat", 5)] },
    two(
      'Every block has, for each caveat in order, the fact `caveat("condition=value")` with the very bytes of page 2;',
    ),
  ),
  second(
    "a caveat with two terms",
    { facts: [predicate("caveat", "purpose=x", "purpose=y")] },
    two(
      'Every block has, for each caveat in order, the fact `caveat("condition=value")` with the very bytes of page 2;',
    ),
  ),
  first("no issuer", { facts: authority.facts.slice(1), checks: authority.checks }, ORDERED),
  first(
    "no location",
    { facts: [authority.facts[0], authority.facts[2]], checks: authority.checks },
    ORDERED,
  ),
  first("no payment hash", { facts: authority.facts.slice(0, 2), checks: [] }, ORDERED),
  first("no check of the payment", { facts: authority.facts, checks: [] }, ORDERED),
  first(
    "facts in another order",
    {
      facts: [authority.facts[1], authority.facts[0], authority.facts[2]],
      checks: authority.checks,
    },
    ORDERED,
  ),
  first(
    "a caveat before the issuer",
    { facts: [predicate("caveat", "purpose=x"), ...authority.facts], checks: authority.checks },
    ORDERED,
  ),
  first(
    "a payment hash of 31 bytes",
    whole({}, head({ ...AUTHORITY, paymentHash: Buffer.alloc(31, 7) })),
    two("32 bytes. The preimage of the text is its preimage, else `ERR_TOKEN_PREIMAGE`."),
    {},
  ),
  first(
    "an issuer with a path",
    whole({}, head({ ...AUTHORITY, issuer: `${ISSUER}/` })),
    two(
      "the origin that publishes the key (§6), as page 2 §3 writes an origin: lower case, no default port, no path",
    ),
  ),
  first(
    "an issuer in upper case",
    whole({}, head({ ...AUTHORITY, issuer: "https://TREASURY.example" })),
    two(
      "the origin that publishes the key (§6), as page 2 §3 writes an origin: lower case, no default port, no path",
    ),
  ),
  verify(
    "members of a set in another order",
    signedToken([
      whole({
        facts: twin.facts.map(() => predicate("caveat", "services=a:0,loop:0")),
        checks: [
          {
            queries: [
              query([predicate("service", v("s"))], [set(["loop", "a"]), v("s"), op("contains")]),
              query([predicate("own_affairs", true)]),
            ],
          },
        ],
      }),
    ]),
    ok,
    two("The members of a set have any order."),
    { verifier: { service: "loop" } },
  ),
  verify(
    "symbols in another order",
    signedToken([{ ...whole(now), data: undefined }]),
    ok,
    two("Symbols have any order."),
  ),
];
for (const item of profile)
  if (item.steps[0].command.verifier.service) item.steps[0].command.request.service = "loop";

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
const sealed = biscuit([["purpose=x"], ["purpose=y"]], { sealed: true });
const SEALED = one(
  "A **sealed** token has in its place the signature, by that key, over `block ‖ alg ‖ nextKey ‖ signature` of the last block: nobody may append (`ERR_TOKEN_SEALED`).",
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

const issuers = (...list) => ({ verifier: { issuers: list } });
const entry = (keyId, publicKeyHex, issuer = ISSUER, more = {}) => ({
  issuer,
  keyId,
  publicKey: publicKeyHex,
  ...more,
});
const STEP3 = five(
  "| 3. Find the key of the issuer and `rootKeyId` (0 where it is missing) among those trusted (§6) | `ERR_TOKEN_ISSUER`, `ERR_TOKEN_KEY` |",
);
const seven = biscuit([["purpose=x"]], { keyId: 7 });
const keys = [
  verify("the key of its id", seven, ok, STEP3, issuers(entry(0, OTHER_KEY), entry(7, ISSUER_KEY))),
  verify(
    "a key of another id alone",
    seven,
    deny("ERR_TOKEN_KEY"),
    STEP3,
    issuers(entry(0, ISSUER_KEY)),
  ),
  verify(
    "an issuer that is not trusted",
    good,
    deny("ERR_TOKEN_ISSUER"),
    STEP3,
    issuers(entry(0, ISSUER_KEY, "https://other.example")),
  ),
  verify("no issuer is trusted", good, deny("ERR_TOKEN_ISSUER"), STEP3, issuers()),
  verify(
    "two issuers",
    good,
    ok,
    STEP3,
    issuers(entry(0, OTHER_KEY, "https://other.example"), entry(0, ISSUER_KEY)),
  ),
  verify(
    "the key of another issuer",
    biscuit([["purpose=x"]], { seed: OTHER_SEED }),
    FORGED,
    STEP3,
    issuers(entry(0, OTHER_KEY, "https://other.example"), entry(0, ISSUER_KEY)),
  ),
  verify(
    "a key id of 2^32 − 1",
    biscuit([["purpose=x"]], { keyId: 4294967295 }),
    ok,
    STEP3,
    issuers(entry(4294967295, ISSUER_KEY)),
  ),
  verify(
    "a key id of 2^32",
    biscuit([["purpose=x"]], { keyId: 4294967296n }),
    MALFORMED,
    one(
      "Biscuit { 1 rootKeyId uint32, optional; 2 authority SignedBlock; 3 blocks SignedBlock*; 4 proof Proof }",
    ),
    lax,
  ),
];
const page = (title, entries, expect, spec, keyId = 0) =>
  asked({
    title,
    form: "biscuit",
    needs: ["key page"],
    command: {
      do: "keys",
      issuer: ISSUER,
      keyId,
      now: NOW,
      page: typeof entries === "string" ? entries : JSON.stringify(entries),
    },
    expect,
    spec,
  });
const published = (more = {}) => ({
  algorithm: "ed25519",
  key_bytes: ISSUER_KEY,
  key_id: 0,
  issuer: ISSUER,
  ...more,
});
const found = { ok: true, publicKey: ISSUER_KEY };
const NONE = deny("ERR_TOKEN_KEY");
const OTHERS = six(
  "An entry of another one is left out; so is one of another algorithm, or that cannot be read",
);
const EXPIRES = six("after it the key verifies nothing (`ERR_TOKEN_KEY`). May be missing");
const at = (seconds) => new Date(seconds * 1000).toISOString();
const pages = [
  page(
    "a page with the key",
    [published()],
    found,
    six("the `rootKeyId` of its tokens. Two keys with one id: the page is refused"),
  ),
  page(
    "another key beside it",
    [published({ key_id: 1, key_bytes: OTHER_KEY }), published()],
    found,
    six("the `rootKeyId` of its tokens. Two keys with one id: the page is refused"),
  ),
  page(
    "two keys with one id",
    [published(), published({ key_bytes: OTHER_KEY })],
    NONE,
    six("the `rootKeyId` of its tokens. Two keys with one id: the page is refused"),
  ),
  page(
    "a key of another id",
    [published({ key_id: 1 })],
    NONE,
    six("the `rootKeyId` of its tokens. Two keys with one id: the page is refused"),
  ),
  page(
    "an entry of another issuer",
    [published({ issuer: "https://other.example" })],
    NONE,
    OTHERS,
  ),
  page(
    "an entry of another issuer beside it",
    [published({ issuer: "https://other.example", key_bytes: OTHER_KEY }), published()],
    found,
    OTHERS,
  ),
  page("another algorithm", [published({ algorithm: "secp256r1" })], NONE, OTHERS),
  page("a key that is no hex", [published({ key_bytes: "zz".repeat(32) })], NONE, OTHERS),
  page("a key of 31 bytes", [published({ key_bytes: ISSUER_KEY.slice(2) })], NONE, OTHERS),
  page("an entry that is no object beside it", [null, 5, published()], found, OTHERS),
  ...[
    ["an id that is a text", { key_id: "0" }],
    ["an id of 2^32", { key_id: 2 ** 32 }],
    ["an id below 0", { key_id: -1 }],
    ["no id", { key_id: undefined }],
    ["no algorithm", { algorithm: undefined }],
    ["an end that cannot be read", { expires_at: "tomorrow" }],
    ["an end that is a number", { expires_at: NOW + 1 }],
  ].flatMap(([title, more]) => [
    page(title, [published(more)], NONE, OTHERS),
    page(
      `${title}, beside a good entry`,
      [published({ ...more, key_bytes: OTHER_KEY }), published()],
      found,
      OTHERS,
    ),
  ]),
  page(
    "no issuer",
    [published({ issuer: undefined })],
    found,
    six("the origin. May be missing: then it is the one whose page this is."),
  ),
  page("a key that ends later", [published({ expires_at: at(NOW + 1) })], found, EXPIRES),
  page("a key that has ended", [published({ expires_at: at(NOW - 1) })], NONE, EXPIRES),
  page(
    "65,536 bytes",
    JSON.stringify([published()]).padEnd(65_536),
    found,
    six("No redirect is followed. At most 65,536 bytes, 64 keys, 10 seconds"),
  ),
  page(
    "65,537 bytes",
    JSON.stringify([published()]).padEnd(65_537),
    NONE,
    six("No redirect is followed. At most 65,536 bytes, 64 keys, 10 seconds"),
  ),
  page(
    "no JSON",
    "<html>",
    NONE,
    six("No redirect is followed. At most 65,536 bytes, 64 keys, 10 seconds"),
  ),
  page(
    "no list",
    { keys: [] },
    NONE,
    six("No redirect is followed. At most 65,536 bytes, 64 keys, 10 seconds"),
  ),
  page(
    "64 keys",
    Array.from({ length: 64 }, (_, key_id) => published({ key_id })),
    found,
    six("No redirect is followed. At most 65,536 bytes, 64 keys, 10 seconds"),
  ),
  page(
    "65 keys",
    Array.from({ length: 65 }, (_, key_id) => published({ key_id })),
    NONE,
    six("No redirect is followed. At most 65,536 bytes, 64 keys, 10 seconds"),
  ),
];

/** Narrowing and sealing, by steps: what one step makes, the next one judges. */
const steps = (title, list, spec, needs = []) => ({
  title,
  form: "biscuit",
  needs,
  steps: list.map(([command, expect]) => ({ command: { ...command, form: "biscuit" }, expect })),
  spec,
});
const judge = (credential, request = requestOf()) => ({
  do: "verify",
  credential,
  verifier: VERIFIERS.biscuit,
  revoked: [],
  request,
  before: [],
});
/**
 * For libraries that know Datalog alone the block is written out, and for those that write no token
 * that they did not verify there is its issuer's key.
 */
const narrow = (credential, caveats) => ({
  do: "attenuate",
  credential,
  caveats,
  block: blockText(caveatBlock(caveats)),
  verifier: VERIFIERS.biscuit,
});
const stepped = (from, member = "credential") => ({ from, member });
const made = stepped(0);
const CAN = one("Whoever has it may append a block.");
const CAVEATS = two(
  'Every block has, for each caveat in order, the fact `caveat("condition=value")` with the very bytes of page 2; then, in the same order, the check of each caveat (§3).',
);
const EACH = [
  ...[
    "purpose=x",
    "agent=a.00000001",
    "endpoints=GET|POST https://*.example:*/a;* http://[::1]/**",
  ],
  ...["services=loop:0", "loop_capabilities=in", "model=gpt-5*,o4-mini", `valid_from=${NOW}`],
  ...[`valid_until=${NOW + 1}`, `loop_valid_until=${NOW + 1}`, "pool_valid_until=1"],
  ...["max_price_msat=5", "max_price_usd_micro=0", "sold_price=5 msat", `ledger=${LOCATION}`],
];
const SCOPE = { endpoints: ["GET https://api.example/a"], expiresIn: "1h" };
const MINTED = ["endpoints=GET https://api.example/a", `valid_until=${NOW + 3600}`];
const MINTS = from(
  "2-caveats",
  "1",
)(
  "An authority must refuse to mint without `endpoints` or `services`, without an end of validity,",
);
const PLAIN = two(
  "the origin that publishes the key (§6), as page 2 §3 writes an origin: lower case, no default port, no path",
);
const narrowing = [
  steps(
    "narrowed, and still good",
    [
      [narrow(good.text, ["endpoints=GET https://api.example/a"]), ok],
      [judge(made), ok],
    ],
    CAN,
    ["attenuate"],
  ),
  steps(
    "narrowed, and no longer good",
    [
      [narrow(good.text, ["endpoints=GET https://api.example/b"]), ok],
      [judge(made), deny("ERR_ENDPOINT")],
    ],
    CAN,
    ["attenuate"],
  ),
  steps(
    "narrowed twice",
    [
      [narrow(good.text, ["purpose=y"]), ok],
      [narrow(made, [`valid_until=${NOW}`]), ok],
      [judge(stepped(1)), deny("ERR_EXPIRED")],
    ],
    CAN,
    ["attenuate"],
  ),
  steps(
    "sealed, and still good",
    [
      [{ do: "seal", credential: good.text }, ok],
      [judge(made), ok],
    ],
    SEALED,
    ["seal"],
  ),
  steps(
    "appended to a sealed one",
    [[narrow(sealed.text, ["purpose=z"]), deny("ERR_TOKEN_SEALED")]],
    SEALED,
    ["attenuate"],
  ),
  steps(
    "sealed twice",
    [[{ do: "seal", credential: sealed.text }, deny("ERR_TOKEN_SEALED")]],
    SEALED,
    ["seal"],
  ),
  ...[
    ["what a narrowed one says", ["purpose=y", "max_uses=5"]],
    ["a caveat with quotes and a backslash", ['purpose=a "b" \\ c']],
  ].map(([title, caveats]) =>
    steps(
      title,
      [
        [narrow(good.text, caveats), ok],
        [
          { do: "inspect", credential: made },
          { ok: true, caveats: ["purpose=x", `valid_until=${NOW + 1}`, ...caveats] },
        ],
      ],
      CAVEATS,
      ["attenuate", "inspect"],
    ),
  ),
  ...[
    ["each condition that is judged alone", EACH, ok],
    ["one of them that denies", [...EACH, "max_price_msat=4"], deny("ERR_PRICE")],
  ].map(([title, caveats, expect]) =>
    steps(
      `narrowed by ${title}`,
      [
        [narrow(good.text, caveats), ok],
        [
          {
            ...judge(made, {
              ...requestOf(),
              price: { unit: "msat", value: "5" },
              model: "o4-mini",
              capability: "in",
            }),
            verifier: { ...VERIFIERS.biscuit, service: "loop" },
          },
          expect,
        ],
      ],
      CAVEATS,
      ["attenuate"],
    ),
  ),
];

const mint = ({ keyId = 0, caveats = MINTED, scope = SCOPE, issuer = ISSUER } = {}) => {
  const first = head({ ...AUTHORITY, issuer });
  const own = caveatBlock(caveats);
  const [stated, location] = first.facts;
  const hash = predicate("payment_hash", { parameter: "hash" });
  return {
    do: "mint",
    ...{ issuer, keyId, privateKey: SEED.toString("hex"), location: LOCATION, scope, now: NOW },
    block: blockText({
      facts: [stated, location, hash, ...own.facts],
      checks: [...first.checks, ...own.checks],
    }),
  };
};
const minted = (title, command, expect, more, spec = ORDERED, needs = ["mint"]) =>
  steps(title, [[mint(command), expect], ...more], spec, needs);
const withIssuers = (list, request) => ({
  ...judge(made, request),
  verifier: { ...VERIFIERS.biscuit, issuers: list },
});
const minting = [
  minted("minted, and good", {}, ok, [[judge(made), ok]]),
  minted("minted, and not good there", {}, ok, [
    [judge(made, requestOf("GET https://api.example/b")), deny("ERR_ENDPOINT")],
  ]),
  minted("minted, and at its end", {}, ok, [
    [judge(made, requestOf(undefined, NOW + 3600)), deny("ERR_EXPIRED")],
  ]),
  minted("minted, and verified with another key", {}, ok, [
    [withIssuers([entry(0, OTHER_KEY)]), FORGED],
  ]),
  minted("minted under a key of another id", { keyId: 7 }, ok, [
    [withIssuers([entry(0, OTHER_KEY), entry(7, ISSUER_KEY)]), ok],
  ]),
  minted(
    "what a minted one says",
    {},
    ok,
    [
      [
        { do: "inspect", credential: made },
        { ok: true, caveats: MINTED },
      ],
    ],
    ORDERED,
    ["mint", "inspect"],
  ),
  minted(
    "minted, narrowed and sealed",
    {},
    ok,
    [
      [narrow(made, ["purpose=y"]), ok],
      [{ do: "seal", credential: stepped(1) }, ok],
      [judge(stepped(2)), ok],
    ],
    SEALED,
    ["mint", "attenuate", "seal"],
  ),
  ...[
    ["no endpoints", { scope: { expiresIn: "1h" } }, MINTS],
    ["no end", { scope: { endpoints: SCOPE.endpoints } }, MINTS],
    ["an issuer with a path", { issuer: `${ISSUER}/a` }, PLAIN],
  ].map(([title, command, spec]) => minted(title, command, deny(), [], spec, ["mint", "scope"])),
];

/** Tokens of @biscuit-auth/biscuit-wasm, and Biscuit's own samples. */
export const foreign = (vectors) => {
  const hash = createHash("sha256").update(Buffer.from(vectors.preimage, "hex")).digest("hex");
  return vectors.tokens.flatMap((token, index) => [
    asked({
      title: `token ${index} of biscuit-wasm: what it says`,
      form: "biscuit",
      needs: ["text"],
      command: { do: "inspect", credential: `${token}:${vectors.preimage}` },
      expect: { ok: true, paymentHash: hash },
      spec: from(
        "9-public-key",
        "0",
      )("any library for Biscuit reads it, narrows it and comes to the same verdict;"),
    }),
    ...(index === 0
      ? [
          asked({
            title: "token 0 of biscuit-wasm: its verdict",
            form: "biscuit",
            command: {
              do: "verify",
              credential: `${token}:${vectors.preimage}`,
              verifier: {
                ...VERIFIERS.biscuit,
                issuers: [{ issuer: ISSUER, keyId: 0, publicKey: vectors.publicKey }],
              },
              revoked: [],
              request: requestOf("GET https://api.example/a", 1_795_500_000),
              before: [],
            },
            expect: ok,
            spec: from(
              "9-public-key",
              "0",
            )("any library for Biscuit reads it, narrows it and comes to the same verdict;"),
          }),
        ]
      : []),
  ]);
};
export default {
  "public-key-bytes": bytes,
  profile,
  signatures,
  keys: [...keys, ...pages],
  narrowing,
  minting,
};
