/** Reads a BOLT 11 invoice by every rule except the signature, which is not verified here. */
import { bech32 } from "@scure/base";
import { type Bytes, hexText } from "../internal/bytes.ts";
import {
  DEFAULT_EXPIRY_SECONDS,
  DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA,
  type InvoiceData,
  SIGNATURE_WORDS,
  TIMESTAMP_WORDS,
} from "./invoice.ts";
import { malformed } from "./malformed.ts";
import { readPrefix } from "./prefix.ts";
import { readTags, type Tags } from "./tags.ts";
import { type Words, wordsToBytes, wordsToInteger } from "./words.ts";

/** In characters: as many as the largest QR code holds. lnd refuses longer ones too. */
export const MAX_INVOICE_LENGTH = 7089;

/** How a link to an invoice begins, in either case. */
const LINK = /^lightning:(?:\/\/)?/i;

/** An invoice whose signature was not verified: trusted from one's own node, never to be paid. */
export type UnverifiedInvoice = Omit<InvoiceData, "payee">;

export interface Reading {
  readonly invoice: UnverifiedInvoice;
  /** `prefix` and `data` are signed by `signature`; `named` is the payee's key, if stated. */
  readonly prefix: string;
  readonly data: Words;
  readonly signature: Bytes;
  readonly named: string | undefined;
}

/**
 * @throws ChallengeError (`ERR_INVOICE_MALFORMED`) for any input that breaks a rule; the message
 * never contains the input
 */
export function readInvoice(text: string): Reading {
  if (typeof text !== "string") throw malformed("it is not a string");
  const bare = text.replace(LINK, "");
  if (bare.length > MAX_INVOICE_LENGTH)
    throw malformed(`it is longer than ${MAX_INVOICE_LENGTH} characters`);
  const decoded = bech32.decodeUnsafe(bare, false);
  if (!decoded) throw malformed("it is not bech32, or its checksum is wrong");
  const { prefix, words } = decoded;
  const { network, amountMsat } = readPrefix(prefix);
  if (words.length < TIMESTAMP_WORDS + SIGNATURE_WORDS) throw malformed("it is too short");
  const data = words.slice(0, -SIGNATURE_WORDS);
  const tags = readTags(data.slice(TIMESTAMP_WORDS));
  const { paymentHash, blindedPaths } = tags;
  if (paymentHash === undefined) throw malformed("it has no payment hash");
  // A blinded path brings its own secret.
  if (tags.paymentSecret === undefined && blindedPaths.length === 0)
    throw malformed("it has no payment secret");
  if (tags.routeHints.length > 0 && blindedPaths.length > 0)
    throw malformed("it has both route hints and blinded paths");
  if ((tags.description === undefined) === (tags.descriptionHash === undefined))
    throw malformed("it must have either a description or the hash of one");

  const timestamp = wordsToInteger(data.slice(0, TIMESTAMP_WORDS))!;
  const expirySeconds = tags.expirySeconds ?? DEFAULT_EXPIRY_SECONDS;
  const expiresAt = timestamp + expirySeconds;
  if (!Number.isSafeInteger(expiresAt)) throw malformed("its expiry is too far in the future");
  // 520 bits are exactly 65 bytes, so that there is no padding to check.
  const signature = wordsToBytes(words.slice(-SIGNATURE_WORDS))!;
  const invoice = Object.freeze({
    text: bare.toLowerCase(),
    network,
    amountMsat,
    timestamp,
    expirySeconds,
    expiresAt,
    paymentHash,
    ...optional(tags),
    minFinalCltvExpiryDelta: tags.minFinalCltvExpiryDelta ?? DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA,
    features: tags.features ?? Object.freeze([]),
    fallbacks: Object.freeze(tags.fallbacks),
    routeHints: Object.freeze(tags.routeHints),
    signature: hexText(signature),
  });
  return { invoice, prefix, data, signature, named: tags.payee };
}

function optional({ paymentSecret, blindedPaths, description, descriptionHash, metadata }: Tags) {
  return {
    ...(paymentSecret !== undefined && { paymentSecret }),
    ...(blindedPaths.length > 0 && { blindedPaths: Object.freeze(blindedPaths) }),
    ...(description !== undefined && { description }),
    ...(descriptionHash !== undefined && { descriptionHash }),
    ...(metadata !== undefined && { metadata }),
  };
}
