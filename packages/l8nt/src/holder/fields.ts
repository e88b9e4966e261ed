/**
 * The two fields of a signature of HTTP Message Signatures, in the profile of Web Bot Auth: what is
 * signed, and a strict reader. RFC 9421; spec/9-public-key.md §9.
 */
import { type Bytes, base64Bytes, base64Text, utf8 } from "../internal/bytes.ts";
import { sha256 } from "../internal/crypto.ts";

export const TAG = "web-bot-auth";
/** The public key, because a thumbprint does not tell it. */
export const KEY_FIELD = "sigil-holder";
/** What a signature adds to a request that has {@link KEY_FIELD}; a new one at each try. */
export const SIGNATURE_FIELDS: readonly string[] = [
  KEY_FIELD,
  "signature",
  "signature-input",
  "signature-agent",
  "content-digest",
];
/** The identifier of a component without parameters, as it is written. */
export const covered = (name: string): string => `"${name}"`;
/** The fields that may have the credential. */
const CREDENTIAL_FIELDS = ["authorization", "macaroon", "grpc-metadata-macaroon"];
/** Where SDKs of vendors put an API key, which is a credential at a gateway. */
export const API_KEY_FIELDS = ["x-api-key", "api-key", "x-goog-api-key"] as const;
const ALWAYS = ["@method", "@authority", "@path", "@query", KEY_FIELD].map(covered);

/**
 * What a signature of a request with these fields must cover.
 *
 * @param also fields that have the credential beside those of L402
 */
export const requiredIn = (headers: Headers, also: readonly string[] = []): readonly string[] => [
  ...ALWAYS,
  ...[...CREDENTIAL_FIELDS, ...also, "content-digest"]
    .filter((name) => headers.has(name))
    .map(covered),
];

export interface SignedRequest {
  readonly method: string;
  /** Host and port, the latter only if it is not the default one. */
  readonly authority: string;
  readonly path: string;
  /** With its question mark, which stands alone if there is no query. */
  readonly query: string;
  readonly headers: Headers;
}

export interface SignatureParams {
  readonly created: number;
  readonly expires: number;
  readonly nonce: string;
  readonly keyid: string;
}

export interface ReadSignature {
  /** Their identifiers. */
  readonly components: readonly string[];
  readonly params: SignatureParams;
  /** The value of `@signature-params`. */
  readonly text: string;
  readonly signature: Bytes;
}

/**
 * What is signed. RFC 9421 §2.5.
 *
 * @param values the value of a component, by its identifier
 * @returns undefined if a component is not there
 */
export function signatureBase(
  values: (identifier: string) => string | undefined,
  components: readonly string[],
  params: string,
): Bytes | undefined {
  let text = "";
  for (const identifier of components) {
    const value = values(identifier);
    if (value === undefined) return undefined;
    text += `${identifier}: ${value}\n`;
  }
  return utf8(`${text}"@signature-params": ${params}`);
}

/** The value of a component of a request; undefined if it is not there. */
export const componentsOf = (
  request: SignedRequest,
): ((identifier: string) => string | undefined) => {
  const derived: Readonly<Record<string, string>> = {
    "@method": request.method,
    "@authority": request.authority,
    "@path": request.path,
    "@query": request.query,
  };
  return (identifier) => {
    const [, name = "", label] = COMPONENT.exec(identifier)!;
    if (name.startsWith("@")) return derived[name];
    // `Headers` has trimmed it. A pattern that trims takes quadratic time.
    const value = request.headers.get(name) ?? undefined;
    if (label === undefined || value === undefined) return value;
    const [, key, member] = ONE_MEMBER.exec(value) ?? [];
    return key === label ? member : undefined;
  };
};

/** The value of `@signature-params`. Members without a value are left out. */
export const paramsText = (
  components: readonly string[],
  params: Readonly<Record<string, string | number>>,
): string =>
  [
    `(${components.join(" ")})`,
    ...Object.entries(params).map(([name, value]) =>
      typeof value === "number" ? `${name}=${value}` : `${name}="${value}"`,
    ),
  ].join(";");

const MAX_CHARACTERS = 4096;
const LABEL = "[a-z*][a-z0-9_.*-]*";
/** `signature-agent` is a dictionary, of which a signature covers its own member. */
const IDENTIFIER = `"(?:@?[a-z0-9_-]+|signature-agent";key="${LABEL})"`;
const COMPONENT = /^"([^"]+)"(?:;key="([^"]+)")?$/;
/** A dictionary of one text, as the text is written in the signature base. */
const ONE_MEMBER = new RegExp(`^(${LABEL})=("[ !#-[\\]-~]*"(?:;type=[a-z_]+)?)$`);
const INPUT = new RegExp(
  `^(${LABEL})=(\\((${IDENTIFIER}(?: ${IDENTIFIER})*)\\)((?:;[a-z]+=(?:[0-9]{1,15}|"[ !#-[\\]-~]*"))+))$`,
);
const SIGNATURE = new RegExp(`^(${LABEL})=:([A-Za-z0-9+/]{86}==):$`);
const PARAM = /;([a-z]+)=(?:([0-9]+)|"([^"]*)")/g;

/**
 * Reads the one signature of a request; undefined for anything but one in its canonical form, so
 * that its text is what was signed.
 */
export function readSignature(headers: Headers): ReadSignature | undefined {
  const field = headers.get("signature-input") ?? "";
  const proof = headers.get("signature") ?? "";
  if (field.length > MAX_CHARACTERS || proof.length > MAX_CHARACTERS) return undefined;
  const input = INPUT.exec(field);
  const given = SIGNATURE.exec(proof);
  if (input === null || given === null || input[1] !== given[1]) return undefined;
  const components = input[3]!.split(" ");
  if (new Set(components).size !== components.length) return undefined;
  const params = new Map<string, string | number>();
  for (const [, name, digits, text] of input[4]!.matchAll(PARAM)) {
    if (params.has(name!) || (digits !== undefined && /^0./.test(digits))) return undefined;
    params.set(name!, digits === undefined ? text! : Number(digits));
  }
  const signature = base64Bytes(given[2]!);
  const { created, expires, nonce, keyid, alg, tag, ...others } = Object.fromEntries(params);
  const isWhole =
    typeof created === "number" &&
    typeof expires === "number" &&
    typeof nonce === "string" &&
    typeof keyid === "string" &&
    tag === TAG &&
    (alg === undefined || alg === "ed25519") &&
    Object.keys(others).length === 0;
  if (!isWhole || signature === undefined) return undefined;
  return {
    components,
    params: { created, expires, nonce, keyid },
    text: input[2]!,
    signature,
  };
}

/** The thumbprint of an Ed25519 key. RFC 7638, RFC 8037 §2. */
export const thumbprintOf = (publicKey: Uint8Array): string =>
  base64Url(sha256(utf8(`{"crv":"Ed25519","kty":"OKP","x":"${base64Url(publicKey)}"}`)));

export const base64Url = (bytes: Uint8Array): string =>
  base64Text(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The `Content-Digest` of a body. RFC 9530. */
export const digestOf = (body: Uint8Array): string => `sha-256=:${base64Text(sha256(body))}:`;
