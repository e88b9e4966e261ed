/** Reads a BOLT 11 invoice: everything in it holds, or it is refused. */
import { bech32 } from "@scure/base";
import { hexText } from "../internal/bytes.ts";
import {
  DEFAULT_EXPIRY_SECONDS,
  DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA,
  type InvoiceData,
  TIMESTAMP_WORDS,
} from "./invoice.ts";
import { malformed } from "./malformed.ts";
import { readPrefix } from "./prefix.ts";
import { invoiceHash, payeeOf, SIGNATURE_WORDS } from "./signature.ts";
import { readTags, type Tags } from "./tags.ts";
import { wordsToBytes, wordsToInteger } from "./words.ts";

/** More than the largest QR code holds, and 20 times a usual invoice. */
export const MAX_INVOICE_LENGTH = 8192;

/**
 * Reads an invoice and checks its checksum, its signature and every rule of BOLT 11. It does not judge: whether the
 * network, the amount and the expiry are acceptable is for whoever pays.
 *
 * @throws ChallengeError (`ERR_INVOICE_MALFORMED`), for any input that is not a valid invoice; the message never holds it
 * @example
 * const { amountMsat, expiresAt, paymentHash } = Invoice.decode("lnbc2500u1pvjluez…");
 */
export function decode(text: string): InvoiceData {
  if (typeof text !== "string") throw malformed("it is not a text");
  // Before any work is done on it.
  if (text.length > MAX_INVOICE_LENGTH) throw malformed(`it is longer than ${MAX_INVOICE_LENGTH} characters`);
  const decoded = bech32.decodeUnsafe(text, false);
  if (!decoded) throw malformed("it is not bech32, or its checksum does not hold");
  const { prefix, words } = decoded;
  const { network, amountMsat } = readPrefix(prefix);
  if (words.length < TIMESTAMP_WORDS + SIGNATURE_WORDS) throw malformed("it is too short");
  const data = words.slice(0, -SIGNATURE_WORDS);
  const tags = readTags(data.slice(TIMESTAMP_WORDS));
  const { paymentHash, paymentSecret } = tags;
  if (paymentHash === undefined) throw malformed("it has no payment hash");
  if (paymentSecret === undefined) throw malformed("it has no payment secret");
  if ((tags.description === undefined) === (tags.descriptionHash === undefined))
    throw malformed("it must have a description or the hash of one, and not both");

  const timestamp = wordsToInteger(data.slice(0, TIMESTAMP_WORDS))!;
  const expirySeconds = tags.expirySeconds ?? DEFAULT_EXPIRY_SECONDS;
  const expiresAt = timestamp + expirySeconds;
  if (!Number.isSafeInteger(expiresAt)) throw malformed("it expires later than numbers go");
  // 520 bits are 65 bytes exactly: there is no padding to be wrong.
  const signature = wordsToBytes(words.slice(-SIGNATURE_WORDS))!;
  return Object.freeze({
    text,
    network,
    amountMsat,
    timestamp,
    expirySeconds,
    expiresAt,
    paymentHash,
    paymentSecret,
    payee: payeeOf(invoiceHash(prefix, data), signature, tags.payee),
    ...optional(tags),
    minFinalCltvExpiryDelta: tags.minFinalCltvExpiryDelta ?? DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA,
    features: tags.features ?? Object.freeze([]),
    fallbacks: Object.freeze(tags.fallbacks),
    routeHints: Object.freeze(tags.routeHints),
    signature: hexText(signature),
  });
}

function optional({ description, descriptionHash, metadata }: Tags) {
  return {
    ...(description !== undefined && { description }),
    ...(descriptionHash !== undefined && { descriptionHash }),
    ...(metadata !== undefined && { metadata }),
  };
}
