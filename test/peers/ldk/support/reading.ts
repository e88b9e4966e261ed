/**
 * A BOLT 11 invoice as LDK reads it, in our names: whatever our decoder says of the same text can
 * be held against it.
 */
import type { Invoice } from "../../../../packages/l8nt/src/invoice/index.ts";
import { hex, ldk, someOf, unwrap } from "./ldk.ts";

export type Reading = Omit<Invoice, "text" | "signature" | "fallbacks" | "descriptionHash">;

const NETWORKS: Readonly<Record<ldk.Currency, Invoice["network"]>> = {
  [ldk.Currency.LDKCurrency_Bitcoin]: "bc",
  [ldk.Currency.LDKCurrency_BitcoinTestnet]: "tb",
  [ldk.Currency.LDKCurrency_Signet]: "tbs",
  [ldk.Currency.LDKCurrency_Regtest]: "bcrt",
  [ldk.Currency.LDKCurrency_Simnet]: "sb",
};

/**
 * LDK 0.1.0 refuses a text of more than 1,023 characters, its own among them
 * (lightningdevkit/rust-lightning#3665). BOLT 11 has no such limit.
 */
export const MAX_READ_LENGTH = 1023;

/** LDK counts in tenths of a msat, in 64 bits. */
export const MAX_READ_MSAT = (2n ** 64n - 1n) / 10n;

/** @throws Error where LDK refuses the text */
export function parse(text: string): ldk.Bolt11Invoice {
  return unwrap(ldk.Bolt11Invoice.constructor_from_str(text), "an invoice");
}

/** Numbers as LDK computes them, defaults among them. */
export function readByLdk(text: string): Reading {
  const invoice = parse(text);
  const raw = invoice.into_signed_raw().raw_invoice();
  const metadata = someOf<Uint8Array>(invoice.payment_metadata());
  return {
    network: NETWORKS[invoice.currency()],
    amountMsat: someOf<bigint>(invoice.amount_milli_satoshis()),
    timestamp: Number(invoice.duration_since_epoch()),
    expirySeconds: Number(invoice.expiry_time()),
    expiresAt: Number(someOf<bigint>(invoice.expires_at())),
    paymentHash: hex(invoice.payment_hash()),
    paymentSecret: hex(invoice.payment_secret()),
    payee: hex(invoice.get_payee_pub_key()),
    minFinalCltvExpiryDelta: Number(invoice.min_final_cltv_expiry_delta()),
    features: bitsOf(invoice.features().le_flags()),
    routeHints: invoice.route_hints().map((hint) => hint.get_a().map(hopOf)),
    ...(isThere(raw.description()) && { description: raw.description().to_str() }),
    ...(metadata !== undefined && { metadata: hex(metadata) }),
  };
}

/** LDK shows no hash of a description, and compares it. */
export function hasDescriptionHash(text: string, descriptionHash: Uint8Array): boolean {
  const shown = parse(text).into_signed_raw().raw_invoice().description_hash();
  // A boolean by its type, and 1 or 0 in truth.
  return isThere(shown) && Boolean(shown.eq(ldk.Sha256.constructor_from_bytes(descriptionHash)));
}

/** What an invoice does not have is an object too, and points to nothing. */
function isThere(value: object): boolean {
  return (value as { ptr?: bigint }).ptr !== 0n;
}

/** Unsigned in BOLT 11, all of them; the bindings show the larger half of each as negative. */
function hopOf(hop: ldk.RouteHintHop): Invoice["routeHints"][number][number] {
  const channel = BigInt.asUintN(64, hop.get_short_channel_id());
  const fees = hop.get_fees();
  return {
    pubkey: hex(hop.get_src_node_id()),
    shortChannelId: [channel >> 40n, (channel >> 16n) & 0xffffffn, channel & 0xffffn].join("x"),
    feeBaseMsat: BigInt(fees.get_base_msat() >>> 0),
    feeProportionalMillionths: fees.get_proportional_millionths() >>> 0,
    cltvExpiryDelta: hop.get_cltv_expiry_delta() & 0xffff,
  };
}

function bitsOf(littleEndian: Uint8Array): number[] {
  return [...littleEndian].flatMap((byte, at) =>
    Array.from({ length: 8 }, (_, bit) => bit)
      .filter((bit) => ((byte >> bit) & 1) === 1)
      .map((bit) => at * 8 + bit),
  );
}
