/**
 * Where software puts an API key, and so where a credential is read, and where it is taken out of a
 * request before the vendor sees it.
 */
import { type Lines, valuesOf, without } from "../core/fields.ts";

/** A field by its name in lower case, or a key of the query. */
export type CredentialPlace =
  | { readonly in: "bearer" | "basic" }
  | { readonly in: "header"; readonly name: string }
  | { readonly in: "query"; readonly name: string };

/** Every field that any preset reads: a key of ours, or of somebody else, reaches no vendor in it. */
const KEY_FIELDS: ReadonlySet<string> = new Set([
  "authorization",
  "macaroon",
  "grpc-metadata-macaroon",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
]);

const BEARER = /^bearer +(\S+) *$/i;
const BASIC = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i;

/** The texts in one place of a request that could be a credential. */
export function textsIn(place: CredentialPlace, lines: Lines, query: string): readonly string[] {
  switch (place.in) {
    case "bearer":
      return valuesOf(lines, "authorization").flatMap((value) => BEARER.exec(value)?.[1] ?? []);
    case "basic":
      return valuesOf(lines, "authorization").flatMap((value) => {
        const digits = BASIC.exec(value)?.[1];
        // RFC 7617 §2: the first colon ends the user's name, and a key has none.
        const name = digits && Buffer.from(digits, "base64").toString("latin1").split(":", 1)[0];
        return name || [];
      });
    case "header":
      return valuesOf(lines, place.name).map((value) => value.trim());
    case "query":
      return new URLSearchParams(query).getAll(place.name);
  }
}

/** The fields without any key. */
export const withoutKeys = (lines: Lines): string[] =>
  without(lines, (name) => KEY_FIELDS.has(name));

/** The query without the values of `name`, and every other byte as it was. */
export function withoutQueryKey(query: string, name: string): string {
  const kept = query
    .slice(1)
    .split("&")
    .filter((pair) => {
      const [key] = new URLSearchParams(pair).keys();
      return key !== name;
    });
  return kept.length === 0 || (kept.length === 1 && kept[0] === "") ? "" : `?${kept.join("&")}`;
}
