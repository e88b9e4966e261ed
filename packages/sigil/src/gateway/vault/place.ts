/** Where a vendor wants its key: the one place where a secret becomes bytes of a request. */
import { UsageError } from "../../exit.ts";
import type { KeyPlace } from "../presets/preset.ts";
import { reveal, type Secret } from "./secret.ts";

/** What is added to a request. Log neither. */
export interface PlacedKey {
  /** Names and values of header fields. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** A part of a query, such as `key=abc`; undefined if the key stands in a field. */
  readonly query: string | undefined;
}

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What no query needs to escape (RFC 3986 §2.3). */
const UNRESERVED = /^[\w.~-]+$/;
/** RFC 6750 §2.1. Vendors' keys have more characters, but no white space. */
const BEARER = /^[\x21-\x7e]+$/;

/**
 * The header field, or the part of the query, with a secret in it.
 *
 * @throws UsageError if the secret or the name cannot stand there. It shows neither, so a key that
 * was written where a name belongs stays hidden
 */
export function place(secret: Secret, where: KeyPlace): PlacedKey {
  const value = reveal(secret);
  switch (where.kind) {
    case "bearer":
      if (!BEARER.test(value))
        throw new UsageError("The key has white space in it, so it cannot be a bearer token.");
      return field("authorization", `Bearer ${value}`);
    case "basic":
      // RFC 7617 §2: a key alone is the user's name, and the colon ends it.
      return field("authorization", `Basic ${btoa(value.includes(":") ? value : `${value}:`)}`);
    case "header":
      if (!TOKEN.test(where.name))
        throw new UsageError(
          "The name of the field for the key is no name of a header field. Write one such as x-api-key.",
        );
      return field(where.name.toLowerCase(), value);
    case "query":
      if (!UNRESERVED.test(where.name))
        throw new UsageError(
          "The name of the query parameter for the key must be letters and digits, such as key.",
        );
      return { headers: [], query: `${where.name}=${encodeURIComponent(value)}` };
  }
}

const NO_KEY: PlacedKey = { headers: [], query: undefined };

/** Undefined: a vendor that takes no key. */
export const placed = (
  lease: { readonly secret: Secret } | undefined,
  where: KeyPlace,
): PlacedKey => (lease === undefined ? NO_KEY : place(lease.secret, where));

/** A query, which may be empty, with a part added. */
export function withQuery(query: string, added: string | undefined): string {
  if (added === undefined) return query;
  return query === "" ? `?${added}` : `${query}&${added}`;
}

const field = (name: string, value: string): PlacedKey => ({
  headers: [[name, value]],
  query: undefined,
});
