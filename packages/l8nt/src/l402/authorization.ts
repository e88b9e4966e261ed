/** The `Authorization` header field: one credential, or none. spec/3-challenge.md §4. */
import { TokenError } from "../errors.ts";
import { elementsOf } from "../http/elements.ts";
import { isFieldText } from "../http/field-text.ts";
import { Credential } from "./credential.ts";

const PLAIN = /^L402 [A-Za-z0-9+/_=:-]+$/;
const ELEMENT = /^(l402|lsat) +(\S+)$/i;
/** The first element of a scheme: a name, a blank, and what it presents (RFC 9110 §11.4). */
const SCHEME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+ +[^\s=]/;
/** A further element of a scheme that lists its parameters, such as `Digest`. */
const PARAMETER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+[ \t]*=/;
const OURS = /^(?:l402|lsat)(?:[ \t]|$)/i;
/** No field without it has an element of ours. */
const MAY_MENTION = /(?:^|,)[ \t]*(?:l402|lsat)(?:[ \t]|$)/i;
export const MAX_FIELD_CHARACTERS = 24_576;

/**
 * The text of the credential in an `Authorization` field; undefined if the field has none of ours.
 * Several lines, joined by commas as `Headers` does, count as one if they carry the same
 * credential, which is how aperture's client sends it. An element of another scheme is the API's
 * own and no second credential. [case 8]
 *
 * @throws TokenError `ERR_TOKEN_AMBIGUOUS` for two different ones, `ERR_TOKEN_MALFORMED`,
 * `ERR_TOKEN_TOO_LARGE`
 */
export function readAuthorization(field: string | null | undefined): string | undefined {
  if (field === null || field === undefined) return undefined;
  // The form of nearly every client, read in one pass.
  if (field.length <= MAX_FIELD_CHARACTERS && PLAIN.test(field)) return field.slice("L402 ".length);
  if (!mentionsCredential(field)) return undefined;
  if (field.length > MAX_FIELD_CHARACTERS)
    throw new TokenError("ERR_TOKEN_TOO_LARGE", "The Authorization field is too long.");
  if (!isFieldText(field)) throw malformed();
  const [first, ...others] = textsIn(field);
  for (const other of others) {
    if (other === first) continue;
    if (other === undefined || first === undefined || !sameCredential(first, other))
      throw ambiguous();
  }
  if (first === undefined) throw malformed();
  return first;
}

interface Element {
  /** As it is written, with the blanks around it. */
  readonly raw: string;
  readonly whose: "ours" | "other" | "unknown";
}

/** The elements of the field, each with the scheme that it belongs to. */
function elementsIn(field: string): readonly Element[] {
  let scheme: Element["whose"] = "unknown";
  return elementsOf(field).map((raw) => {
    const element = raw.trim();
    if (OURS.test(element)) scheme = "ours";
    else if (SCHEME.test(element)) scheme = "other";
    else if (scheme === "other" && !PARAMETER.test(element)) scheme = "unknown";
    return { raw, whose: scheme };
  });
}

/** Of each element that is not another scheme's: its text, or undefined if it cannot be read. */
const textsIn = (field: string): readonly (string | undefined)[] =>
  elementsIn(field)
    .filter(({ whose }) => whose !== "other")
    .map(({ raw }) => ELEMENT.exec(raw.trim())?.[2]);

/**
 * The elements of other schemes in an `Authorization` field, each with its scheme: the API's own.
 * What belongs to no scheme is left out.
 */
export const otherSchemes = (field: string): readonly string[] =>
  elementsIn(field).flatMap(({ raw, whose }) => (whose === "other" ? raw.trim() : []));

/** The elements of other schemes in an `Authorization` value; undefined if all are ours. */
export function withoutOurs(field: string): string | undefined {
  if (!mentionsCredential(field)) return field;
  if (!field.includes(",")) return undefined;
  const kept = elementsIn(field).filter(({ whose }) => whose !== "ours");
  const left = kept
    .map(({ raw }) => raw)
    .join(",")
    .trim();
  return /[^, \t]/.test(left) ? left : undefined;
}

/** Whether an `Authorization` value has an element of ours, readable or not. */
export const mentionsCredential = (field: string): boolean =>
  MAY_MENTION.test(field) &&
  (!field.includes('"') || elementsOf(field).some((element) => OURS.test(element.trim())));

/** Whether two texts are one credential. A text that cannot be read equals nothing. */
export function sameCredential(a: string, b: string): boolean {
  try {
    return Credential.parse(a).toString() === Credential.parse(b).toString();
  } catch {
    return false;
  }
}

export const ambiguous = (): TokenError =>
  new TokenError("ERR_TOKEN_AMBIGUOUS", "The request presents two credentials; send exactly one.");

const malformed = (): TokenError =>
  new TokenError(
    "ERR_TOKEN_MALFORMED",
    "The Authorization field is not `L402 base64(macaroon):hex(preimage)`.",
  );

/**
 * The value of an `Authorization` field that presents a credential, or a text of another server's
 * form.
 *
 * @param scheme `"LSAT"` for a service that knows only the scheme's old name
 */
export const formatAuthorization = (
  credential: Credential | string,
  scheme: "L402" | "LSAT" = "L402",
): string => `${scheme} ${credential}`;
