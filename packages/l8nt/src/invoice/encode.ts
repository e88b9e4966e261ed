/** Writes and signs a BOLT 11 invoice. The same fields and key always give the same text. */
import { bech32 } from "@scure/base";
import { MAX_MSAT } from "../amount.ts";
import { hexBytes, utf8, utf8Text } from "../internal/bytes.ts";
import { writeFallback } from "./fallback.ts";
import { readFeatures, writeFeatures } from "./features.ts";
import { type InvoiceFields, MAX_TIMESTAMP, TIMESTAMP_WORDS } from "./invoice.ts";
import { NETWORKS } from "./network.ts";
import { writePrefix } from "./prefix.ts";
import { MAX_INVOICE_LENGTH } from "./read.ts";
import { writeRouteHint } from "./route-hint.ts";
import { checkPrivateKey, invoiceHash, publicKeyOf, signInvoice } from "./signature.ts";
import { TAG } from "./tags.ts";
import { bytesToWords, integerToWords } from "./words.ts";

/**
 * Returns the text of an invoice, signed with the payee's private key (32 bytes). The fields are in
 * the order of BOLT 11's own examples, and the signature is deterministic.
 *
 * @throws TypeError for a field that an invoice cannot hold
 * @example
 * Invoice.encode({ network: "bcrt", amountMsat: 21_000n, timestamp, paymentHash, paymentSecret,
 * description: "1 forecast" }, key);
 */
export function encode(fields: InvoiceFields, privateKey: Uint8Array): string {
  const { network, amountMsat, timestamp, description, descriptionHash, metadata } = fields;
  checkPrivateKey(privateKey);
  need(NETWORKS.includes(network), "network must be one of bc, tb, tbs, bcrt, sb");
  need(
    amountMsat === undefined ||
      (typeof amountMsat === "bigint" && amountMsat > 0n && amountMsat <= MAX_MSAT),
    "amountMsat must be a bigint from 1 to 21 million bitcoin in msat, or left out",
  );
  need(
    isCount(timestamp) && timestamp <= MAX_TIMESTAMP,
    "timestamp must be Unix seconds that fit 35 bits",
  );
  need(
    (description === undefined) !== (descriptionHash === undefined),
    "an invoice has either a description or a descriptionHash",
  );

  const words = integerToWords(timestamp, TIMESTAMP_WORDS);
  const add = (type: number, data: readonly number[]) => {
    need(data.length < 1024, "a field must fit in 639 bytes");
    words.push(type, data.length >> 5, data.length & 31, ...data);
  };
  add(TAG.s, bytesToWords(hash32(fields.paymentSecret, "paymentSecret")));
  add(TAG.p, bytesToWords(hash32(fields.paymentHash, "paymentHash")));
  if (description !== undefined) {
    const bytes = utf8(description);
    need(utf8Text(bytes) === description, "description must be well-formed Unicode");
    add(TAG.d, bytesToWords(bytes));
  }
  if (descriptionHash !== undefined)
    add(TAG.h, bytesToWords(hash32(descriptionHash, "descriptionHash")));
  if (metadata !== undefined) {
    const bytes = hexBytes(metadata);
    need(bytes !== undefined, "metadata must be hex");
    add(TAG.m, bytesToWords(bytes!));
  }
  if (fields.namesPayee === true) add(TAG.n, bytesToWords(publicKeyOf(privateKey)));
  if (fields.expirySeconds !== undefined) {
    need(
      isCount(fields.expirySeconds + timestamp) && isCount(fields.expirySeconds),
      "expirySeconds must be a whole number",
    );
    add(TAG.x, integerToWords(fields.expirySeconds));
  }
  if (fields.minFinalCltvExpiryDelta !== undefined) {
    need(isCount(fields.minFinalCltvExpiryDelta), "minFinalCltvExpiryDelta must be a whole number");
    add(TAG.c, integerToWords(fields.minFinalCltvExpiryDelta));
  }
  for (const fallback of fields.fallbacks ?? []) add(TAG.f, writeFallback(fallback));
  for (const hops of fields.routeHints ?? []) {
    need(hops.length > 0, "a route hint has at least one hop");
    add(TAG.r, writeRouteHint(hops));
  }
  const features = fields.features ?? [];
  if (features.length > 0) add(TAG.features, featureWords(features));

  const prefix = writePrefix({ network, amountMsat });
  const signature = signInvoice(invoiceHash(prefix, words), privateKey);
  const text = bech32.encode(prefix, [...words, ...bytesToWords(signature)], false);
  need(
    text.length <= MAX_INVOICE_LENGTH,
    `an invoice has at most ${MAX_INVOICE_LENGTH} characters`,
  );
  return text;
}

function featureWords(features: readonly number[]): number[] {
  need(
    features.every((bit) => isCount(bit) && bit < 5 * 1023),
    "features must be bit numbers",
  );
  const words = writeFeatures(features);
  try {
    readFeatures(words);
  } catch (cause) {
    throw new TypeError("features must not have an even bit that BOLT 9 does not define", {
      cause,
    });
  }
  return words;
}

function hash32(text: string, name: string): Uint8Array {
  const bytes = typeof text === "string" ? hexBytes(text) : undefined;
  need(bytes?.length === 32, `${name} must be 32 bytes in hex`);
  return bytes!;
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;

function need(holds: boolean, what: string): void {
  if (!holds) throw new TypeError(what);
}
