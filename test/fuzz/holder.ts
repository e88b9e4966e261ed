/** The fields of a holder's signature: golden ones of a fixed key and time. */
import {
  componentsOf,
  digestOf,
  KEY_FIELD,
  paramsText,
  type ReadSignature,
  readSignature,
  requiredIn,
  signatureBase,
  TAG,
  thumbprintOf,
} from "../../packages/l8nt/src/holder/fields.ts";
import { hexText, utf8 } from "../../packages/l8nt/src/internal/bytes.ts";
import { signerOf, verify } from "../../packages/l8nt/src/internal/ed25519.ts";
import { damage, pick } from "./mutate.ts";
import { must, type Target } from "./outcomes.ts";

const signer = signerOf(new Uint8Array(32).fill(7));
const keyid = thumbprintOf(signer.publicKey);
/** An input has one line for each. */
const NAMES = ["signature-input", "signature", "content-digest", "signature-agent"] as const;

const fixed = { method: "POST", authority: "api.example", path: "/a", query: "?b=c" };
const AGENT = '"signature-agent";key="sig1"';

function headersOf(lines: readonly string[]): Headers | undefined {
  const headers = new Headers({
    authorization: "L402 x:y",
    [KEY_FIELD]: hexText(signer.publicKey),
  });
  try {
    for (const [at, name] of NAMES.entries()) if (lines[at]) headers.set(name, lines[at]);
  } catch {
    return undefined;
  }
  return headers;
}

/** Its lines, with a signature. */
function signed(body: string, agent: string, nonce: string, more: readonly string[]): string {
  const digest = body === "" ? "" : digestOf(utf8(body));
  const headers = headersOf(["", "", digest, agent])!;
  const components = [...requiredIn(headers), ...more];
  const params = { created: 1_800_000_000, expires: 1_800_000_120, nonce, keyid, tag: TAG };
  const text = paramsText(components, params);
  const base = signatureBase(componentsOf({ ...fixed, headers }), components, text)!;
  const signature = Buffer.from(signer.sign(base)).toString("base64");
  return [`sig1=${text}`, `sig1=:${signature}:`, digest, agent].join("\n");
}

const golden = [
  signed("", "", "n1", []),
  signed("{}", "", "n2", []),
  signed("[1]", 'sig1="https://agent.example"', "n3", [AGENT]),
  signed("", '"https://agent.example"', "n4", ['"signature-agent"']),
];
/** What is covered of an input, or says what is. */
const said = (headers: Headers): string =>
  NAMES.slice(0, 3)
    .map((name) => headers.get(name) ?? "")
    .join("\n");
const genuine = new Set(golden.map((text) => said(headersOf(text.split("\n"))!)));
const words = [
  '"@authority"',
  '"@query-param";name="b"',
  ';key="sig1"',
  ";req",
  ";bs",
  ";created=0",
  ';alg="ed25519"',
  ';tag="web-bot-auth"',
  "sig1=",
  "sig2=",
  ", ",
  ":",
  "==:",
  "()",
  '\\"',
  "\t",
  "é",
  "\n",
];

/** Whether the field is what was read, so that nothing of it is left out of what was signed. */
const isWhole = (field: string, { components, text }: ReadSignature): boolean =>
  field.endsWith(`=${text}`) && text.startsWith(`(${components.join(" ")});`);

export const holder: Target = {
  input: (random) => damage(pick(random, golden), random, words, golden),
  run(input) {
    const headers = headersOf(input.split("\n"));
    if (headers === undefined) return "no fields";
    const read = readSignature(headers);
    if (read === undefined) return "refused";
    const { components, text, signature } = read;
    must(isWhole(headers.get("signature-input")!, read), "a part of the field is not signed");
    if (!requiredIn(headers).every((one) => components.includes(one))) return "not covered";
    const base = signatureBase(componentsOf({ ...fixed, headers }), components, text);
    if (base === undefined) return "covers what is not there";
    if (!verify(signer.publicKey, base, signature)) return "forged";
    must(genuine.has(said(headers)), "a forgery verifies");
    return "genuine";
  },
};
