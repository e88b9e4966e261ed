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
 * those, with any character escaped. A macaroon counts whoever made it, because its location is no
 * proof.
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
  return runsOf(text).some((run) => hasMacaroon(run) || OFFSETS.some((at) => isIn(run.slice(at))));
}

const runsOf = (text: string): readonly string[] =>
  text.length < LEAST_DIGITS
    ? []
    : (text.replaceAll("-", "+").replaceAll("_", "/").match(RUNS) ?? []);

/** What was encoded may begin inside of four digits. */
const OFFSETS = [0, 1, 2, 3] as const;

function isIn(run: string): boolean {
  const text = Buffer.from(run, "base64").toString("latin1");
  return text.includes(KEY) || runsOf(text).some(hasMacaroon);
}

/** A packet of version 2 begins with its location, or with its identifier if it has none. */
const hasMacaroon = (run: string): boolean =>
  [...run.matchAll(/Ag[E-HJ]/g)].some(({ index }) => isMacaroon(run, index));

/** Whether it is one of L402: its identifier has a version of two bytes, and 64 bytes. */
function isMacaroon(run: string, from: number): boolean {
  const byteAt = (at: number): number => {
    const digit = from + 4 * Math.floor(at / 3);
    return Buffer.from(run.slice(digit, digit + 4), "base64")[at % 3] ?? -1;
  };
  let at = 1;
  if (byteAt(at) === LOCATION) {
    const low = byteAt(++at);
    // A varint: the lower seven bits come first.
    const length = low < 0x80 ? low : (low & 0x7f) + 0x80 * byteAt(++at);
    at += 1 + length;
  }
  return IDENTIFIER.every((byte, index) => byteAt(at + index) === byte);
}

const LOCATION = 1;
/** The field, its length, and the version. */
const IDENTIFIER = [2, 66, 0, 0] as const;
