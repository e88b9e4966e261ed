/** spec/7-revocation-feed.md: pages of the feed, and what a follower takes of them. */
import { readFileSync } from "node:fs";
import { publicKeyOf, signed } from "../lib/biscuit.js";
import { sha256 } from "../lib/macaroon.js";
import { asked, deny, from, ISSUER, ISSUER_KEY, NOW, OTHER_SEED, SEED } from "../lib/world.js";

const one = from("7-revocation-feed", "1");
const entries = from("7-revocation-feed", "1.1");
const three = from("7-revocation-feed", "3");
/** The page names no code. */
const REFUSED = deny();
const A = "a1".repeat(16);
const B = "b2".repeat(16);

/** The JCS text of texts, integers, lists and objects. */
const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
};
const keyIdOf = (seed) => sha256(publicKeyOf(seed)).subarray(0, 8).toString("hex");
const members = (more = {}) => ({
  ...{ type: "revocations", location: ISSUER, after: 0, seq: 2, at: NOW, keyId: keyIdOf(SEED) },
  entries: [
    { seq: 1, node: A },
    { seq: 2, node: B, endsAt: NOW + 60 },
  ],
  ...more,
});
/** A page, with members beside it that are not signed. */
const page = (more, { seed = SEED, beside = {} } = {}) => {
  const text = members(more);
  const signature = signed(seed, Buffer.from(canonical(text))).toString("hex");
  return JSON.stringify({ ...text, signature, ...beside });
};
const without = (name) => {
  const { [name]: _, ...rest } = members();
  const signature = signed(SEED, Buffer.from(canonical(rest))).toString("hex");
  return JSON.stringify({ ...rest, signature });
};

const feed = (title, pages, expect, spec, more = {}) =>
  asked({
    title,
    form: "macaroon",
    needs: ["feed"],
    command: {
      ...{ do: "feed", location: ISSUER, publicKey: ISSUER_KEY, after: 0, now: NOW },
      pages: [pages].flat(),
      ...more,
    },
    expect,
    spec,
  });
const taken = (more = {}) => ({ ok: true, revoked: [A, B], seq: 2, alive: true, ...more });
const empty = (seq, more = {}) => page({ after: seq, seq, entries: [], ...more });

const example = readFileSync(
  new URL("../../../spec/7-revocation-feed.md", import.meta.url),
  "utf8",
).match(/^\{.*"signature".*\}$/m)[0];
const LACKS = one("A verifier refuses one that lacks a member or has another form.");
const SIGNATURE = one(
  "Ed25519 (RFC 8032) over the UTF-8 bytes of the JCS text (RFC 8785) without this member;",
);
const IGNORED = one(
  "Members that are not named here are signed like the others, and otherwise ignored.",
);
const TYPE = one("so that no signature of a receipt (page 6) is one of a page");
const KEY = three("| its form (§1), the key, the signature | refused |");
const LOCATION = three("| `location` is that of its own authority |");
const NEXT = three("| `after` is `N`, and `seq` is at least `N` |");
const ORDER = three("| the entries are in order (§1.1) | refused |");
const CLOCK = three("| `at` is at most 60 seconds from its own clock | refused |");
const LATER = three(
  "| `at` is later than that of every page before it, also on an earlier connection | its entries hold; it is no sign of life |",
);
const CHANGES = three("A page that is refused changes nothing;");
const SEQ = entries(
  "greater than `after` and than that of the entry before, at most the page's `seq`",
);
const many = (count) =>
  page({
    seq: count,
    entries: Array.from({ length: count }, (_, at) => ({ seq: at + 1, node: A })),
  });
const inOrder = (...list) => page({ entries: list.map((seq) => ({ seq, node: A })) });
const entry = (more) => page({ entries: [{ seq: 1, node: A, ...more }] });

export default [
  feed(
    "the page of §4",
    example,
    {
      ok: true,
      revoked: ["82c1c2751854768d156b0777a3f79842", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"],
      ...{ seq: 43, alive: true },
    },
    from("7-revocation-feed", "4")("where number 42 was a freeze."),
    {
      after: 40,
      now: 1_893_456_000,
      publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    },
  ),
  feed(
    "two entries",
    page(),
    taken(),
    three("Then it revokes each node for good, sets `N` to `seq`,"),
  ),
  feed("an empty page", empty(0), taken({ revoked: [], seq: 0 }), NEXT),
  ...Object.keys(members()).map((name) => feed(`no ${name}`, without(name), REFUSED, LACKS)),
  feed("no signature", JSON.stringify(members()), REFUSED, LACKS),
  feed("no JSON", "<html>", REFUSED, one("A JSON object with these members.")),
  feed("a list", "[]", REFUSED, one("A JSON object with these members.")),
  feed("a number that is a text", page({ seq: "2" }), REFUSED, LACKS),
  feed("the type of a receipt", page({ type: "receipt" }), REFUSED, TYPE),
  feed("signed by another key", page({}, { seed: OTHER_SEED }), REFUSED, SIGNATURE),
  feed(
    "signed by another key, with its id",
    page({ keyId: keyIdOf(OTHER_SEED) }, { seed: OTHER_SEED }),
    REFUSED,
    KEY,
  ),
  feed("the id of another key", page({ keyId: keyIdOf(OTHER_SEED) }), REFUSED, KEY),
  feed("an entry that was taken out", page({}, { beside: { entries: [] } }), REFUSED, SIGNATURE),
  feed("another time than was signed", page({}, { beside: { at: NOW + 1 } }), REFUSED, SIGNATURE),
  feed("a member that is not named, signed", page({ note: "x" }), taken(), IGNORED),
  feed(
    "a member that is not named, not signed",
    page({}, { beside: { note: "x" } }),
    REFUSED,
    IGNORED,
  ),
  feed("another location", page({ location: "https://other.example" }), REFUSED, LOCATION),
  feed(
    "a page was held back",
    page({ after: 1, seq: 2, entries: [{ seq: 2, node: B }] }),
    REFUSED,
    NEXT,
  ),
  feed("it goes back", empty(5), REFUSED, NEXT, { after: 7 }),
  feed("it ends before it begins", page({ after: 2, seq: 1, entries: [] }), REFUSED, NEXT, {
    after: 2,
  }),
  feed(
    "numbers are missing between",
    inOrder(2),
    { ok: true, revoked: [A], seq: 2, alive: true },
    entries("Numbers may be missing between entries: the log counts more than revocations"),
  ),
  feed("entries in another order", inOrder(2, 1), REFUSED, ORDER),
  feed("one number twice", inOrder(1, 1), REFUSED, SEQ),
  feed("an entry after the page's end", inOrder(1, 3), REFUSED, SEQ),
  feed("an entry of before", inOrder(0, 1), REFUSED, SEQ),
  feed("60 seconds ahead", page({ at: NOW + 60 }), { ok: true }, CLOCK),
  feed("61 seconds ahead", page({ at: NOW + 61 }), REFUSED, CLOCK),
  feed("60 seconds ago", page({ at: NOW - 60 }), { ok: true }, CLOCK),
  feed("61 seconds ago", page({ at: NOW - 61 }), REFUSED, CLOCK),
  feed("1,000 entries", many(1000), { ok: true, seq: 1000 }, one("array of at most 1,000")),
  feed("1,001 entries", many(1001), REFUSED, one("array of at most 1,000")),
  feed(
    "more than 262,144 bytes",
    page({ note: "x".repeat(262_144) }),
    REFUSED,
    one("A page is at most 262,144 bytes."),
  ),
  feed(
    "a node of 30 digits",
    entry({ node: "a1".repeat(15) }),
    REFUSED,
    entries("32 hex: the node that was revoked"),
  ),
  feed(
    "an end that is a text",
    entry({ endsAt: "1" }),
    REFUSED,
    entries("integer: Unix seconds after which nothing below it can be valid, rounded up;"),
  ),
  feed(
    "64 nodes above",
    entry({ above: Array(64).fill(B) }),
    { ok: true, revoked: [A] },
    entries("list of 32 hex, at most 64: the nodes above it, root first;"),
  ),
  feed(
    "65 nodes above",
    entry({ above: Array(65).fill(B) }),
    REFUSED,
    entries("list of 32 hex, at most 64: the nodes above it, root first;"),
  ),
  feed("two pages", [page(), empty(2, { at: NOW + 1 })], taken(), NEXT),
  feed("a page again", [page(), page()], REFUSED, NEXT),
  feed("a second page of the same second", [page(), empty(2)], taken({ alive: false }), LATER),
  feed(
    "an older page that is the next one",
    [page(), page({ after: 2, seq: 3, at: NOW - 9, entries: [{ seq: 3, node: A }] })],
    { ok: true, revoked: [A, B, A], seq: 3, alive: false },
    LATER,
  ),
  feed(
    "a page behind one that is refused",
    [page({}, { seed: OTHER_SEED }), page()],
    taken(),
    CHANGES,
  ),
];
