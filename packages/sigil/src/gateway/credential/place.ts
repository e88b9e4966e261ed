/**
 * Where software puts an API key, and so where a credential is read, and where it is taken out of a
 * request before the vendor sees it.
 */
import { Credential } from "l8nt";
import { SIGNATURE_FIELDS } from "l8nt/holder";
import { otherSchemes, readAuthorization } from "l8nt/l402";
import { type Lines, valuesOf } from "../core/fields.ts";
import type { CredentialPlace } from "../presets/preset.ts";
import { hasCredential } from "./spelled.ts";

const PROTOCOL_FIELD = "sec-websocket-protocol";

/** Every field that any preset reads: no key reaches a vendor in it, no matter who made the key. */
export const KEY_FIELDS: ReadonlySet<string> = new Set([
  "authorization",
  "macaroon",
  "grpc-metadata-macaroon",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  PROTOCOL_FIELD,
]);

const API_KEY_PLACES = [
  { header: "x-api-key" },
  { header: "api-key" },
  { header: "x-goog-api-key" },
] as const satisfies readonly CredentialPlace[];

const KEY_PLACES: readonly CredentialPlace[] = ["bearer", "basic-user", ...API_KEY_PLACES];

const BEARER = /^bearer +(\S+)$/i;
const BASIC = /^basic +([A-Za-z0-9+/_-]+={0,2})$/i;

/** Its lines as one, as the library reads them; undefined if there is none. */
function authorizationOf(lines: Lines): string | undefined {
  const values = valuesOf(lines, "authorization");
  return values.length > 1 ? values.join(", ") : values[0];
}

/**
 * The text in `Authorization` that is meant for us by its scheme; undefined if there is none.
 * spec/3-challenge.md §4.
 *
 * @throws TokenError `ERR_TOKEN_AMBIGUOUS` for two different ones, `ERR_TOKEN_MALFORMED`,
 * `ERR_TOKEN_TOO_LARGE`
 */
export const namedIn = (lines: Lines): string | undefined =>
  readAuthorization(authorizationOf(lines));

/** The texts in one place of a request that could be a credential. */
export function textsIn(place: CredentialPlace, lines: Lines, query: string): readonly string[] {
  if (place === "bearer") return othersIn(lines).flatMap((one) => BEARER.exec(one)?.[1] ?? []);
  if (place === "basic-user") return othersIn(lines).flatMap((one) => userIn(one) ?? []);
  if ("header" in place) return valuesOf(lines, place.header).map((value) => value.trim());
  if ("query" in place) return new URLSearchParams(query).getAll(place.query);
  return protocolsIn(lines)
    .filter((protocol) => protocol.startsWith(place.subprotocol))
    .map((protocol) => protocol.slice(place.subprotocol.length));
}

const othersIn = (lines: Lines): readonly string[] => otherSchemes(authorizationOf(lines) ?? "");

/** The subprotocols that a WebSocket's client offers. */
const protocolsIn = (lines: Lines): readonly string[] =>
  valuesOf(lines, PROTOCOL_FIELD)
    .flatMap((value) => value.split(","))
    .map((protocol) => protocol.trim());

/** Those that carry no key, of any preset. */
export const withoutProtocolKeys = (lines: Lines): readonly string[] =>
  protocolsIn(lines).filter(
    (protocol) => !protocol.startsWith(OPENAI_PROTOCOL) && !hasCredential(protocol),
  );

/** As OpenAI's SDK offers a key where a browser lets it set no field. */
export const OPENAI_PROTOCOL = "openai-insecure-api-key.";

/** RFC 7617 §2: the first colon ends the user's name, and a key has none. */
function userIn(value: string): string | undefined {
  const digits = BASIC.exec(value)?.[1];
  return digits && Buffer.from(digits, "base64").toString("latin1").split(":", 1)[0];
}

/** Whether a field, by its name in lower case, is one that carries keys. */
export const isKeyField = (name: string): boolean => KEY_FIELDS.has(name);

const [HOLDER_FIELD = ""] = SIGNATURE_FIELDS;

/**
 * Tells, by a name in lower case, the fields of a request that are about its credential: those that
 * carry keys, and the signature by the key that the credential is bound to.
 */
export function ofCredential(lines: Lines): (name: string) => boolean {
  const isSigned = valuesOf(lines, HOLDER_FIELD).length > 0;
  return (name) => isKeyField(name) || (isSigned && SIGNATURE_FIELDS.includes(name));
}

/** Whether a text is in the key form, or a credential of any other. It proves nothing. */
export const isOurs = (text: string): boolean => text.startsWith("sk-sigil-") || isCredential(text);

/** Whether a text is a credential of any form. It proves nothing. */
function isCredential(text: string): boolean {
  try {
    return Credential.parse(text) !== undefined;
  } catch {
    return false;
  }
}

/** The fields with a credential in them beside `Authorization` and those of L402. */
export const credentialFieldsIn = (lines: Lines): readonly string[] =>
  [
    ...API_KEY_PLACES.map((place) => [place.header, place] as const),
    [PROTOCOL_FIELD, { subprotocol: OPENAI_PROTOCOL }] as const,
  ].flatMap(([name, place]) => (textsIn(place, lines, "").some(isCredential) ? [name] : []));

/** The texts in every field that any preset reads an API key from. */
export const keysIn = (lines: Lines): readonly string[] => [
  ...new Set(KEY_PLACES.flatMap((place) => textsIn(place, lines, ""))),
];

/** The query without credentials, and every other byte as it was. */
export function withoutQueryKeys(query: string, places: readonly CredentialPlace[]): string {
  if (query === "") return query;
  const names = places.flatMap((place) =>
    typeof place === "object" && "query" in place ? [place.query] : [],
  );
  if (names.length === 0) return query;
  const kept = query
    .slice(1)
    .split("&")
    .filter((pair) => ![...new URLSearchParams(pair).keys()].some((key) => names.includes(key)));
  return kept.join("&") === "" ? "" : `?${kept.join("&")}`;
}

/**
 * Where a credential stands that is not taken out before the request is sent; undefined if none
 * does. An agent that puts its key into every place that it knows would hand it to the vendor.
 */
export function strayKey(
  lines: Lines,
  path: string,
  query: string,
  places: readonly CredentialPlace[],
): string | undefined {
  for (let at = 0; at < lines.length; at += 2) {
    const name = lines[at]!.toLowerCase();
    if (!isKeyField(name) && hasCredential(lines[at + 1]!)) return `the header field ${name}`;
  }
  if (hasCredential(path)) return "the path";
  return hasCredential(withoutQueryKeys(query, places)) ? "the query" : undefined;
}
