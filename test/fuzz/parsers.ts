/** Every parser of text that another party writes, with the longest text that reaches it. */
import { decodeBlock, Symbols } from "../../packages/l8nt/src/biscuit/block.ts";
import { readEndpoints } from "../../packages/l8nt/src/caveat/endpoint.ts";
import {
  readOrigin,
  readPath,
  targetAt,
  targetOfUrl,
} from "../../packages/l8nt/src/caveat/target.ts";
import { readPage } from "../../packages/l8nt/src/feed/page.ts";
import { componentsOf, readSignature } from "../../packages/l8nt/src/holder/fields.ts";
import { parseJson } from "../../packages/l8nt/src/http/body.ts";
import { fingerprintOf, pricedFingerprintOf } from "../../packages/l8nt/src/http/fingerprint.ts";
import { readChallenges } from "../../packages/l8nt/src/http/header.ts";
import { relayed, requestFields } from "../../packages/l8nt/src/http/hop.ts";
import { repeatedName } from "../../packages/l8nt/src/http/json-text.ts";
import { base64Bytes, hexBytes, utf8, utf8Text } from "../../packages/l8nt/src/internal/bytes.ts";
import { Invoice } from "../../packages/l8nt/src/invoice/index.ts";
import {
  mentionsCredential,
  readAuthorization,
} from "../../packages/l8nt/src/l402/authorization.ts";
import { isLsatAlone } from "../../packages/l8nt/src/l402/challenge.ts";
import { Authority, Challenge, Credential } from "../../packages/l8nt/src/l402/index.ts";
import { readMacaroonField } from "../../packages/l8nt/src/l402/macaroon-field.ts";
import { withoutCredentials } from "../../packages/l8nt/src/l402/repeated.ts";
import { Macaroon } from "../../packages/l8nt/src/macaroon/index.ts";
import { Chain } from "../../packages/l8nt/src/receipt/chain.ts";
import { canonical } from "../../packages/l8nt/src/receipt/jcs.ts";
import { ReceiptKey, ReceiptSigner } from "../../packages/l8nt/src/receipt/key.ts";
import { pathClass } from "../../packages/l8nt/src/receipt/path-class.ts";
import { readStrictly } from "../../packages/l8nt/src/wire/codec.ts";
import { queryOf } from "../../packages/l8nt/src/wire/message.ts";
import { ownerPayments } from "../../packages/l8nt/src/wire/owner.ts";
import { errorOf } from "../../packages/l8nt/src/wire/problem.ts";
import { purchase } from "../../packages/l8nt/src/wire/purchase.ts";
import { ambiguity, readMessage } from "../../packages/sigil/src/mcp/message.ts";
import { printable, withoutSecrets } from "../../packages/sigil/src/secrecy.ts";
import { JSON_FAMILIES } from "./families.ts";
import { LOCATION, NOW, PREIMAGE, SECRET } from "./golden.ts";
import type { Parser } from "./linear.ts";

/** A head has 16 KiB at most on Node, and more elsewhere. */
const FIELD = 32_768;
/** Less than the longest: quadratic time shows long before. */
const BODY = 65_536;

const origin = readOrigin(LOCATION)!;
const url = new URL("https://api.example/");
const { publicKey } = await ReceiptSigner.fromSeed(new Uint8Array(32).fill(7));
const key = await ReceiptKey.of(publicKey);
const authority = new Authority({ secret: SECRET, location: LOCATION, kind: "spending" });
const root = authority.minter.mint({
  endpoints: ["* https://*:*/**"],
  budget: "1 sat",
  expiresIn: "1h",
});

/** What a holder can make of a credential: as many caveats as fit. */
function verifyWith(caveats: readonly string[]): void {
  const verified = authority.verifier.authenticate(root.append(caveats));
  verified.judge({ now: NOW, target: "self" });
  void [verified.nodes, verified.limits, verified.lineage, verified.validUntil, verified.caveats];
}

const order = (member: object) =>
  readStrictly(
    purchase.body!,
    { id: "0123456789", method: "GET", url: "https://api.example/", ...member },
    "purchase",
  );

const json = (text: string): unknown => {
  const value = parseJson(text);
  repeatedName(text);
  readStrictly(purchase.body!, value, "purchase");
  return value;
};

/** A family as it is, which is no JSON, as a string, and as a name. */
const IN_JSON = [
  (text: string) => text,
  (text: string) => JSON.stringify(text),
  (text: string) => `{"a":${JSON.stringify(text)},${JSON.stringify(text)}:1}`,
];

export const PARSERS: readonly Parser[] = [
  {
    name: "Authorization",
    maxLength: FIELD,
    around: [
      (text) => text,
      (text) => `L402 ${text}`,
      (text) => `L402 ${text}:${PREIMAGE}`,
      (text) => `Basic x, ${text}, L402 a:b`,
    ],
    run: (text) => [mentionsCredential(text), readAuthorization(text)],
  },
  { name: "Macaroon", maxLength: FIELD, run: readMacaroonField },
  {
    name: "Signature-Input",
    maxLength: FIELD,
    around: [
      (text) => text,
      (text) => `sig1=("@path" ${text});created=1`,
      (text) => `sig1=("@path");created=1;nonce="${text}"`,
      (text) => `sig1=("signature-agent";key="${text}")`,
    ],
    run: (text) =>
      readSignature(
        new Headers({ "signature-input": text, signature: `sig1=:${"A".repeat(86)}==:` }),
      ),
  },
  {
    name: "Signature-Agent",
    maxLength: FIELD,
    around: [(text) => text, (text) => `sig1="${text}"`, (text) => `sig1="a";type=${text}`],
    run: (text) =>
      componentsOf({
        ...{ method: "GET", authority: "a", path: "/", query: "?" },
        headers: new Headers({ "signature-agent": text }),
      })('"signature-agent";key="sig1"'),
  },
  {
    name: "WWW-Authenticate",
    maxLength: FIELD,
    around: [
      (text) => text,
      (text) => `L402 macaroon="${text}", invoice="lnbc1"`,
      (text) => `L402 ${text}`,
      (text) => `L402 macaroon=AgE, invoice=${text}`,
    ],
    run: (text) => {
      readChallenges(text);
      isLsatAlone(text);
      return Challenge.parse(text);
    },
  },
  {
    name: "credential",
    maxLength: FIELD,
    around: [(text) => text, (text) => `${text}:${PREIMAGE}`],
    run: (text) => Credential.parse(text),
  },
  {
    // A whole credential of this form has 8,192 characters at most, too few to see how time grows.
    name: "block of the public-key form",
    maxLength: FIELD,
    around: [
      (text) => text,
      // Of its version, and of many facts, or checks.
      (text) => `\x18\x03${'"\x04\n\x02\b\0'.repeat(text.length / 6)}`,
      (text) => `\x18\x03${"2\x06\n\x04\n\x02\b\x1b".repeat(text.length / 8)}`,
    ],
    run: (text) => decodeBlock(utf8(text), new Symbols()),
  },
  {
    name: "one caveat",
    maxLength: 14_000,
    around: [
      (text) => text,
      ...authority.vocabulary.names.map((name) => (text: string) => `${name}=${text}`),
    ],
    run: (text) => verifyWith([text]),
  },
  {
    name: "many caveats",
    maxLength: 12_000,
    around: [
      ...[
        "",
        "agent=a.00000000",
        "endpoints=* https://*:*/**",
        "budget=1",
        "valid_until=2000000000",
      ]
        .concat(authority.vocabulary.names.map((name) => `${name}=1`))
        .map(
          (caveat) => (text: string) =>
            Array(Math.ceil(text.length / (caveat.length + 8)))
              .fill(caveat)
              .join("\n"),
        ),
    ],
    run: (text) => verifyWith(text.split("\n")),
  },
  {
    name: "macaroon",
    maxLength: FIELD,
    run: (text) => Macaroon.decode(utf8(text)),
  },
  {
    name: "invoice",
    maxLength: FIELD,
    around: [
      (text) => text,
      (text) => `lnbc${text}`,
      (text) => `lnbc1${text}`,
      (text) => `lightning:${text}`,
    ],
    run: (text) => Invoice.decode(text),
  },
  {
    name: "endpoints",
    maxLength: FIELD,
    around: [
      (text) => text,
      (text) => `${text} https://a/`,
      (text) => `GET https://${text}/`,
      (text) => `GET https://a:${text}/`,
      (text) => `GET https://a/${text}`,
    ],
    run: (text) => readEndpoints(text),
  },
  {
    name: "target",
    maxLength: BODY,
    around: [(text) => text, (text) => `/${text}`, (text) => `/?${text}`],
    run: (text) => {
      readPath(text);
      targetAt("GET", origin, text);
      targetAt(text, origin, "/");
      pathClass(text);
    },
  },
  {
    name: "target of a URL",
    maxLength: FIELD,
    around: [
      (text) => `https://a/${text}`,
      (text) => `https://${text}/`,
      (text) => `https://a/%${"25".repeat(text.length / 2)}`,
    ],
    run: (text) => targetOfUrl("GET", new URL(text)),
  },
  {
    name: "header fields of an order",
    maxLength: BODY,
    around: [(text) => text.replace(/[^\t\x20-\x7e]/g, ".")],
    run: (text) => {
      order({ headers: [["connection", text]] });
      requestFields([["connection", text]]);
      requestFields([[`x-${text}`, "x"]]);
      fingerprintOf(
        {
          method: "GET",
          headers: [
            ["x", text],
            ["content-type", text],
          ],
        },
        url,
      );
    },
  },
  {
    name: "many header fields of an order",
    maxLength: BODY,
    run: (text) => {
      const headers = text.split(",").map((value, at) => [`x-${at}`, value] as const);
      order({ headers });
      requestFields(headers);
      fingerprintOf({ method: "GET", headers }, url);
    },
  },
  {
    name: "header fields of an answer",
    maxLength: FIELD,
    around: [(text) => text.replace(/[^\t\x20-\x7e]/g, ".")],
    run: (text) =>
      relayed(new Response("", { headers: { connection: text, "content-encoding": text } })),
  },
  {
    name: "JSON of an order",
    maxLength: BODY,
    around: IN_JSON,
    families: JSON_FAMILIES,
    run: json,
  },
  {
    name: "body that is priced",
    maxLength: BODY,
    around: IN_JSON,
    families: JSON_FAMILIES,
    run: (text) =>
      pricedFingerprintOf(
        { method: "POST", headers: [["content-type", "application/json"]], body: utf8(text) },
        url,
      ),
  },
  { name: "base64", maxLength: BODY, run: (text) => [base64Bytes(text), hexBytes(text)] },
  { name: "UTF-8", maxLength: BODY, run: (text) => utf8Text(utf8(text)) },
  {
    name: "query",
    maxLength: 16_384,
    around: [(text) => text, (text) => `a=${text}`, (text) => "a&".repeat(text.length / 2)],
    run: (text) => queryOf(new URLSearchParams(text), ownerPayments.query!),
  },
  {
    name: "problem",
    maxLength: BODY,
    around: IN_JSON,
    families: JSON_FAMILIES,
    run: (text) => {
      const problem = parseJson(text);
      errorOf(problem);
      errorOf({ code: "ERR_BUDGET", detail: text, refusals: problem });
    },
  },
  {
    name: "page of a feed",
    maxLength: BODY,
    around: IN_JSON,
    families: JSON_FAMILIES,
    run: (text) => readPage(text, key),
  },
  {
    name: "receipt",
    maxLength: FIELD,
    around: IN_JSON,
    families: JSON_FAMILIES,
    run: (text) => new Chain(key).read(text),
  },
  {
    name: "canonical JSON",
    maxLength: FIELD,
    around: IN_JSON,
    families: JSON_FAMILIES,
    run: (text) => canonical(JSON.parse(text)),
  },
  { name: "text that is shown to a model", maxLength: BODY, run: withoutCredentials },
  {
    name: "line of MCP",
    maxLength: BODY,
    around: IN_JSON,
    families: JSON_FAMILIES,
    run: (text) => {
      const message = readMessage(text);
      return message && ambiguity(text, message);
    },
  },
  {
    name: "text at the terminal",
    maxLength: FIELD,
    run: (text) => [withoutSecrets(text), printable(text)],
  },
];
