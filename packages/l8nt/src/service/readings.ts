/**
 * What a price function read of a request: the hash over it tells the request that was priced from
 * every request that could have another price. spec/2-caveats.md §6.
 */
import { KEY_FIELD, SIGNATURE_FIELDS } from "../holder/fields.ts";
import { fieldNames, OF_ONE_HOP, OF_ONE_REQUEST } from "../http/hop.ts";
import { PREFER_FIELD, withoutNoInvoice } from "../http/prefer.ts";
import { utf8 } from "../internal/bytes.ts";
import { sha256Hex } from "../internal/crypto.ts";
import { withoutOurs } from "../l402/authorization.ts";
import { CREDENTIAL_FIELDS } from "../l402/index.ts";

/**
 * A treasury asks for a challenge without it, and presents what it bought with it. A price function
 * that copies all fields does not price by it.
 */
const ADDED_BY_BUYERS = "idempotency-key";

const NO_ROUTE_IN = fieldNames(OF_ONE_HOP, OF_ONE_REQUEST);

/**
 * Records reads. Two requests with one hash gave a price function the same answers to the same
 * questions, so at one time both have one price.
 */
export class Readings {
  readonly #method: string;
  readonly #url: string;
  /** The values of the fields that were read; null for one that the request does not have. */
  readonly #fields = new Map<string, string | null>();
  #hasReadAllFields = false;
  /** SHA-256 of the body, as bytes and as a value; undefined if it was not read so. */
  #bytes: string | undefined;
  #value: string | undefined;
  /** Reads of the body that have not ended, or have failed. */
  #unknown = 0;

  constructor(method: string, url: string) {
    this.#method = method;
    this.#url = url;
  }

  /**
   * The same fields, as an object that records what is read of them.
   *
   * @param check is called before a field is read, and may throw
   */
  fields(headers: Headers, check: (name: string) => void = () => {}): Headers {
    const record = (name: string): void => {
      check(name);
      this.#fields.set(name.toLowerCase(), fieldOf(headers, name));
    };
    const recordAll = (): void => {
      this.#hasReadAllFields = true;
      for (const name of headers.keys())
        if (name !== ADDED_BY_BUYERS && fieldOf(headers, name) !== null) record(name);
    };
    return new Proxy(headers, {
      get: (_, key) => {
        const value: unknown = Reflect.get(headers, key, headers);
        if (typeof value !== "function") return value;
        return (...given: unknown[]): unknown => {
          const [name] = given;
          // Every other method tells the names of fields that nobody asked for.
          if ((key === "get" || key === "has") && typeof name === "string") record(name);
          else recordAll();
          return Reflect.apply(value, headers, given);
        };
      },
    });
  }

  /**
   * Records that every field was read, as where any of them may have led to the route; but for
   * those that are others each time, or after another way.
   */
  everyField(headers: Headers): this {
    const kept = new Headers(headers);
    for (const name of headers.keys()) if (NO_ROUTE_IN.test(name)) kept.delete(name);
    this.fields(kept).keys();
    return this;
  }

  /** Records that the body is being read: until {@link body} it is not known. */
  reading(): void {
    this.#unknown++;
  }

  /** Records the bytes of a body that was being read. */
  body(bytes: Uint8Array): void {
    this.#unknown--;
    this.#bytes = sha256Hex(bytes);
  }

  /** Records a body that is there as a value. */
  value(value: unknown): void {
    const text = plainText(value);
    if (text === undefined) this.#unknown++;
    else this.#value = sha256Hex(utf8(text));
  }

  /**
   * 64 hex digits; undefined if the body was read and could not be, or is a value that JSON does
   * not hold.
   */
  hash(): string | undefined {
    if (this.#unknown > 0) return undefined;
    const fields = [...this.#fields].sort(([a], [b]) => (a < b ? -1 : 1));
    const read = [this.#bytes ?? null, this.#value ?? null, this.#hasReadAllFields, fields];
    return sha256Hex(utf8(JSON.stringify([this.#method, this.#url, ...read])));
  }
}

/** The fields without what differs between a request for a challenge and the one that is paid. */
export const withoutCredential = (headers: Headers): [name: string, value: string][] =>
  [...headers.keys()].flatMap((name): [name: string, value: string][] => {
    const value = fieldOf(headers, name);
    return value === null ? [] : [[name, value]];
  });

/**
 * The value of a field, without a credential of ours and without the preference for no invoice: the
 * request that asks for a challenge has neither, and the one that was paid for has both.
 */
function fieldOf(headers: Headers, name: string): string | null {
  const value = headers.get(name);
  const lower = name.toLowerCase();
  if (SIGNATURE_FIELDS.includes(lower) && headers.has(KEY_FIELD)) return null;
  if (lower === PREFER_FIELD) return withoutNoInvoice(value);
  if (!(CREDENTIAL_FIELDS as readonly string[]).includes(lower)) return value;
  if (value === null || lower !== "authorization") return null;
  return withoutOurs(value) ?? null;
}

/**
 * The JSON text of a value; undefined for a value that JSON does not hold as it is. A schema may
 * have made a `Map` or a `Date` of what was sent, and all maps have one text.
 */
function plainText(value: unknown): string | undefined {
  try {
    return isPlain(value) ? JSON.stringify(value) : undefined;
  } catch {
    // Too deep for the stack, or a value that refers to itself.
    return undefined;
  }
}

function isPlain(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return Array.from(value).every(isPlain);
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    (prototype === Object.prototype || prototype === null) && Object.values(value).every(isPlain)
  );
}
