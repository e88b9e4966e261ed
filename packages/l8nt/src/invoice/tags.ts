/**
 * The tagged fields of an invoice: the form of each, and which one counts if a field is repeated.
 * BOLT 11, "Tagged Fields"; bLIP 39.
 */
import { hexText, utf8Text } from "../internal/bytes.ts";
import { type Fallback, readFallback } from "./fallback.ts";
import { readFeatures } from "./features.ts";
import { malformed } from "./malformed.ts";
import { type RouteHop, readRouteHint } from "./route-hint.ts";
import { type Words, wordsToBytes, wordsToInteger } from "./words.ts";

/** The 5-bit type of each tag. Its letter is that word in bech32. */
export const TAG = {
  p: 1,
  r: 3,
  features: 5,
  x: 6,
  f: 9,
  d: 13,
  s: 16,
  n: 19,
  b: 20,
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
  readonly blindedPaths: string[];
}

/** The lengths in words of 256 bits, and of the 264 bits of a public key. */
const HASH_WORDS = 52;
const KEY_WORDS = 53;

/** @throws ChallengeError (`ERR_INVOICE_MALFORMED`) */
export function readTags(words: Words): Tags {
  const tags: Tags = { fallbacks: [], routeHints: [], blindedPaths: [] };
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
    // A later text of BOLT 11 refuses these four fields at another length, but its own examples
    // skip them. Skipping is strict enough: an invoice without a field of the right length is
    // refused.
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
      once(tags, "features", readFeatures(data));
      return;
    case TAG.f: {
      const fallback = readFallback(data);
      if (fallback !== undefined) tags.fallbacks.push(fallback);
      return;
    }
    case TAG.r:
      // One without a hop says nothing; lnd and LDK read it.
      if (data.length > 0) tags.routeHints.push(readRouteHint(data));
      return;
    case TAG.b:
      tags.blindedPaths.push(hexOf(data));
      return;
  }
}

/**
 * The first one counts, as in lnd and Core Lightning; LDK and eclair refuse the second one. So a
 * wallet never pays another hash than the one that was checked.
 */
function once<Name extends keyof Tags>(tags: Tags, name: Name, value: Tags[Name]): void {
  tags[name] ??= value;
}

function fail(what: string): never {
  throw malformed(what);
}

const bytesOf = (data: Words) => wordsToBytes(data) ?? fail("the padding of a field is not zero");
const hexOf = (data: Words) => hexText(bytesOf(data));
const integerOf = (data: Words) => wordsToInteger(data) ?? fail("a number is too large");
