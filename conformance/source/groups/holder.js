/** spec/9-public-key.md §9: whose signature a request has. */
import { publicKeyOf, signed } from "../lib/biscuit.js";
import { sha256 } from "../lib/macaroon.js";
import { asked, deny, from, LOCATION, macaroon, NOW, OTHER_SEED, ok, SEED } from "../lib/world.js";

const spec = from("9-public-key", "9");
const REFUSED = deny("ERR_HOLDER");
const thumbprintOf = (key) =>
  sha256(`{"crv":"Ed25519","kty":"OKP","x":"${key.toString("base64url")}"}`).toString("base64url");
const KEY = publicKeyOf(SEED);
const HOLDER = thumbprintOf(KEY);
const OTHER = thumbprintOf(publicKeyOf(OTHER_SEED));
const COVERED = ["@method", "@authority", "@path", "@query", "sigil-holder"];
const digest = (body) => `sha-256=:${sha256(body).toString("base64")}:`;
const PARAMETERS = {
  ...{ created: NOW, expires: NOW + 60, nonce: '"n1"', keyid: `"${HOLDER}"` },
  ...{ alg: '"ed25519"', tag: '"web-bot-auth"' },
};

/**
 * A request and its signature over RFC 9421's base.
 *
 * @param signedAs what stands in the base in place of what is sent
 * @param change of the two fields of the signature
 */
function request({
  method = "GET",
  target = "/a?x=1",
  body = "",
  fields = {},
  covered = COVERED,
  more = [],
  parameters = {},
  order = Object.keys({ ...PARAMETERS, ...parameters }),
  seed = SEED,
  key = publicKeyOf(seed).toString("hex"),
  label = "sig1",
  signedAs = {},
  change = (two) => two,
} = {}) {
  const sent = { ...(key !== null && { "sigil-holder": key }), ...fields };
  const values = { ...PARAMETERS, ...parameters };
  const components = [...covered, ...more];
  const text = `(${components.map((name) => `"${name}"`).join(" ")})${order
    .filter((name) => values[name] !== undefined)
    .map((name) => `;${name}=${values[name]}`)
    .join("")}`;
  const [path, query] = target.split(/(?=\?)/);
  const derived = {
    ...{ "@method": method, "@authority": "api.example", "@path": path, "@query": query ?? "?" },
    ...sent,
    ...signedAs,
  };
  const base = components.map((name) => `"${name}": ${derived[name]}\n`).join("");
  const signature = signed(seed, Buffer.from(`${base}"@signature-params": ${text}`));
  const two = change({
    "signature-input": `${label}=${text}`,
    signature: `${label}=:${signature.toString("base64")}:`,
  });
  const all = Object.entries({ ...sent, ...two });
  return { method, target, body: Buffer.from(body).toString("hex"), fields: all };
}
const holder = (title, requests, expect, sentence, more = {}) =>
  asked({
    title,
    form: "macaroon",
    needs: ["holder signatures"],
    command: {
      ...{ do: "holder", location: LOCATION, thumbprints: [HOLDER], now: NOW },
      requests: [requests].flat(),
      ...more,
    },
    expect,
    spec: spec(sentence),
  });
const good = (title, given, sentence, more) => holder(title, request(given), ok, sentence, more);
const bad = (title, given, sentence, more) =>
  holder(title, request(given), REFUSED, sentence, more);

const MEMBERS =
  "`Signature-Input` and `Signature` have one member each, of the same label, in the canonical form of RFC 8941, of at most 4,096 characters each";
const ONCE = "each once, and `alg` or not; in any order, and no others.";
const TAG =
  '`tag` is `"web-bot-auth"`, `alg` is `"ed25519"`, `keyid` the thumbprint of the caveat and of the key in `Sigil-Holder`.';
const COVERS =
  'Covered, each once: `"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"sigil-holder"`;';
const FIELDS =
  'each of `"authorization"`, `"macaroon"` and `"grpc-metadata-macaroon"` that the request has;';
const CONTENT = '`"content-digest"` if there is content.';
const MORE = "Other fields may be, without parameters;";
const AGENT = "if that field is the canonical form of a dictionary with this one member, a text";
const OWN =
  "`@authority` and `@path` are those of the verifier's own location, whatever `Host` a proxy wrote, with the path of the location as it is written or in its canonical form; `@query` is `?` where there is none";
const DIGEST = "`Content-Digest` (RFC 9530) has `sha-256` alone, of the content as it was sent.";
const FRESH =
  "When the request arrives, `created` is at most 60 seconds ahead and 300 seconds ago, and `expires` is not over";
const RIGHT = "| The signature is right (Ed25519, as in §1) | `ERR_HOLDER` |";
const NONCE = "`nonce`, 1 to 128 characters, was not seen with this key before.";
const VERIFIED = "A nonce is kept, once its signature was verified,";
const DIGITS = "It has the public key in `Sigil-Holder`, 64 lower-case hex digits,";
const credential = `L402 ${macaroon([[`holder=${HOLDER}`]]).text}`;
const content = (body, value = digest(body), more = {}) => ({
  ...{ method: "POST", body, fields: { "content-digest": value }, more: ["content-digest"] },
  ...more,
});
const created = (at) => ({ parameters: { created: at, expires: NOW + 400 } });

export default [
  good("a signed request", {}, RIGHT),
  good("without a query", { target: "/a" }, OWN),
  good("with an empty query", { target: "/a?" }, OWN),
  bad("a query that is signed as nothing", { target: "/a", signedAs: { "@query": "" } }, OWN),
  good("another label", { label: "a" }, MEMBERS),
  bad("no signature", { change: () => ({}) }, RIGHT),
  bad("no Signature", { change: ({ signature: _, ...rest }) => rest }, MEMBERS),
  bad(
    "two labels",
    { change: (two) => ({ ...two, signature: two.signature.replace("sig1", "sig2") }) },
    MEMBERS,
  ),
  bad(
    "two members",
    {
      change: (two) => ({ ...two, "signature-input": `${two["signature-input"]}, a=("@method")` }),
    },
    MEMBERS,
  ),
  bad(
    "a blank that is not canonical",
    { change: (two) => ({ ...two, "signature-input": two["signature-input"].replace(" ", "  ") }) },
    MEMBERS,
  ),
  bad(
    "more than 4,096 characters",
    { fields: { ["x".repeat(4096)]: "1" }, more: ["x".repeat(4096)] },
    MEMBERS,
  ),
  ...["created", "expires", "nonce", "keyid", "tag"].map((name) =>
    bad(`no ${name}`, { parameters: { [name]: undefined } }, ONCE),
  ),
  good("no alg", { parameters: { alg: undefined } }, ONCE),
  good("parameters in another order", { order: Object.keys(PARAMETERS).reverse() }, ONCE),
  bad("another parameter", { parameters: { other: "1" } }, ONCE),
  bad("a parameter twice", { order: [...Object.keys(PARAMETERS), "created"] }, ONCE),
  bad("another tag", { parameters: { tag: '"other"' } }, TAG),
  bad("another alg", { parameters: { alg: '"rsa-pss-sha512"' } }, TAG),
  bad("a keyid of another key", { parameters: { keyid: `"${OTHER}"` } }, TAG),
  bad("another holder's request", { seed: OTHER_SEED, parameters: { keyid: `"${OTHER}"` } }, TAG),
  bad("the key of another holder", { key: publicKeyOf(OTHER_SEED).toString("hex") }, TAG),
  holder("two holders that differ", request(), REFUSED, "so two different ones deny everybody.", {
    thumbprints: [HOLDER, OTHER],
  }),
  holder("one holder twice", request(), ok, "all `holder` caveats of a chain must hold,", {
    thumbprints: [HOLDER, HOLDER],
  }),
  bad("a text with a backslash", { parameters: { nonce: '"a\\"b"' } }, "A text has no backslash"),
  bad("no key", { key: null, covered: COVERED.slice(0, 4) }, DIGITS),
  bad("the key in upper case", { key: KEY.toString("hex").toUpperCase() }, DIGITS),
  ...COVERED.map((name) =>
    bad(`${name} is not covered`, { covered: COVERED.filter((one) => one !== name) }, COVERS),
  ),
  bad("a component twice", { more: ["@method"] }, COVERS),
  good("components in another order", { covered: [...COVERED].reverse() }, COVERS),
  ...["authorization", "macaroon", "grpc-metadata-macaroon"].flatMap((name) => [
    good(`${name}, covered`, { fields: { [name]: credential }, more: [name] }, FIELDS),
    bad(`${name}, not covered`, { fields: { [name]: credential } }, FIELDS),
  ]),
  bad(
    "another credential than was signed",
    {
      fields: { authorization: credential },
      more: ["authorization"],
      signedAs: { authorization: "L402 x" },
    },
    FIELDS,
  ),
  good("content", content("hello"), CONTENT),
  bad("content without its digest", { method: "POST", body: "hello" }, CONTENT),
  bad("a digest that is not covered", { ...content("hello"), more: [] }, CONTENT),
  bad("other content than its digest", { ...content("hello"), body: "hallo" }, DIGEST),
  bad(
    "a digest of another algorithm",
    content("hello", `sha-512=:${Buffer.alloc(64).toString("base64")}:`),
    DIGEST,
  ),
  bad(
    "two digests",
    content("hello", `${digest("hello")}, sha-512=:${Buffer.alloc(64).toString("base64")}:`),
    DIGEST,
  ),
  good(
    "another field that is covered",
    { fields: { "signature-agent": '"https://agent.example"' }, more: ["signature-agent"] },
    MORE,
  ),
  good(
    "a member of Signature-Agent that is covered",
    {
      fields: { "signature-agent": 'a="https://agent.example"' },
      // The quotes around a name stand where the parameter ends.
      more: ['signature-agent";key="a'],
      signedAs: { 'signature-agent";key="a': '"https://agent.example"' },
    },
    AGENT,
  ),
  bad(
    "a member of Signature-Agent that is not there",
    {
      fields: { "signature-agent": 'a="https://agent.example"' },
      more: ['signature-agent";key="b'],
      signedAs: { 'signature-agent";key="b': '"https://agent.example"' },
    },
    AGENT,
  ),
  good("another field that is not covered", { fields: { "x-other": "1" } }, MORE),
  bad(
    "a field that is covered and not sent",
    { more: ["x-other"], signedAs: { "x-other": "1" } },
    MORE,
  ),
  bad("signed for another host", { signedAs: { "@authority": "other.example" } }, OWN),
  bad("signed for another path", { signedAs: { "@path": "/b" } }, OWN),
  bad("signed for another query", { signedAs: { "@query": "?x=2" } }, OWN),
  bad("signed for another method", { signedAs: { "@method": "POST" } }, RIGHT),
  good("a Host that a proxy wrote", { fields: { host: "10.0.0.1" } }, OWN),
  good("a location with a port", { signedAs: { "@authority": "api.example:8443" } }, OWN, {
    location: "https://api.example:8443",
  }),
  good("a location with a path", { signedAs: { "@path": "/base/a" } }, OWN, {
    location: "https://api.example/base",
  }),
  good("60 seconds ahead", created(NOW + 60), FRESH),
  bad("61 seconds ahead", created(NOW + 61), FRESH),
  good("300 seconds ago", created(NOW - 300), FRESH),
  bad("301 seconds ago", created(NOW - 301), FRESH),
  good("at its last second", { parameters: { expires: NOW + 1 } }, FRESH),
  bad("over", { parameters: { expires: NOW } }, FRESH),
  bad("signed with another key", { seed: OTHER_SEED, key: KEY.toString("hex") }, RIGHT),
  good("a nonce of 128 characters", { parameters: { nonce: `"${"n".repeat(128)}"` } }, NONCE),
  bad("a nonce of 129 characters", { parameters: { nonce: `"${"n".repeat(129)}"` } }, NONCE),
  bad("an empty nonce", { parameters: { nonce: '""' } }, NONCE),
  holder("a request again", [request(), request()], REFUSED, NONCE),
  holder("another request with its nonce", [request(), request({ target: "/b" })], REFUSED, NONCE),
  holder("another nonce", [request(), request({ parameters: { nonce: '"n2"' } })], ok, NONCE),
  holder(
    "the nonce of a signature that was wrong",
    [request({ signedAs: { "@path": "/b" } }), request()],
    ok,
    VERIFIED,
  ),
];
