/**
 * The tagged fields of an invoice: what each tag holds, and which of them there may be one of. BOLT
 * 11, "Tagged Fields".
 */
import { hexText, utf8Text } from "../internal/bytes.ts";
import { type Fallback, readFallback } from "./fallback.ts";
import { readFeatures } from "./features.ts";
import { malformed } from "./malformed.ts";
import { type RouteHop, readRouteHint } from "./route-hint.ts";
import { type Words, wordsToBytes, wordsToInteger } from "./words.ts";

/** Each tag's 5-bit type; the letter is that word in bech32. */
export const TAG = {
  p: 1,
  r: 3,
  features: 5,
  x: 6,
  f: 9,
  d: 13,
  s: 16,
  n: 19,
  h: 23,
  c: 24,
  m: 27,
} as const;

export interface Tags {
  paymentHash?: string;
  paymentSecret?: string;
  description?: string;
  descriptionHash?: string;
  payee?: string;
  expirySeconds?: number;
  minFinalCltvExpiryDelta?: number;
  metadata?: string;
  features?: readonly number[];
  readonly fallbacks: Fallback[];
  readonly routeHints: (readonly RouteHop[])[];
}

/** 256 bits, and the 264 of a public key, in words. */
const HASH_WORDS = 52;
const KEY_WORDS = 53;

/** @throws ChallengeError (`ERR_INVOICE_MALFORMED`) */
export function readTags(words: Words): Tags {
  const tags: Tags = { fallbacks: [], routeHints: [] };
  let at = 0;
  while (at < words.length) {
    const length =
      words.length - at < 3 ? Number.POSITIVE_INFINITY : words[at + 1]! * 32 + words[at + 2]!;
    if (at + 3 + length > words.length) throw malformed("a field runs past its end");
    readTag(tags, words[at]!, words.slice(at + 3, at + 3 + length));
    at += 3 + length;
  }
  return tags;
}

function readTag(tags: Tags, type: number, data: Words): void {
  switch (type) {
    // A later spec text refuses these four at another length, but its own examples still have them
    // skipped. Skipping is as strict where it counts: without one of the right length the invoice
    // is refused.
    case TAG.p:
      if (data.length === HASH_WORDS) once(tags, "paymentHash", hexOf(data));
      return;
    case TAG.s:
      if (data.length === HASH_WORDS) once(tags, "paymentSecret", hexOf(data));
      return;
    case TAG.h:
      if (data.length === HASH_WORDS) once(tags, "descriptionHash", hexOf(data));
      return;
    case TAG.n:
      if (data.length === KEY_WORDS) once(tags, "payee", hexOf(data));
      return;
    case TAG.d:
      once(tags, "description", utf8Text(bytesOf(data)) ?? fail("its description is not UTF-8"));
      return;
    case TAG.m:
      once(tags, "metadata", hexOf(data));
      return;
    case TAG.x:
      once(tags, "expirySeconds", integerOf(data));
      return;
    case TAG.c:
      once(tags, "minFinalCltvExpiryDelta", integerOf(data));
      return;
    case TAG.features:
      once(tags, "features", readFeatures(minimal(data)));
      return;
    case TAG.f: {
      const fallback = readFallback(data);
      if (fallback !== undefined) tags.fallbacks.push(fallback);
      return;
    }
    case TAG.r:
      tags.routeHints.push(readRouteHint(data));
      return;
  }
}

// Two payment hashes are two invoices: which one is paid would depend on who reads it.
function once<Name extends keyof Tags>(tags: Tags, name: Name, value: Tags[Name]): void {
  if (tags[name] !== undefined) throw malformed("a field that may occur once occurs twice");
  tags[name] = value;
}

function fail(what: string): never {
  throw malformed(what);
}

const bytesOf = (data: Words) =>
  wordsToBytes(data) ?? fail("a field is padded with other bits than zeros");
const hexOf = (data: Words) => hexText(bytesOf(data));
const minimal = (data: Words) =>
  data[0] === 0 ? fail("a number is longer than it needs to be") : data;
const integerOf = (data: Words) => wordsToInteger(minimal(data)) ?? fail("a number is too large");
