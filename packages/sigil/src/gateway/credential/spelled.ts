/** Whether a text has a credential of a gateway in it, however that is spelled. */
import { unescaped } from "./escapes.ts";

/** Begins the key form. spec/1-credential.md §3. */
const KEY = "sk-sigil-";
/** How often one text may be escaped. */
const MAX_LAYERS = 3;
/** Digits of base64 that no credential is shorter than. */
const LEAST_DIGITS = 132;
/** Digits of hex of as many bytes. */
const LEAST_HEX = (LEAST_DIGITS / 4) * 3 * 2;
const RUNS = new RegExp(`[A-Za-z0-9+/]{${LEAST_DIGITS},}`, "g");
const HEX_RUNS = new RegExp(`[0-9A-Fa-f]{${LEAST_HEX},}`, "g");
/** White space, also as JSON and others write it. */
const FOLDS = /(?:\s|\\[nrt])+/g;

/**
 * Whether a credential is in a text: in either alphabet of base64, in hex, in the key form, or in
 * base64 or hex of those, with any character escaped, and on one line or on several. A token counts
 * no matter who made it, because what it says of its maker is no proof. Takes linear time.
 */
export function hasCredential(text: string): boolean {
  let plain = text;
  for (let layers = 0; layers <= MAX_LAYERS; layers++) {
    if (isOpen(plain)) return true;
    const next = unescaped(plain);
    if (next === plain) return false;
    plain = next;
  }
  return false;
}

/** @param layers of base64 or hex that are read */
function isOpen(text: string, layers = 2): boolean {
  if (text.includes(KEY)) return true;
  if (layers === 0) return false;
  return readingsOf(text).some(
    (bytes) => hasToken(bytes) || isOpen(bytes.toString("latin1"), layers - 1),
  );
}

/** What was encoded may begin inside of four digits of base64, or two of hex. */
function readingsOf(text: string): readonly Buffer[] {
  if (text.length < LEAST_DIGITS) return [];
  const digits = text.replace(FOLDS, "").replaceAll("-", "+").replaceAll("_", "/");
  return [
    ...(digits.match(RUNS) ?? []).flatMap((run) =>
      [0, 1, 2, 3].map((at) => Buffer.from(run.slice(at), "base64")),
    ),
    ...(digits.match(HEX_RUNS) ?? []).flatMap((run) =>
      [0, 1].map((at) => Buffer.from(run.slice(at), "hex")),
    ),
  ];
}

/**
 * By what each form begins with: a macaroon's packet of version 2 with its location, or with its
 * identifier if it has none; a token of the public-key form with the number of its key, or with its
 * first block. Each place is looked at, because what stands before a token may look like one.
 */
const hasToken = (bytes: Uint8Array): boolean =>
  bytes.some((byte, at) =>
    byte === VERSION
      ? isMacaroon(bytes, at)
      : (byte === KEY_ID || byte === FIRST_BLOCK) && isPublicKeyToken(bytes, at),
  );

/** Whether it is one of L402: its identifier has a version of two bytes, and 64 bytes. */
function isMacaroon(bytes: Uint8Array, from: number): boolean {
  let at = from + 1;
  if (bytes[at] === LOCATION) {
    const { value, end } = varintAt(bytes, at + 1);
    at = end + value;
  }
  return IDENTIFIER.every((byte, index) => bytes[at + index] === byte);
}

/** Whether behind its first block there is the next key. spec/9-public-key.md §1. */
function isPublicKeyToken(bytes: Uint8Array, from: number): boolean {
  let at = from;
  if (bytes[at] === KEY_ID) at = varintAt(bytes, at + 1).end;
  if (bytes[at] !== FIRST_BLOCK) return false;
  at = varintAt(bytes, at + 1).end;
  if (bytes[at] !== BLOCK_BYTES) return false;
  const { value, end } = varintAt(bytes, at + 1);
  return NEXT_KEY.every((byte, index) => bytes[end + value + index] === byte);
}

/** The lower seven bits come first. What is no number has no bytes behind it. */
function varintAt(
  bytes: Uint8Array,
  from: number,
): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let index = 0; index < MAX_VARINT_BYTES; index++) {
    const byte = bytes[from + index];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, end: from + index + 1 };
  }
  return { value: 0, end: Number.MAX_SAFE_INTEGER };
}

const MAX_VARINT_BYTES = 5;

/** Of a macaroon's packet, and the field of its location. */
const VERSION = 2;
const LOCATION = 1;
/** The field, its length, and the version. */
const IDENTIFIER = [2, 66, 0, 0] as const;
/** Fields of `Biscuit` and `SignedBlock`, with their wire types. */
const KEY_ID = 0x08;
const FIRST_BLOCK = 0x12;
const BLOCK_BYTES = 0x0a;
/** The field, its length, Ed25519, and the length of the key. */
const NEXT_KEY = [0x12, 36, 0x08, 0, 0x12, 32] as const;
