/** The page on which an issuer publishes its keys. spec/9-public-key.md §6. */
import { type AdapterCode, AdapterError } from "../errors.ts";
import { type Bytes, hexBytes, hexText } from "../internal/bytes.ts";
import { KEY_BYTES } from "../internal/ed25519.ts";

export const KEYS_PATH = "/.well-known/biscuit-web-keys";
export const MAX_PAGE_BYTES = 65_536;
export const MAX_KEYS = 64;
export const MAX_KEY_ID = 0xffff_ffff;
/** The longest that a page is kept while it can be had, in seconds. */
export const MAX_AGE = 86_400;
const ALGORITHM = "ed25519";

export interface IssuerKey {
  readonly keyId: number;
  /** 32 bytes. */
  readonly publicKey: Bytes;
  /** Unix seconds; undefined for a key without an end. */
  readonly expiresAt?: number | undefined;
}

/** The text of an issuer's page. */
export const writeKeyPage = (issuer: string, keys: readonly IssuerKey[]): string =>
  JSON.stringify(
    keys.map(({ keyId, publicKey, expiresAt }) => ({
      algorithm: ALGORITHM,
      key_bytes: hexText(publicKey),
      key_id: keyId,
      issuer,
      ...(expiresAt !== undefined && { expires_at: dateText(expiresAt) }),
    })),
  );

type Wrong = AdapterCode extends infer Code
  ? Code extends `ERR_KEYS_${infer Name}`
    ? Name
    : never
  : never;

/** What is wrong with the page of an issuer. */
export const pageError = (wrong: Wrong, issuer: string, what: string, cause?: unknown) =>
  new AdapterError(`ERR_KEYS_${wrong}`, `The key page of ${issuer} ${what}.`, { cause });

/**
 * The keys on an issuer's page, by their numbers. Entries of other issuers and algorithms, and
 * those that cannot be read, are left out.
 *
 * @throws AdapterError `ERR_KEYS_MALFORMED` for a page that is no list, or has two keys with one
 * number; `ERR_KEYS_TOO_LARGE`; `ERR_KEYS_ISSUER` for one of other issuers
 */
export function readKeyPage(issuer: string, text: string): ReadonlyMap<number, IssuerKey> {
  const page = parsed(text);
  if (!Array.isArray(page)) throw pageError("MALFORMED", issuer, "is not a list in JSON");
  if (page.length > MAX_KEYS)
    throw pageError("TOO_LARGE", issuer, `has more than ${MAX_KEYS} keys`);
  if (page.length > 0 && page.every((entry) => isForeign(issuer, entry)))
    throw pageError("ISSUER", issuer, "has keys of other issuers alone");
  const keys = new Map<number, IssuerKey>();
  for (const entry of page) {
    const key = readEntry(issuer, entry);
    if (key === undefined) continue;
    if (keys.has(key.keyId))
      throw pageError("MALFORMED", issuer, `has two keys with the id ${key.keyId}`);
    keys.set(key.keyId, key);
  }
  return keys;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isForeign = (issuer: string, entry: unknown): boolean =>
  ((Object(entry) as Entry).issuer ?? issuer) !== issuer;

function readEntry(issuer: string, entry: unknown): IssuerKey | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const { algorithm, key_bytes, key_id, issuer: from = issuer, expires_at } = entry as Entry;
  const publicKey = typeof key_bytes === "string" ? hexBytes(key_bytes) : undefined;
  if (algorithm !== ALGORITHM || from !== issuer || publicKey?.length !== KEY_BYTES)
    return undefined;
  if (typeof key_id !== "number" || !Number.isInteger(key_id)) return undefined;
  if (key_id < 0 || key_id > MAX_KEY_ID) return undefined;
  if (expires_at === undefined || expires_at === null) return { keyId: key_id, publicKey };
  const expiresAt = typeof expires_at === "string" ? readDate(expires_at) : undefined;
  // A key whose end cannot be read has one.
  return expiresAt === undefined ? undefined : { keyId: key_id, publicKey, expiresAt };
}

const RFC_3339 = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Unix seconds of a date of RFC 3339; undefined for another text. */
export function readDate(text: string): number | undefined {
  const [, day = "", hour] = RFC_3339.exec(text) ?? [];
  // A day that its month does not have would be one of the next month.
  const midnight = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return undefined;
  const time = hour === "24" ? Number.NaN : Date.parse(text.toUpperCase().replace(" ", "T"));
  return Number.isNaN(time) ? undefined : time / 1000;
}

/** The last second that RFC 3339 can write. */
const LAST_DATE = Date.parse("9999-12-31T23:59:59Z") / 1000;

/**
 * What {@link readDate} reads.
 *
 * @param what the subject of the error's message
 * @throws TypeError for a time that RFC 3339 cannot write
 */
export function dateText(seconds: number, what = "a key's end"): string {
  if (!(seconds >= 0 && seconds <= LAST_DATE))
    throw new TypeError(`${what} must be before the year 10000`);
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

interface Entry {
  readonly algorithm?: unknown;
  readonly key_bytes?: unknown;
  readonly key_id?: unknown;
  readonly issuer?: unknown;
  readonly expires_at?: unknown;
}
