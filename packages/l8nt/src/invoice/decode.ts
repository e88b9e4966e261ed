/** Reads and verifies a BOLT 11 invoice. */
import type { InvoiceCurve } from "./curve.ts";
import type { InvoiceData } from "./invoice.ts";
import { readInvoice } from "./read.ts";
import { invoiceHash, payeeOf } from "./signature.ts";

/**
 * Reads an invoice, also as a `lightning:` link, and checks its checksum, its signature and every
 * rule of BOLT 11 that lnd and LDK check too. The payer still has to check that the network, the
 * amount and the expiry are acceptable.
 *
 * @param curve computes the payee's key. The default is `@noble/curves`, which runs everywhere
 * @throws ChallengeError (`ERR_INVOICE_MALFORMED`) for any input that is not a valid invoice; the
 * message never contains the input
 * @example
 * const { amountMsat, expiresAt, paymentHash } = Invoice.decode("lnbc2500u1pvjluez…");
 */
export function decode(text: string, curve?: InvoiceCurve): InvoiceData {
  const { invoice, prefix, data, signature, named } = readInvoice(text);
  const payee = payeeOf(invoiceHash(prefix, data), signature, named, curve);
  return Object.freeze({ ...invoice, payee });
}
