/** spec/3-challenge.md §2 and §4: challenges, and the fields that a credential comes in. */
import { readFileSync } from "node:fs";
import { field, hex, macaroonBytes } from "../lib/macaroon.js";
import {
  asked,
  deny,
  from,
  identifierOf,
  LOCATION,
  macaroon,
  PREIMAGE,
  root,
} from "../lib/world.js";

const two = from("3-challenge", "2");
const three = from("3-challenge", "3");
const four = from("3-challenge", "4");
const page = readFileSync(new URL("../../../spec/3-challenge.md", import.meta.url), "utf8");
/** The lines of §1, an invoice for which was made with other software. */
const lines = [...page.matchAll(/^(?:LSAT|L402) macaroon="Ag.*$/gm)].map(([line]) => line);
const [, M, P] = /macaroon="([^"]+)", invoice="([^"]+)"/.exec(lines[0]);
const MISSING = deny("ERR_CHALLENGE_MISSING");
const BAD = deny("ERR_CHALLENGE_MALFORMED");
const offer = (more = {}) => ({ token: M, invoice: P, ...more });
const read = (title, given, expect, spec) =>
  asked({
    title,
    form: "macaroon",
    needs: ["challenge"],
    command: { do: "challenge", lines: [given].flat() },
    expect: Array.isArray(expect) ? { ok: true, offers: expect } : expect,
    spec,
  });
const accepted = (title, given, sentence, expect = [offer()]) =>
  read(title, given, expect, two(sentence));
const refused = (title, given, sentence, expect = BAD) => read(title, given, expect, two(sentence));
const whole = `L402 macaroon="${M}", invoice="${P}"`;
const zeros = macaroonBytes({
  key: root.key,
  location: LOCATION,
  identifier: identifierOf("00".repeat(32)),
  caveats: [],
}).toString("base64");
const third = Buffer.concat([
  Buffer.from([2]),
  field(2, identifierOf()),
  Buffer.from([0]),
  field(2, Buffer.from("x")),
  field(4, Buffer.alloc(72)),
  Buffer.from([0, 0]),
  field(6, Buffer.alloc(32, 1)),
]).toString("base64");
const OTHER = P.replace(/^lnbcrt100n/, "lnbcrt200n");
const unpadded = M.replace(/=+$/, "");
const CASE = "| schemes in any case and any order, others beside them |";
const PARAMETERS =
  "| parameters in any order, names in any case, commas missing, blanks around `=` |";
const NAMES = "| `macaroon`, `token`, or both with one text |";
const QUOTES = "| values quoted (with `\\` escapes) or bare |";
const FOREIGN = "It is kept as text, and its `caveats` are not read";
const TWICE = "| a parameter twice with one value; unknown parameters |";
const CAVEATS =
  "| `caveats` separated by blanks or commas. Missing: the service says nothing about what it enforces |";
const BROKEN =
  "| a broken L402 item, or one with a value that is not visible ASCII; a broken item that may hide one | `ERR_CHALLENGE_MALFORMED` |";
const DIFFER =
  "| a parameter twice with two values; `macaroon` and `token` that differ | `ERR_CHALLENGE_MALFORMED` |";
const LACKS = "| no macaroon and no token, or no invoice | `ERR_CHALLENGE_MALFORMED` |";
const TOKEN =
  "| a macaroon with a third-party caveat, or with an identifier of page 1 §2 whose payment hash is zeros; a token with other characters, or more of them | `ERR_CHALLENGE_MALFORMED` |";
const EIGHT = "| more than 8 different offers of one scheme | `ERR_CHALLENGE_MALFORMED` |";
const many = (count) =>
  Array.from({ length: count }, (_, at) => `L402 macaroon="${M}", invoice="${P}${at}"`);

const challenges = [
  read(
    "the two lines of page 3",
    lines,
    [offer()],
    from(
      "3-challenge",
      "1",
    )(
      "Two field lines, in this order, with the parameters in this order: the reference clients match them by regular expression.",
    ),
  ),
  accepted("joined by a comma", lines.join(", "), CASE),
  accepted("in lower case", whole.replace("L402", "l402"), CASE),
  accepted("LSAT alone", whole.replace("L402", "LSAT"), CASE),
  accepted("beside others", `Bearer realm="x", ${whole}, Basic realm="y, z"`, CASE),
  accepted("after another line", ['Payment id="1"', whole], CASE),
  accepted("parameters in another order", `L402 invoice="${P}", macaroon="${M}"`, PARAMETERS),
  accepted("names in upper case", `L402 MACAROON="${M}", Invoice="${P}"`, PARAMETERS),
  accepted("no comma", `L402 macaroon="${M}" invoice="${P}"`, PARAMETERS),
  accepted(
    "blanks around the equals sign",
    `L402 macaroon = "${M}", invoice =  "${P}"`,
    PARAMETERS,
  ),
  accepted("a token", `L402 token="${M}", invoice="${P}"`, NAMES),
  accepted("a token and a macaroon", `L402 macaroon="${M}", token="${M}", invoice="${P}"`, NAMES),
  accepted("a bare invoice", `L402 macaroon="${M}", invoice=${P}`, QUOTES),
  accepted("a value with escapes", `L402 macaroon="${M}", invoice="\\${P}"`, QUOTES),
  accepted(
    "a macaroon without padding",
    `L402 macaroon="${unpadded}", invoice="${P}"`,
    "| M in any base64 that page 1 §3 accepts | |",
    [offer({ token: unpadded })],
  ),
  accepted(
    "a token of another server",
    `L402 token="tok_1", invoice="${P}", caveats="endpoints"`,
    FOREIGN,
    [{ token: "tok_1", invoice: P, caveats: null }],
  ),
  accepted("a parameter twice", `${whole}, invoice="${P}"`, TWICE),
  accepted("an unknown parameter", `${whole}, foo="x"`, TWICE),
  accepted("caveats with blanks", `${whole}, caveats="endpoints valid_until"`, CAVEATS, [
    offer({ caveats: ["endpoints", "valid_until"] }),
  ]),
  accepted("caveats with commas", `${whole}, caveats="endpoints,valid_until"`, CAVEATS, [
    offer({ caveats: ["endpoints", "valid_until"] }),
  ]),
  accepted("no caveats", whole, CAVEATS, [offer({ caveats: null })]),
  accepted(
    "a broken item of another scheme",
    ['Bearer realm="open', whole],
    "A broken item of another scheme is skipped.",
  ),
  accepted(
    "eight offers",
    many(8),
    EIGHT,
    many(8).map((_, at) => ({ token: M, invoice: `${P}${at}` })),
  ),
  refused("nine offers", many(9), EIGHT),
  refused("an open quote", `L402 macaroon="${M}", invoice="${P}`, BROKEN),
  refused("a value that is no ASCII", `${whole}, foo="é"`, BROKEN),
  refused(
    "another item that may hide one",
    `Bearer realm="open, ${whole.replaceAll('"', "'")}`,
    BROKEN,
  ),
  refused("two invoices", `${whole}, invoice="${OTHER}"`, DIFFER),
  refused(
    "a macaroon and another token",
    `L402 macaroon="${M}", token="tok_1", invoice="${P}"`,
    DIFFER,
  ),
  refused("no invoice", `L402 macaroon="${M}"`, LACKS),
  refused("an empty invoice", `L402 macaroon="${M}", invoice=""`, LACKS),
  refused("no token", `L402 invoice="${P}"`, LACKS),
  refused("a third-party caveat", `L402 macaroon="${third}", invoice="${P}"`, TOKEN),
  refused("a payment hash of zeros", `L402 macaroon="${zeros}", invoice="${P}"`, TOKEN),
  refused("a token with a blank", `L402 token="tok 1", invoice="${P}"`, TOKEN),
  refused(
    "a token of 8,193 characters",
    `L402 token="${"t.".repeat(4096)}t", invoice="${P}"`,
    TOKEN,
  ),
  accepted(
    "a token of 8,192 characters",
    `L402 token="${"t.".repeat(4096)}", invoice="${P}"`,
    "any other M of at most 8,192 characters of visible ASCII without blanks",
    [{ token: "t.".repeat(4096), invoice: P }],
  ),
  refused("another scheme alone", 'Bearer realm="x"', "| no L402 challenge at all.", MISSING),
  refused("nothing", [], "| no L402 challenge at all.", MISSING),
  refused(
    "more than 32,768 characters",
    [whole, `Bearer realm="${"x".repeat(32_768)}"`],
    "at most 32,768 characters in all.",
  ),
  read(
    "another version beside",
    [`L402 macaroon="tok", invoice="${P}", version="1"`, whole],
    [offer()],
    three("items with a `version` other than `0`"),
  ),
  read(
    "another version alone",
    `${whole}, version="1"`,
    MISSING,
    three("items with a `version` other than `0`"),
  ),
  read(
    "version 0",
    `${whole}, version="0"`,
    [offer()],
    three("items with a `version` other than `0`"),
  ),
  read(
    "a bare challenge",
    'L402 version="0", caveats="endpoints"',
    MISSING,
    three("items with neither `macaroon` nor `token` nor `invoice` (a bare challenge, §5)."),
  ),
  read(
    "L402 before LSAT",
    [`LSAT macaroon="tok_1", invoice="${P}"`, whole],
    [offer()],
    three("If an `L402` item is left, take the `L402` items; otherwise the `LSAT` items."),
  ),
  read(
    "a malformed L402 item beside a sound LSAT one",
    [whole.replace("L402", "LSAT"), `L402 macaroon="${M}"`],
    BAD,
    three("A malformed `L402` item is an error, also where the item beside it is sound."),
  ),
  read(
    "one offer twice",
    [whole, whole],
    [offer()],
    three("Items with the same token and the same invoice are one offer."),
  ),
  read(
    "two offers",
    [whole, `L402 macaroon="${M}", invoice="${OTHER}"`],
    [offer(), offer({ invoice: OTHER })],
    three("Items with the same token and the same invoice are one offer."),
  ),
];

// ── Fields

const one = macaroon([["purpose=x"]]);
const other = macaroon([["purpose=y"]]);
const url = `${one.bytes.toString("base64url")}:${PREIMAGE.toUpperCase()}`;
const AMBIGUOUS = deny("ERR_TOKEN_AMBIGUOUS");
const TOO_LARGE = deny("ERR_TOKEN_TOO_LARGE");
const is = (caveats) => ({ ok: true, caveats });
const NOTHING = { ok: true, caveats: null };
const present = (title, fields, expect, sentence, spec = four) =>
  asked({
    title,
    form: "macaroon",
    needs: ["fields"],
    command: { do: "present", authorization: [], macaroon: [], ...fields },
    expect,
    spec: spec(sentence),
  });
const auth = (title, values, expect, sentence) =>
  present(title, { authorization: [values].flat() }, expect, sentence);
const ONE_OF_TWO =
  "| two elements (or lines) that are one credential, as aperture's client sends | that credential |";
const BESIDE = "What has no scheme belongs to the element before it, if it is `name=value`";
const TWO =
  "| two different credentials, or one beside an element that has no scheme, such as a list of macaroons (`L402 m,m:p`) | `ERR_TOKEN_AMBIGUOUS` |";
const ABSENT =
  "| missing, or with no element of the scheme `L402` or `LSAT` | no credential presented |";
const READER = "a reader accepts `L402` and `LSAT` in any case, and one or more blanks";
const hexed = (packet, preimage = PREIMAGE) =>
  macaroonBytes({
    key: root.key,
    location: LOCATION,
    identifier: identifierOf(),
    caveats: [...packet, ...(preimage ? [`preimage=${preimage}`] : [])],
  }).toString("hex");
const lnd = hexed(["purpose=x"]);
const grpc = (title, values, expect, sentence) =>
  present(title, { macaroon: [values].flat() }, expect, sentence);
const IN_HEX =
  "| no hex, a macaroon that page 1 refuses, or one without a `preimage` caveat | `ERR_TOKEN_MALFORMED`, `ERR_TOKEN_THIRD_PARTY` |";
const fields = [
  auth("L402", `L402 ${one.text}`, is(["purpose=x"]), READER),
  auth("LSAT", `lsat   ${one.text}`, is(["purpose=x"]), READER),
  auth("nothing", [], NOTHING, ABSENT),
  auth("Bearer alone", "Bearer abc", NOTHING, ABSENT),
  auth("twice", [`LSAT ${one.text}`, `L402 ${one.text}`], is(["purpose=x"]), ONE_OF_TWO),
  auth(
    "twice, in two spellings",
    [`L402 ${one.text}`, `L402 ${url}`],
    is(["purpose=x"]),
    "Two elements with one text are one. Otherwise they are one if both can be read, and have the same macaroon and preimage.",
  ),
  auth("two", [`L402 ${one.text}`, `L402 ${other.text}`], AMBIGUOUS, TWO),
  auth("beside Bearer", [`Bearer abc, L402 ${one.text}`], is(["purpose=x"]), BESIDE),
  auth(
    "before Digest",
    [`L402 ${one.text}, Digest username="a, b", realm="c"`],
    is(["purpose=x"]),
    BESIDE,
  ),
  auth("a list of macaroons", `L402 ${one.text.split(":")[0]},${one.text}`, AMBIGUOUS, TWO),
  auth(
    "more than 24,576 characters",
    `L402 ${one.text}, Bearer ${"a".repeat(24_576)}`,
    TOO_LARGE,
    "| more than 24,576 characters | `ERR_TOKEN_TOO_LARGE` |",
  ),
  auth(
    "other than ASCII",
    `L402 ${one.text}, Bearer é`,
    deny("ERR_TOKEN_MALFORMED"),
    "| other than visible ASCII, blank, tab; or no `<scheme> <text>` | `ERR_TOKEN_MALFORMED` |",
  ),
  grpc(
    "in hex",
    lnd,
    is(["purpose=x", `preimage=${PREIMAGE}`]),
    "the macaroon in hex, with its preimage in a caveat (page 1 §3)",
  ),
  grpc(
    "in upper case",
    lnd.toUpperCase(),
    is(["purpose=x", `preimage=${PREIMAGE}`]),
    "| two elements that are one in hex, in whatever case | that credential |",
  ),
  grpc(
    "twice, in two cases",
    [lnd, lnd.toUpperCase()],
    is(["purpose=x", `preimage=${PREIMAGE}`]),
    "| two elements that are one in hex, in whatever case | that credential |",
  ),
  grpc(
    "two",
    [lnd, hexed(["purpose=y"])],
    AMBIGUOUS,
    "| two different elements | `ERR_TOKEN_AMBIGUOUS` |",
  ),
  grpc("blanks alone", "  ", NOTHING, "| missing, or blanks alone | no credential presented |"),
  grpc("no hex", "zz", deny("ERR_TOKEN_MALFORMED"), IN_HEX),
  grpc("no preimage", hexed(["purpose=x"], ""), deny("ERR_TOKEN_MALFORMED"), IN_HEX),
  grpc(
    "12,188 digits",
    "02".repeat(6094),
    TOO_LARGE,
    "| more than 24,576 characters, or 12,186 in the one element | `ERR_TOKEN_TOO_LARGE` |",
  ),
  present(
    "two fields with one credential",
    {
      authorization: [`L402 ${Buffer.from(hex(lnd)).toString("base64")}:${PREIMAGE}`],
      macaroon: [lnd],
    },
    is(["purpose=x", `preimage=${PREIMAGE}`]),
    "Where both kinds of field present one, they are the same macaroon and the same preimage, or `ERR_TOKEN_AMBIGUOUS`; what cannot be read is not the same as anything.",
  ),
  present(
    "two fields with two credentials",
    { authorization: [`L402 ${one.text}`], macaroon: [lnd] },
    AMBIGUOUS,
    "A macaroon to which its preimage was appended is another macaroon than before.",
  ),
  present(
    "one of two fields that cannot be read",
    { authorization: [`L402 ${one.text}`], macaroon: ["zz"] },
    AMBIGUOUS,
    "what cannot be read is not the same as anything.",
  ),
];
// ── Issuers

const six = from("9-public-key", "6");
const A = "https://a.example";
const B = "https://b.example";
const said = (value, more = "") =>
  `L402 version="0", caveats="endpoints", issuers="${value}"${more}`;
const issuers = (title, given, expect, sentence, spec = six) =>
  asked({
    title,
    form: "biscuit",
    needs: ["issuers"],
    command: { do: "issuers", lines: [given].flat() },
    expect: { ok: true, issuers: expect },
    spec: spec(sentence),
  });
const LIST = "the origins with one blank between.";
const ALONE =
  "A reader takes `issuers` of the items of the scheme `L402` alone, in any case and order.";
const SKIPS =
  "It skips a list of a broken item, one that stands twice with two values, and one with more issuers or characters; and in a list, what is no origin.";
const listed = Array.from({ length: 17 }, (_, at) => `https://i${at}.example`);
const trusted = [
  issuers("issuers: of a bare challenge", said(`${A} ${B}`), [A, B], LIST),
  issuers(
    "issuers: of a challenge with something to pay",
    `${whole}, version="0", caveats="endpoints", issuers="${A}"`,
    [A],
    'A service that trusts issuers adds `, issuers="I"` at the end of the `L402` line: their origins, separated by one blank (page 9 §6).',
    from("3-challenge", "1"),
  ),
  issuers("issuers: none", 'L402 version="0", caveats="endpoints"', [], LIST),
  issuers("issuers: an empty list", said(""), [], LIST),
  issuers("issuers: in another case", `l402 ISSUERS="${A}"`, [A], ALONE),
  issuers("issuers: before the others", `L402 issuers="${A}", version="0"`, [A], ALONE),
  issuers("issuers: beside another scheme", ['Bearer realm="x"', said(A)], [A], ALONE),
  issuers("issuers: of another scheme", `LSAT issuers="${A}"`, [], ALONE),
  issuers("issuers: of two items", [said(A), said(B)], [A, B], ALONE),
  issuers("issuers: of a broken item", `L402 issuers="${A}", caveats="x`, [], SKIPS),
  issuers(
    "issuers: beside a broken item",
    [`L402 issuers="${A}", caveats="x`, said(B)],
    [B],
    SKIPS,
  ),
  issuers("issuers: twice with one value", said(A, `, issuers="${A}"`), [A], SKIPS),
  issuers("issuers: twice with two values", said(A, `, issuers="${B}"`), [], SKIPS),
  issuers("issuers: 16 of them", said(listed.slice(0, 16).join(" ")), listed.slice(0, 16), SKIPS),
  issuers("issuers: 17 of them", said(listed.join(" ")), [], SKIPS),
  issuers(
    "issuers: 1,025 characters",
    said(`${A} https://${"b".repeat(1025 - A.length - 9)}`),
    [],
    SKIPS,
  ),
  issuers(
    "issuers: what is no origin beside one",
    said(`treasury ${A} ftp://x.example`),
    [A],
    SKIPS,
  ),
];

export default { challenge: [...challenges, ...trusted], fields };
