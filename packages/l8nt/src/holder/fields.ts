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
/** The fields that may have the credential. */
export const CREDENTIAL_FIELDS = ["authorization", "macaroon", "grpc-metadata-macaroon"] as const;
export const REQUIRED = ["@method", "@authority", "@path", "@query", KEY_FIELD] as const;

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
  readonly alg?: string;
  readonly tag: string;
}

export interface ReadSignature {
  readonly components: readonly string[];
  readonly params: SignatureParams;
  /** The value of `@signature-params`. */
  readonly text: string;
  readonly signature: Bytes;
}

/** @returns undefined if a component is not there */
export function signatureBase(
  request: SignedRequest,
  components: readonly string[],
  params: string,
): Bytes | undefined {
  const derived: Readonly<Record<string, string>> = {
    "@method": request.method,
    "@authority": request.authority,
    "@path": request.path,
    "@query": request.query,
  };
  let text = "";
  for (const name of components) {
    const value = name.startsWith("@")
      ? derived[name]
      : request.headers.get(name)?.replace(/^[ \t]+|[ \t]+$/g, "");
    if (value === undefined) return undefined;
    text += `"${name}": ${value}\n`;
  }
  return utf8(`${text}"@signature-params": ${params}`);
}

export const paramsText = (components: readonly string[], params: SignatureParams): string =>
  `(${components.map((name) => `"${name}"`).join(" ")});created=${params.created};expires=${params.expires};nonce="${params.nonce}";keyid="${params.keyid}";alg="ed25519";tag="${params.tag}"`;

const MAX_CHARACTERS = 4096;
const LABEL = "[a-z*][a-z0-9_.*-]*";
const INPUT = new RegExp(
  `^(${LABEL})=(\\(("[a-z0-9@_-]+"(?: "[a-z0-9@_-]+")*)\\)((?:;[a-z]+=(?:[0-9]{1,15}|"[ !#-[\\]-~]*"))+))$`,
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
  const components = input[3]!.slice(1, -1).split('" "');
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
    params: { created, expires, nonce, keyid, tag },
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
