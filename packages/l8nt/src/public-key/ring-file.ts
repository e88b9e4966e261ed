/** The JSON of a key ring, which holds private keys. Its errors repeat no value. */
import { repeatedName } from "../http/json-text.ts";
import { type Bytes, hexBytes, hexText } from "../internal/bytes.ts";
import { KEY_BYTES } from "../internal/ed25519.ts";
import { type Keys, unknownKey } from "../internal/keys.ts";
import { dateText, MAX_KEY_ID, MAX_KEYS, MAX_PAGE_BYTES, readDate } from "./key-page.ts";
import { readIssuer } from "./minter.ts";

/** A key of a ring. */
export interface RingEntry {
  readonly id: number;
  /** 32 bytes. */
  readonly privateKey: Bytes;
  /** Unix seconds. */
  readonly createdAt: number;
  /** Unix seconds. */
  readonly expiresAt?: number | undefined;
}

interface WrittenKey {
  readonly id: number;
  readonly privateKey: string;
  readonly created: string;
  readonly expires?: string;
}

interface Written {
  readonly issuer: string;
  readonly keys: readonly WrittenKey[];
}

const RING = { issuer: true, keys: true } satisfies Keys<Written>;
const KEY = { id: true, privateKey: true, created: true, expires: true } satisfies Keys<WrittenKey>;

export function writeRing(issuer: string, entries: readonly RingEntry[]): string {
  const ring: Written = {
    issuer,
    keys: entries.map(({ id, privateKey, createdAt, expiresAt }) => ({
      id,
      privateKey: hexText(privateKey),
      created: dateText(createdAt),
      ...(expiresAt !== undefined && { expires: dateText(expiresAt) }),
    })),
  };
  return `${JSON.stringify(ring, null, 2)}\n`;
}

/**
 * The issuer, in canonical form, and its keys by their ids.
 *
 * @throws TypeError that says what is wrong
 */
export function readRing(text: string): {
  readonly issuer: string;
  readonly entries: readonly RingEntry[];
} {
  const { issuer, keys } = membersOf(jsonOf(text), RING, "the key ring");
  if (typeof issuer !== "string") throw new TypeError("the key ring has no issuer");
  if (!Array.isArray(keys) || keys.length === 0)
    throw new TypeError("the key ring has no list of keys");
  if (keys.length > MAX_KEYS) throw new TypeError(`the key ring has more than ${MAX_KEYS} keys`);
  const entries = keys.map(readEntry).sort((one, other) => one.id - other.id);
  for (const [at, entry] of entries.entries()) {
    const before = entries.slice(0, at);
    if (before.some(({ id }) => id === entry.id))
      throw new TypeError(`the key ring has two keys with the id ${entry.id}`);
    // To retire one of them would end nothing.
    const same = before.find(({ privateKey }) => hexText(privateKey) === hexText(entry.privateKey));
    if (same !== undefined)
      throw new TypeError(`the keys ${same.id} and ${entry.id} of the key ring are the same`);
  }
  return { issuer: readIssuer(issuer), entries };
}

/** @throws TypeError without the message of JSON.parse, which repeats a part of the text */
function jsonOf(text: string): unknown {
  const bad = new TypeError("the key ring is not JSON, such as `sigil keys new` writes");
  if (text.length > MAX_PAGE_BYTES)
    throw new TypeError(`the key ring has more than ${MAX_PAGE_BYTES} characters`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw bad;
  }
  if (repeatedName(text) !== undefined)
    throw new TypeError("an object of the key ring has one member twice");
  return json;
}

function membersOf<Member extends string>(
  value: unknown,
  known: Readonly<Record<Member, true>>,
  what: string,
): Readonly<Partial<Record<Member, unknown>>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError(`${what} is not a JSON object`);
  const unknown = unknownKey(value, known);
  if (unknown === undefined) return value as Readonly<Partial<Record<Member, unknown>>>;
  // A key may stand where a name belongs.
  const name = /^\w{1,20}$/.test(unknown.key) ? ` "${unknown.key}"` : "";
  throw new TypeError(`${what} has an unknown member${name}${unknown.hint}`);
}

function readEntry(value: unknown, at: number): RingEntry {
  const members = membersOf(value, KEY, `key ${at + 1} of the key ring`);
  const { id, privateKey, created, expires } = members;
  if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id > MAX_KEY_ID)
    throw new TypeError(
      `key ${at + 1} of the key ring: id must be a whole number from 0 to ${MAX_KEY_ID}`,
    );
  const what = `the key ${id} of the key ring`;
  const bytes = typeof privateKey === "string" ? hexBytes(privateKey) : undefined;
  if (bytes?.length !== KEY_BYTES)
    throw new TypeError(`${what}: privateKey must be an Ed25519 private key in 64 hex digits`);
  // Zeros and other placeholders fail here, not in production. [case 112]
  if (new Set(bytes).size < 12) throw new TypeError(`${what}: privateKey is not random`);
  const createdAt = dateOf(created, `${what}: created`);
  if (expires === undefined) return { id, privateKey: bytes, createdAt };
  return { id, privateKey: bytes, createdAt, expiresAt: dateOf(expires, `${what}: expires`) };
}

function dateOf(value: unknown, what: string): number {
  const seconds = typeof value === "string" ? readDate(value) : undefined;
  if (seconds === undefined)
    throw new TypeError(`${what} must be a date such as "2026-11-30T09:00:00Z"`);
  return seconds;
}
