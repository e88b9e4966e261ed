/**
 * The key directory of Web Bot Auth: an agent's public keys, signed by each of them for the origin
 * that publishes them. spec/9-public-key.md §9.
 */
import { type Bytes, base64Text, utf8 } from "../internal/bytes.ts";
import { covered, digestOf, paramsText, signatureBase } from "./fields.ts";

const TYPE = "application/http-message-signatures-directory+json";
const DIRECTORY_TAG = "http-message-signatures-directory";
const LIFE_SECONDS = 86_400;
/** How long a verifier keeps what it fetched. */
const KEPT_SECONDS = 3600;
/** The host of the request that is answered: nobody can publish the keys as another origin's. */
const AUTHORITY = '"@authority";req';

export interface PublishedKey {
  readonly thumbprint: string;
  /** The public key, as a JWK has it. */
  readonly x: string;
  sign(base: Uint8Array): Bytes;
}

/** @param created Unix seconds, whole */
export function directoryResponse(
  keys: readonly PublishedKey[],
  origin: string,
  created: number,
): Response {
  const jwks = keys.map(({ thumbprint: kid, x }) => ({
    kty: "OKP",
    crv: "Ed25519",
    kid,
    x,
    use: "sig",
  }));
  const body = utf8(JSON.stringify({ keys: jwks }));
  const digest = digestOf(body);
  const values: Readonly<Record<string, string>> = {
    [AUTHORITY]: new URL(origin).host,
    [covered("content-digest")]: digest,
  };
  const components = Object.keys(values);
  const inputs: string[] = [];
  const signatures: string[] = [];
  for (const [index, { thumbprint: keyid, sign }] of keys.entries()) {
    const params = paramsText(components, {
      created,
      expires: created + LIFE_SECONDS,
      keyid,
      tag: DIRECTORY_TAG,
    });
    const base = signatureBase((identifier) => values[identifier], components, params)!;
    inputs.push(`sig${index + 1}=${params}`);
    signatures.push(`sig${index + 1}=:${base64Text(sign(base))}:`);
  }
  return new Response(body, {
    headers: {
      "content-type": TYPE,
      "cache-control": `max-age=${KEPT_SECONDS}`,
      "content-digest": digest,
      "signature-input": inputs.join(", "),
      signature: signatures.join(", "),
    },
  });
}
