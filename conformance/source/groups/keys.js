/** spec/9-public-key.md §5 and §6: issuers, their keys, and the pages of them. */
import { entry, FORGED, five, good, lax, MALFORMED, one, six, verify } from "../lib/public-key.js";
import {
  asked,
  biscuit,
  deny,
  ISSUER,
  ISSUER_KEY,
  NOW,
  OTHER_KEY,
  OTHER_SEED,
  ok,
} from "../lib/world.js";

const issuers = (...list) => ({ verifier: { issuers: list } });
const STEP3 = five(
  "| 3. Find the key of the issuer and `rootKeyId` (0 where it is missing) among those trusted (§6) | `ERR_TOKEN_ISSUER`, `ERR_TOKEN_KEY`, `ERR_KEYS_UNREACHABLE` |",
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
/** The page is refused, and there is none of before. */
const REFUSED = deny("ERR_KEYS_UNREACHABLE");
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
    REFUSED,
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
    REFUSED,
    six("A page that has entries, all of other issuers, is refused"),
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
    REFUSED,
    six("No redirect is followed. At most 65,536 bytes, 64 keys, 10 seconds"),
  ),
  page(
    "no JSON",
    "<html>",
    REFUSED,
    six("No redirect is followed. At most 65,536 bytes, 64 keys, 10 seconds"),
  ),
  page(
    "no list",
    { keys: [] },
    REFUSED,
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
    REFUSED,
    six("No redirect is followed. At most 65,536 bytes, 64 keys, 10 seconds"),
  ),
];

export default [...keys, ...pages];
