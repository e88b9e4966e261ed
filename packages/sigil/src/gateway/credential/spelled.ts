/** Whether a text has a credential of a gateway in it, however that is spelled. */
import { unescaped } from "./escapes.ts";

/** Begins the key form. spec/1-credential.md §3. */
const KEY = "sk-sigil-";
/** How often one text may be escaped. */
const MAX_LAYERS = 3;
/** Digits of base64 that no credential is shorter than. */
const LEAST_DIGITS = 132;
const RUNS = new RegExp(`[A-Za-z0-9+/]{${LEAST_DIGITS},}`, "g");

/**
 * Whether a credential is in a text: in either alphabet of base64, in the key form, or in base64 of
 * those, with any character escaped. A token counts whoever made it, because what it says of its
 * maker is no proof.
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

function isOpen(text: string): boolean {
  if (text.includes(KEY)) return true;
  return runsOf(text).some((run) => hasToken(run) || OFFSETS.some((at) => isIn(run.slice(at))));
}

const runsOf = (text: string): readonly string[] =>
  text.length < LEAST_DIGITS
    ? []
    : (text.replaceAll("-", "+").replaceAll("_", "/").match(RUNS) ?? []);

/** What was encoded may begin inside of four digits. */
const OFFSETS = [0, 1, 2, 3] as const;

function isIn(run: string): boolean {
  const text = Buffer.from(run, "base64").toString("latin1");
  return text.includes(KEY) || runsOf(text).some(hasToken);
}

/**
 * By what each form begins with: a macaroon's packet of version 2 with its location, or with its
 * identifier if it has none; a token of the public-key form with the number of its key, or with its
 * first block.
 */
const hasToken = (run: string): boolean =>
  [...run.matchAll(/Ag[E-HJ]/g)].some(({ index }) => isMacaroon(bytesFrom(run, index))) ||
  [...run.matchAll(/C[A-P]|E[g-v]/g)].some(({ index }) => isPublicKeyToken(bytesFrom(run, index)));

const SIXES = Object.fromEntries(
  [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].map((digit, at) => [
    digit.charCodeAt(0),
    at,
  ]),
);

/** Of a text of base64, from a digit on: its bytes, and -1 behind its end. */
const bytesFrom =
  (run: string, from: number) =>
  (at: number): number => {
    const first = from + Math.floor((at * 4) / 3);
    const [high, low] = [SIXES[run.charCodeAt(first)], SIXES[run.charCodeAt(first + 1)]];
    if (high === undefined || low === undefined) return -1;
    const shift = 2 * (at % 3) + 2;
    return ((high << shift) | (low >> (6 - shift))) & 0xff;
  };

type Bytes = ReturnType<typeof bytesFrom>;

/** Whether it is one of L402: its identifier has a version of two bytes, and 64 bytes. */
function isMacaroon(byteAt: Bytes): boolean {
  let at = 1;
  if (byteAt(at) === LOCATION) {
    const { value, end } = varintAt(byteAt, at + 1);
    at = end + value;
  }
  return IDENTIFIER.every((byte, index) => byteAt(at + index) === byte);
}

/** Whether behind its first block there is the next key. spec/9-public-key.md §1. */
function isPublicKeyToken(byteAt: Bytes): boolean {
  let at = 0;
  if (byteAt(at) === KEY_ID) at = varintAt(byteAt, at + 1).end;
  if (byteAt(at) !== FIRST_BLOCK) return false;
  at = varintAt(byteAt, at + 1).end;
  if (byteAt(at) !== BLOCK_BYTES) return false;
  const { value, end } = varintAt(byteAt, at + 1);
  return NEXT_KEY.every((byte, index) => byteAt(end + value + index) === byte);
}

/** The lower seven bits come first. What is no number has no bytes behind it. */
function varintAt(byteAt: Bytes, from: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let index = 0; index < MAX_VARINT_BYTES; index++) {
    const byte = byteAt(from + index);
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte >= 0 && byte < 0x80) return { value, end: from + index + 1 };
  }
  return { value: 0, end: Number.MAX_SAFE_INTEGER };
}

const MAX_VARINT_BYTES = 5;

const LOCATION = 1;
/** The field, its length, and the version. */
const IDENTIFIER = [2, 66, 0, 0] as const;
/** Fields of `Biscuit` and `SignedBlock`, with their wire types. */
const KEY_ID = 0x08;
const FIRST_BLOCK = 0x12;
const BLOCK_BYTES = 0x0a;
/** The field, its length, Ed25519, and the length of the key. */
const NEXT_KEY = [0x12, 36, 0x08, 0, 0x12, 32] as const;
