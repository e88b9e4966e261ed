/** spec/1-credential.md: the text, the bytes, the identifier, root keys, verification, places. */
import { readFileSync } from "node:fs";
import { field, hex, keyOf, macaroonBytes } from "../lib/macaroon.js";
import {
  asked,
  biscuit,
  deny,
  from,
  identifierOf,
  judged,
  LAX,
  LOCATION,
  macaroon,
  NOW,
  OTHER_SECRET,
  ok,
  PAYMENT_HASH,
  PREIMAGE,
  root,
  SECRET,
  text,
  VERIFIERS,
  verifying,
} from "../lib/world.js";

const one = from("1-credential", "1");
const two = from("1-credential", "2");
const three = from("1-credential", "3");
const four = from("1-credential", "4");
const five = from("1-credential", "5");
const six = from("1-credential", "6");
const MALFORMED = deny("ERR_TOKEN_MALFORMED");
const inspect = (title, form, credential, expect, spec, needs = ["text"]) =>
  asked({ title, form, needs, command: { do: "inspect", credential }, expect, spec });

const made = { macaroon: macaroon([["purpose=x"]]), biscuit: biscuit([["purpose=x"]]) };
// Bytes whose base64 has every kind of character.
const spelled = macaroon([["purpose=??>>~~"]]);
const facts = { ok: true, paymentHash: PAYMENT_HASH, caveats: ["purpose=x"] };
const b64 = (bytes) => Buffer.from(bytes).toString("base64");
const url = (bytes) => Buffer.from(bytes).toString("base64url");
const WRITE = three(
  "| we accept | standard or URL-safe alphabet, not both in one text; padded fully or not at all; unused bits zero | 64 digits, either case |",
);
const KEY = three("in the URL-safe alphabet without padding, unused bits zero.");
const REST = three(
  "At most 8,192 characters, else `ERR_TOKEN_TOO_LARGE`. No white space. Anything else is `ERR_TOKEN_MALFORMED`.",
);

/** The next character of the alphabet: other unused bits. */
const withUnusedBits = (base64) => {
  const at = base64.search(/=*$/) - 1;
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return base64.slice(0, at) + alphabet[alphabet.indexOf(base64[at]) + 1] + base64.slice(at + 1);
};
function texts(form) {
  const { bytes } = made[form];
  // With one byte of padding at least.
  let padded = bytes;
  for (let more = 0; padded.length % 3 === 0; more++)
    padded = (form === "macaroon" ? macaroon : biscuit)([
      [`purpose=${"x".repeat(more + 2)}`],
    ]).bytes;
  const good = (title, credential) => inspect(title, form, credential, { ok: true }, WRITE);
  const bad = (title, credential, spec = REST, code = "ERR_TOKEN_MALFORMED") =>
    inspect(title, form, credential, deny(code), spec);
  const long = b64(bytes) + "A".repeat(8192);
  return [
    inspect(
      "what a credential says",
      form,
      made[form].text,
      facts,
      three('`base64(macaroon) ":" hex(preimage)`'),
      ["inspect"],
    ),
    good("padded, in the standard alphabet", `${b64(padded)}:${PREIMAGE}`),
    good("not padded", `${b64(padded).replace(/=+$/, "")}:${PREIMAGE}`),
    good("the URL-safe alphabet", `${url(padded)}:${PREIMAGE}`),
    good("hex in upper case", `${b64(bytes)}:${PREIMAGE.toUpperCase()}`),
    bad("padded too much", `${b64(padded)}=:${PREIMAGE}`, WRITE),
    bad("unused bits", `${withUnusedBits(b64(padded))}:${PREIMAGE}`, WRITE),
    bad("a preimage of 63 digits", `${b64(bytes)}:${PREIMAGE.slice(1)}`, WRITE),
    bad("a preimage of 65 digits", `${b64(bytes)}:${PREIMAGE}0`, WRITE),
    bad("a preimage that is no hex", `${b64(bytes)}:${PREIMAGE.slice(1)}g`, WRITE),
    bad("no preimage", b64(bytes)),
    bad("an empty preimage", `${b64(bytes)}:`),
    bad("two preimages", `${b64(bytes)}:${PREIMAGE}:${PREIMAGE}`),
    bad("nothing", ""),
    bad("no token", `:${PREIMAGE}`),
    bad("a blank before it", ` ${made[form].text}`),
    bad("a blank inside", made[form].text.replace(":", " :")),
    bad("a line feed behind it", `${made[form].text}\n`),
    bad("too many characters", `${long}:${PREIMAGE}`, REST, "ERR_TOKEN_TOO_LARGE"),
    inspect(
      "the key form",
      form,
      `sk-sigil-${url(Buffer.concat([bytes, hex(PREIMAGE)]))}`,
      facts,
      KEY,
    ),
    bad(
      "the key form, padded",
      `sk-sigil-${b64(Buffer.concat([padded, hex(PREIMAGE)]))
        .replaceAll("+", "-")
        .replaceAll("/", "_")}=`,
      KEY,
    ),
    bad("the key form, cut off", `sk-sigil-${url(bytes).slice(0, 20)}`, KEY),
    bad(
      "the key form, in upper case",
      `SK-SIGIL-${url(Buffer.concat([bytes, hex(PREIMAGE)]))}`,
      KEY,
    ),
  ];
}
const mixed = b64(spelled.bytes);
const standard = /[+/]/.test(mixed) ? mixed : b64(macaroon([["purpose=ÿÿÿ???~~~>>>"]]).bytes);

// ── Bytes, of any identifier

const KEY_TEXT = "this is the key";
const key = keyOf(Buffer.from(KEY_TEXT));
const id = Buffer.from("keyid");
const plain = (more = {}) =>
  macaroonBytes({ key, location: "http://x/", identifier: id, caveats: ["account = 1"], ...more });
const core = (title, bytes, expect, spec, mark) =>
  asked({
    title,
    form: "macaroon",
    needs: ["core"],
    mark,
    command: { do: "inspect", macaroon: Buffer.from(bytes).toString("hex") },
    expect,
    spec,
  });
const END = Buffer.from([0]);
const signature = plain().subarray(-32);
const V = Buffer.from([2]);
const ONE = one(
  "| The whole input is one macaroon: no field out of place, no byte left over | `ERR_TOKEN_MALFORMED` |",
);
const LENGTH = one("| A length has one or two bytes, and is minimal | `ERR_TOKEN_MALFORMED` |");
const THIRD = one("third-party caveats are refused, never skipped");
const SIZE = one(
  "| At most 64 caveats, 1,024 bytes in each, 6,093 bytes in all | `ERR_TOKEN_TOO_LARGE` |",
);
const rest = Buffer.concat([field(2, Buffer.from("account = 1")), END, END, field(6, signature)]);
const location = field(1, Buffer.from("http://x/"));
const of = (...parts) => Buffer.concat(parts);
const said = (caveats, more = {}) => ({
  ok: true,
  identifier: id.toString("hex"),
  location: "http://x/",
  caveats,
  ...more,
});

/** A caveat with a verification id, and what stands before its own id. */
const thirdParty = (title, ...before) =>
  core(
    `a caveat with ${title}`,
    of(
      ...[V, location, field(2, id), END, ...before, field(2, Buffer.from("third"))],
      ...[field(4, Buffer.alloc(72)), END, END, field(6, signature)],
    ),
    deny("ERR_TOKEN_THIRD_PARTY"),
    THIRD,
    LAX,
  );

const bytesCases = [
  core("a macaroon", plain(), said(["account = 1"], { signature: signature.toString("hex") }), ONE),
  core("a macaroon without caveats", plain({ caveats: [] }), said([]), ONE),
  core(
    "no location",
    plain({ location: "" }),
    said(["account = 1"], { location: "" }),
    one("It may be missing or empty; we leave an empty one out"),
  ),
  core(
    "an empty location",
    of(V, field(1, Buffer.alloc(0)), field(2, id), END, rest),
    said(["account = 1"], { location: "" }),
    one("It may be missing or empty; we leave an empty one out"),
  ),
  core(
    "a location that is not UTF-8",
    of(V, field(1, Buffer.from([0xff, 0xfe])), field(2, id), END, rest),
    MALFORMED,
    one(
      "| The location is UTF-8. It may be missing or empty; we leave an empty one out | `ERR_TOKEN_MALFORMED` |",
    ),
    LAX,
  ),
  core(
    "a length of two bytes",
    plain({ caveats: ["x".repeat(200)] }),
    said(["x".repeat(200)]),
    LENGTH,
  ),
  core(
    "a length of two bytes that could have one",
    of(V, location, Buffer.from([2, 0x85, 0]), id, END, rest),
    MALFORMED,
    LENGTH,
    LAX,
  ),
  core(
    "a length of three bytes",
    of(V, location, Buffer.from([2, 0x85, 0x80, 0]), id, END, rest),
    MALFORMED,
    LENGTH,
    LAX,
  ),
  core(
    "a length that is too great",
    of(V, location, Buffer.from([2, 0xff, 0x7f]), id, END, rest),
    MALFORMED,
    ONE,
  ),
  core("nothing", Buffer.alloc(0), MALFORMED, ONE),
  core("a version alone", V, MALFORMED, ONE),
  core(
    "version 1",
    of(Buffer.from([1]), plain().subarray(1)),
    MALFORMED,
    one("02 version [01 location] 02 identifier end"),
  ),
  core("a byte left over", of(plain(), END), MALFORMED, ONE, LAX),
  core("two macaroons", of(plain(), plain()), MALFORMED, ONE, LAX),
  core("the last byte missing", plain().subarray(0, -1), MALFORMED, ONE),
  core(
    "no end of the caveats",
    of(V, location, field(2, id), END, field(2, Buffer.from("a = 1")), END, field(6, signature)),
    MALFORMED,
    ONE,
  ),
  core("no identifier", of(V, location, END, rest), MALFORMED, ONE),
  core(
    "the location behind the identifier",
    of(V, field(2, id), location, END, rest),
    MALFORMED,
    ONE,
  ),
  core("two locations", of(V, location, location, field(2, id), END, rest), MALFORMED, ONE),
  core("two identifiers", of(V, location, field(2, id), field(2, id), END, rest), MALFORMED, ONE),
  core("an unknown field", of(V, location, field(2, id), field(3, id), END, rest), MALFORMED, ONE),
  core(
    "a signature of 31 bytes",
    of(plain().subarray(0, -34), field(6, signature.subarray(1))),
    MALFORMED,
    one("| The signature has 32 bytes | `ERR_TOKEN_MALFORMED` |"),
  ),
  core(
    "a signature of 33 bytes",
    of(plain().subarray(0, -34), field(6, of(signature, END))),
    MALFORMED,
    one("| The signature has 32 bytes | `ERR_TOKEN_MALFORMED` |"),
  ),
  core(
    "no signature",
    plain().subarray(0, -34),
    MALFORMED,
    one("| The signature has 32 bytes | `ERR_TOKEN_MALFORMED` |"),
  ),
  thirdParty("a location and a verification id", field(1, Buffer.from("http://other"))),
  thirdParty("a verification id alone"),
  core(
    "64 caveats",
    plain({ caveats: Array(64).fill("a = 1") }),
    said(Array(64).fill("a = 1")),
    SIZE,
  ),
  core(
    "65 caveats",
    plain({ caveats: Array(65).fill("a = 1") }),
    deny("ERR_TOKEN_TOO_LARGE"),
    SIZE,
    LAX,
  ),
  core(
    "a caveat of 1,024 bytes",
    plain({ caveats: ["a".repeat(1024)] }),
    said(["a".repeat(1024)]),
    SIZE,
  ),
  core(
    "a caveat of 1,025 bytes",
    plain({ caveats: ["a".repeat(1025)] }),
    deny("ERR_TOKEN_TOO_LARGE"),
    SIZE,
    LAX,
  ),
  core(
    "6,094 bytes",
    plain({
      caveats: [
        ...Array(5).fill("a".repeat(1000)),
        "b".repeat(6094 - 5 * 1004 - plain({ caveats: [] }).length - 4),
      ],
    }),
    deny("ERR_TOKEN_TOO_LARGE"),
    SIZE,
    LAX,
  ),
];

// ── Published macaroons: libmacaroons, pymacaroons, go-macaroon and others made them

const vectors = JSON.parse(
  readFileSync(new URL("../../../spec/vectors/macaroons.json", import.meta.url), "utf8"),
);
const first = vectors.vectors.filter(
  ({ caveats, v2_b64u, key: root, signature: last }) =>
    v2_b64u &&
    root?.hex &&
    last &&
    caveats.every((caveat) => !("vid_hex" in caveat) && !("location" in caveat)),
);
const CHAIN = four("S0 = HMAC(K, identifier)");
const published = first.flatMap(
  ({ name, key: rootKey, identifier, location: place, caveats, v2_b64u }) => {
    const packet = Buffer.from(v2_b64u, "base64url").toString("hex");
    const common = { form: "macaroon", needs: ["core"], spec: CHAIN };
    const cids = caveats.map(({ cid_hex }) => cid_hex);
    return [
      asked({
        ...common,
        title: `${name}: minted`,
        command: {
          do: "mint",
          rootKey: rootKey.hex,
          identifier: identifier.hex,
          location: place ?? "",
          caveats: cids,
        },
        expect: { ok: true, macaroon: packet },
      }),
      asked({
        ...common,
        title: `${name}: verified`,
        command: { do: "verify", macaroon: packet, rootKey: rootKey.hex },
        expect: ok,
      }),
      asked({
        ...common,
        title: `${name}: another key`,
        command: { do: "verify", macaroon: packet, rootKey: `${rootKey.hex}00` },
        expect: deny("ERR_TOKEN_FORGED"),
      }),
      asked({
        ...common,
        title: `${name}: one bit of the signature`,
        command: {
          do: "verify",
          macaroon: packet.slice(0, -1) + (Number.parseInt(packet.at(-1), 16) ^ 1).toString(16),
          rootKey: rootKey.hex,
        },
        expect: deny("ERR_TOKEN_FORGED"),
      }),
    ];
  },
);
const appended = { caveats: ["account = 1", "time < 2", "email = a@b"] };
const long = { caveats: ["account = 1", "x".repeat(200)] };
const narrowing = [
  asked({
    title: "a caveat of 200 bytes: minted",
    form: "macaroon",
    needs: ["core"],
    command: {
      do: "mint",
      rootKey: Buffer.from(KEY_TEXT).toString("hex"),
      identifier: id.toString("hex"),
      location: "http://x/",
      caveats: long.caveats.map((text) => Buffer.from(text).toString("hex")),
    },
    expect: { ok: true, macaroon: plain(long).toString("hex") },
    spec: LENGTH,
  }),
  asked({
    title: "narrowed without the key",
    form: "macaroon",
    needs: ["core"],
    command: {
      do: "attenuate",
      macaroon: plain().toString("hex"),
      caveats: ["time < 2", "email = a@b"].map((text) => Buffer.from(text).toString("hex")),
    },
    expect: { ok: true, macaroon: plain(appended).toString("hex") },
    spec: four("Si = HMAC(S(i-1), caveat i)"),
  }),
  asked({
    title: "caveats in another order",
    form: "macaroon",
    needs: ["core"],
    command: {
      do: "verify",
      macaroon: plain({
        caveats: ["time < 2", "account = 1"],
        signature: plain({ caveats: ["account = 1", "time < 2"] }).subarray(-32),
      }).toString("hex"),
      rootKey: Buffer.from(KEY_TEXT).toString("hex"),
    },
    expect: deny("ERR_TOKEN_FORGED"),
    spec: four("Si = HMAC(S(i-1), caveat i)"),
  }),
  asked({
    title: "a caveat removed",
    form: "macaroon",
    needs: ["core"],
    command: {
      do: "verify",
      macaroon: plain({ caveats: [], signature }).toString("hex"),
      rootKey: Buffer.from(KEY_TEXT).toString("hex"),
    },
    expect: deny("ERR_TOKEN_FORGED"),
    spec: four("Si = HMAC(S(i-1), caveat i)"),
  }),
];

// ── The identifier, and verification

const withIdentifier = (identifier) =>
  text(macaroonBytes({ key: root.key, location: LOCATION, identifier, caveats: [] }));
const IDENTIFIER = two(
  "Another length, another version, or a payment hash of zeros is `ERR_TOKEN_MALFORMED`.",
);
const verify = (title, credential, expect, spec, verifier = {}) =>
  asked({
    title,
    form: "macaroon",
    needs: ["credential"],
    command: verifying("macaroon", credential, verifier),
    expect,
    spec,
  });
const chain = macaroon([["valid_until=1", "purpose=x"]]);
const unbounded = (caveats) =>
  macaroonBytes({
    key: root.key,
    location: LOCATION,
    identifier: identifierOf(),
    caveats,
    signature: chain.bytes.subarray(-32),
  });
const step = (at) =>
  five(
    {
      2: "| 2. Find the secret whose root id begins the token id | `ERR_TOKEN_ROOT` |",
      3: "| 3. Compute the signatures; compare the last in constant time | `ERR_TOKEN_FORGED` |",
      4: "| 4. SHA-256 of the preimage is the payment hash of the identifier | `ERR_TOKEN_PREIMAGE` |",
      6: "| 6. Every caveat holds (page 2) | each its own code |",
    }[at],
  );
const flipped = (bytes, at) => {
  const copy = Buffer.from(bytes);
  copy[at] ^= 1;
  return copy;
};
const good = macaroon([[`valid_until=${NOW + 1}`]]);
const verification = [
  verify(
    "an identifier of page 1",
    withIdentifier(identifierOf()),
    ok,
    two("Exactly 66 bytes: `u16be 0 ‖ payment hash [32] ‖ token id [32]`."),
  ),
  verify("65 bytes", withIdentifier(identifierOf().subarray(0, 65)), MALFORMED, IDENTIFIER),
  verify("67 bytes", withIdentifier(Buffer.concat([identifierOf(), END])), MALFORMED, IDENTIFIER),
  verify("version 1", withIdentifier(flipped(identifierOf(), 1)), MALFORMED, IDENTIFIER),
  verify("version 256", withIdentifier(flipped(identifierOf(), 0)), MALFORMED, IDENTIFIER),
  verify(
    "a payment hash of zeros",
    withIdentifier(identifierOf("00".repeat(32))),
    MALFORMED,
    IDENTIFIER,
  ),
  verify("the right secret", good.text, ok, step(2)),
  verify("another secret", good.text, deny("ERR_TOKEN_ROOT"), step(2), { secrets: [OTHER_SECRET] }),
  verify(
    "a secret of before",
    good.text,
    ok,
    four(
      "Rotation: an authority mints under its newest secret and verifies under all that it was given.",
    ),
    { secrets: [OTHER_SECRET, SECRET] },
  ),
  verify(
    "another secret's credential",
    macaroon([[]], { secret: OTHER_SECRET }).text,
    deny("ERR_TOKEN_ROOT"),
    step(2),
  ),
  verify(
    "another root id",
    withIdentifier(flipped(identifierOf(), 34)),
    deny("ERR_TOKEN_ROOT"),
    step(2),
  ),
  verify(
    "one bit of the signature",
    text(flipped(good.bytes, good.bytes.length - 1)),
    deny("ERR_TOKEN_FORGED"),
    step(3),
  ),
  verify(
    "one bit of a caveat",
    text(flipped(good.bytes, good.bytes.indexOf("valid_until"))),
    deny("ERR_TOKEN_FORGED"),
    step(3),
  ),
  verify(
    "one bit of the random part",
    text(flipped(good.bytes, good.bytes.indexOf(identifierOf()) + 60)),
    deny("ERR_TOKEN_FORGED"),
    step(3),
  ),
  verify(
    "another location, which no signature covers",
    macaroon([[]], { location: "https://other.example" }).text,
    ok,
    one("It is not covered by the signature."),
  ),
  verify("a caveat removed", text(unbounded(["valid_until=1"])), deny("ERR_TOKEN_FORGED"), step(3)),
  verify(
    "caveats in another order",
    text(unbounded(["purpose=x", "valid_until=1"])),
    deny("ERR_TOKEN_FORGED"),
    step(3),
  ),
  verify(
    "a caveat twice",
    text(unbounded(["valid_until=1", "purpose=x", "purpose=x"])),
    deny("ERR_TOKEN_FORGED"),
    step(3),
  ),
  verify(
    "a caveat more",
    text(unbounded(["valid_until=1", "purpose=x", "purpose=y"])),
    deny("ERR_TOKEN_FORGED"),
    step(3),
  ),
  verify(
    "another preimage",
    text(good.bytes, "11".repeat(32)),
    deny("ERR_TOKEN_PREIMAGE"),
    step(4),
  ),
  verify(
    "a preimage of zeros",
    text(good.bytes, "00".repeat(32)),
    deny("ERR_TOKEN_PREIMAGE"),
    step(4),
  ),
  verify(
    "forged and not paid: the first failure",
    text(flipped(good.bytes, good.bytes.length - 1), "00".repeat(32)),
    deny("ERR_TOKEN_FORGED"),
    five("In this order; the first failure ends it."),
  ),
  verify(
    "the key form",
    `sk-sigil-${url(Buffer.concat([good.bytes, hex(PREIMAGE)]))}`,
    ok,
    three("It is read wherever the text is, and nothing is lost on the way from one to the other."),
  ),
  verify("an end that has come", chain.text, deny("ERR_EXPIRED"), step(6)),
];

// ── Places and revocation

const EXAMPLE = [
  ["endpoints=GET https://api.example/search/*", "valid_until=1893456000", "max_uses=100"],
  ["agent=booker.0011223344556677", "max_uses=5"],
];
const example = {
  nodes: ["55ca3dbcace6d21b17b90844b1b7cc18", "a1b7f1b2d9a9d5c98e3d5d3ee7fcc267"],
  limits: ["312870e470144c4d74bcb32d9bd91ee2", "ec66ebbd15b0447c4e8df5c13ca39d39"],
};
const TREE = [["agent=a.00000001"], ["purpose=x", "agent=b.00000002"], ["purpose=y"]];
const REVOKED = six(
  "so revoking a node ends it and all below it, also children that nobody listed, and never its parent.",
);
const eight = from("9-public-key", "8");
const revocation = (forms, spec) => [
  ...judged({
    title: "no node is revoked",
    blocks: TREE,
    revoked: ["00".repeat(16)],
    needs: ["revocation"],
    forms,
    expect: ok,
    spec,
  }),
  ...judged({
    title: "the root is revoked",
    blocks: TREE,
    revoked: [0],
    needs: ["revocation"],
    forms,
    expect: deny("ERR_REVOKED"),
    spec,
  }),
  ...judged({
    title: "an ancestor is revoked",
    blocks: TREE,
    revoked: [1],
    needs: ["revocation"],
    forms,
    expect: deny("ERR_REVOKED"),
    spec,
  }),
  ...judged({
    title: "the node itself is revoked",
    blocks: TREE,
    revoked: [3],
    needs: ["revocation"],
    forms,
    expect: deny("ERR_REVOKED"),
    spec,
  }),
  ...judged({
    title: "a child is revoked, never its parent",
    blocks: TREE.slice(0, 1),
    revoked: ["11".repeat(16)],
    needs: ["revocation"],
    forms,
    expect: ok,
    spec,
  }),
  ...judged({
    title: "a place that is no node",
    blocks: TREE,
    revoked: [2],
    needs: ["revocation"],
    forms,
    expect: ok,
    spec: six(
      "Caveats appended without an `agent` open no node: such a credential can be revoked only with the node it stands on.",
    ),
  }),
  ...judged({
    title: "own affairs of a revoked node",
    blocks: TREE,
    revoked: [3],
    request: "self",
    needs: ["revocation"],
    forms,
    expect: deny("ERR_REVOKED"),
    spec,
  }),
];
const childOf = (form) => {
  const tree = form === "macaroon" ? macaroon : biscuit;
  return { parent: tree(TREE.slice(0, 1)), child: tree(TREE.slice(0, 2)), whole: tree(TREE) };
};
const m = childOf("macaroon");
const revoke = (title, form, command, expect, spec) =>
  asked({
    title,
    form,
    needs: ["revoke"],
    command: { do: "revoke", verifier: VERIFIERS[form], now: NOW, ...command },
    expect,
    spec,
  });
const b = childOf("biscuit");

const THEY = six("Anyone who holds a credential may revoke any node derived from it.");
const ONE_CREDENTIAL = from(
  "3-challenge",
  "6",
)(
  "The caveats and the ancestor's own are what one macaroon without a location can have (page 1 §1); more are refused before anything is derived from them.",
);
const DEEP = Array.from({ length: 63 }, (_, at) => `agent=a.${String(at).padStart(8, "0")}`);
// A macaroon without a location has 105 bytes beside its caveats, and each of these 4 beside itself.
const ownBytes = TREE[0].reduce((sum, caveat) => sum + caveat.length + 3, 105);
const AGENT = "agent=z.00000001";
const purposes = [1020, 1020, 1020, 1020, 1020];
const lastBytes = 6093 - ownBytes - (AGENT.length + 3) - 5 * 1024 - 4;
const FULL = [...[lastBytes, ...purposes].map((length) => "purpose=".padEnd(length, "x")), AGENT];
const macaroonOf = (following) => macaroon([...TREE.slice(0, 1), following]);
const revoking = [
  revoke(
    "a child of the presented credential",
    "macaroon",
    { credential: m.parent.text, caveats: TREE[1] },
    { ok: true, node: m.child.place(3) },
    THEY,
  ),
  revoke(
    "what follows the last agent is left out",
    "macaroon",
    { credential: m.parent.text, caveats: [...TREE[1], "purpose=y"] },
    { ok: true, node: m.child.place(3) },
    six("up to the last caveat that begins with `agent=`, and revokes that place"),
  ),
  revoke(
    "no agent among them",
    "macaroon",
    { credential: m.parent.text, caveats: ["purpose=x"] },
    deny("ERR_REQUEST"),
    from(
      "3-challenge",
      "6",
    )(
      "two credentials; no JSON, no list of strings, another field beside it, or no `agent` among them (`ERR_REQUEST`)",
    ),
  ),
  revoke(
    "no caveats",
    "macaroon",
    { credential: m.parent.text, caveats: [] },
    deny("ERR_REQUEST"),
    from(
      "3-challenge",
      "6",
    )(
      "two credentials; no JSON, no list of strings, another field beside it, or no `agent` among them (`ERR_REQUEST`)",
    ),
  ),
  revoke(
    "64 caveats, the ancestor's own among them",
    "macaroon",
    { credential: m.parent.text, caveats: DEEP },
    { ok: true, node: macaroonOf(DEEP).place(64) },
    ONE_CREDENTIAL,
  ),
  revoke(
    "65 caveats, the ancestor's own among them",
    "macaroon",
    { credential: m.parent.text, caveats: [...DEEP, "agent=a.00000064"] },
    deny("ERR_REQUEST"),
    ONE_CREDENTIAL,
  ),
  revoke(
    "6,093 bytes, the ancestor's own among them",
    "macaroon",
    { credential: m.parent.text, caveats: FULL },
    { ok: true, node: macaroonOf(FULL).place(FULL.length + 1) },
    ONE_CREDENTIAL,
  ),
  revoke(
    "6,094 bytes, the ancestor's own among them",
    "macaroon",
    { credential: m.parent.text, caveats: [`${FULL[0]}x`, ...FULL.slice(1)] },
    deny("ERR_REQUEST"),
    ONE_CREDENTIAL,
  ),
  revoke(
    "a caveat of 1,025 bytes",
    "macaroon",
    { credential: m.parent.text, caveats: ["purpose=".padEnd(1025, "x"), ...TREE[1]] },
    deny("ERR_REQUEST"),
    ONE_CREDENTIAL,
  ),
  ...["parent"].flatMap(() => {
    const block = (at, of = b.whole) => of.signedBlocks[at];
    return [
      revoke(
        "a child of the presented credential",
        "biscuit",
        { credential: b.parent.text, blocks: [block(1)] },
        { ok: true, node: b.child.place(3) },
        eight(
          "the blocks of the child that follow the ancestor's own, up to the one that has the child's `agent`, 64 at most.",
        ),
      ),
      revoke(
        "blocks that do not follow",
        "biscuit",
        { credential: b.parent.text, blocks: [block(2)] },
        deny("ERR_REQUEST"),
        eight(
          "`ERR_REQUEST` where they do not follow, have no `agent`, or `caveats` stand beside or in place of them.",
        ),
      ),
      revoke(
        "caveats in place of blocks",
        "biscuit",
        { credential: b.parent.text, caveats: TREE[1] },
        deny("ERR_REQUEST"),
        eight(
          "`ERR_REQUEST` where they do not follow, have no `agent`, or `caveats` stand beside or in place of them.",
        ),
      ),
      revoke(
        "blocks without an agent",
        "biscuit",
        { credential: b.child.text, blocks: [block(2)] },
        deny("ERR_REQUEST"),
        eight(
          "`ERR_REQUEST` where they do not follow, have no `agent`, or `caveats` stand beside or in place of them.",
        ),
      ),
      revoke(
        "a sealed ancestor",
        "biscuit",
        { credential: biscuit(TREE.slice(0, 1), { sealed: true }).text, blocks: [block(1)] },
        { ok: true, node: b.child.place(3) },
        eight(
          "The ancestor may be sealed: it shows that it is the ancestor by holding its text, as with macaroons.",
        ),
      ),
    ];
  }),
];

export default {
  text: [
    ...texts("macaroon"),
    ...texts("biscuit"),
    inspect(
      "both alphabets in one text",
      "macaroon",
      `${standard.replace(/[+/]/, (c) => (c === "+" ? "-" : "_")).replace(/=+$/, "")}+:${PREIMAGE}`,
      MALFORMED,
      WRITE,
    ),
  ],
  "macaroon-bytes": bytesCases,
  "macaroon-core": [...published, ...narrowing],
  credential: verification,
  revocation: [
    ...judged({
      title: "the worked example of page 1",
      blocks: EXAMPLE,
      forms: ["macaroon"],
      needs: ["places"],
      request: "GET https://api.example/search/x",
      expect: { ok: true, ...example },
      spec: six("| of an agent's node | after its `agent` caveat |"),
    }),
    ...judged({
      title: "places of the public-key form",
      blocks: [
        ["ledger=https://api.example", "max_uses=9"],
        ["purpose=x", "agent=b.00000002", "max_uses=5"],
      ],
      forms: ["biscuit"],
      needs: ["places"],
      expect: (made) => ({
        ok: true,
        nodes: [made.place(0), made.place(4)],
        limits: [made.place(2), made.place(5)],
      }),
      spec: from(
        "9-public-key",
        "4",
      )(
        "**the first 16 bytes of SHA-256(the signatures of all blocks from the first one to this one ‖ *i* as one byte)**, in hex.",
      ),
    }),
    ...judged({
      title: "a credential without an agent stands on the root",
      blocks: [["purpose=x"]],
      forms: ["macaroon"],
      needs: ["places"],
      expect: (made) => ({ ok: true, nodes: [made.place(0)] }),
      spec: six(
        "A caveat belongs to the node of the last well-formed `agent` caveat up to it, itself included; before the first one, to the root.",
      ),
    }),

    ...revocation(["macaroon"], REVOKED),
    ...revocation(
      ["biscuit"],
      eight("By node, by the feed of page 7, with the places of §4; silence denies, as there."),
    ),
    ...revoking,
  ],
};
